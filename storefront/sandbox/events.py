"""Events: what happened, newest first, kept for 30 days of business time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources

from storefront.sandbox.errors import invalid, missing_object
from storefront.sandbox.operations import Condition, Operation, filters, list_page, present
from storefront.sandbox.params import EXPAND, PAGE, Checked, Each, Flag, Text, When
from storefront.sandbox.store import Body
from storefront.sandbox.world import World

KEPT_SECONDS = 30 * 24 * 3600
_UNDELIVERED = "id {} (SELECT event_id FROM deliveries WHERE state <> 'delivered')"


@cache
def event_types() -> frozenset[str]:
    """Every type that an endpoint may ask for at the pinned version, and ``*``."""
    text = resources.files("storefront.sandbox").joinpath("event_types.json").read_text(encoding="utf-8")
    return frozenset(json.loads(text))


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    conditions = filters(params, "type")
    conditions.append(_kept(world))
    if "types" in params:
        marks = ", ".join("?" for _ in params["types"])
        conditions.append((f"json_extract(body, '$.type') IN ({marks})", tuple(params["types"])))
    if "delivery_success" in params:
        conditions.append((_UNDELIVERED.format("NOT IN" if params["delivery_success"] else "IN"), ()))
    return list_page(world, "event", params, url="/v1/events", conditions=conditions)


def _kept(world: World) -> Condition:
    return ("json_extract(body, '$.created') >= ?", world.now - KEPT_SECONDS)


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    event = world.get("event", ids[0])
    if event["created"] < world.now - KEPT_SECONDS:
        raise missing_object("event", ids[0])
    return present(world, event)


OPERATIONS = (
    Operation("GET", "events", {
        "created": When(),
        "delivery_success": Flag(),
        "type": Text(100),
        "types": Each(Text(100), at_most=20),
        **PAGE,
    }, _list),
    Operation("GET", "events/{}", EXPAND, _retrieve),
)  # fmt: skip
