"""Webhook endpoints: where events are posted, and the secret that signs them."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.errors import invalid
from storefront.sandbox.events import event_types
from storefront.sandbox.operations import Operation, list_page, retrieving
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Choice,
    Each,
    Flag,
    Metadata,
    Required,
    Text,
    Url,
)
from storefront.sandbox.store import Body
from storefront.sandbox.world import API_VERSION, World, merged_metadata, new_id

FIXED_ID = "we_installed_at_start"
FIXED_CONNECT_ID = "we_installed_for_connect"


def new_endpoint(
    world: World,
    *,
    url: str,
    secret: str,
    enabled_events: Sequence[str],
    params: Checked | None = None,
    endpoint_id: str | None = None,
) -> Body:
    """Add an endpoint; the secret is kept beside it and shown only in the answer to its creation."""
    given = params or {}
    endpoint: Body = {
        "id": endpoint_id or new_id("we"),
        "object": "webhook_endpoint",
        "api_version": given.get("api_version"),
        "application": None,
        "created": world.now,
        "description": given.get("description"),
        "enabled_events": list(enabled_events),
        "livemode": False,
        "metadata": merged_metadata({}, given.get("metadata")),
        "status": "enabled",
        "url": url,
    }
    return world.insert(endpoint, hidden={"secret": secret, "is_connect": bool(given.get("connect"))})


def install_fixed(world: World, given: tuple[str, str] | None, *, is_connect: bool = False) -> None:
    """Make the endpoint given at start exist with this address and secret, whatever an earlier start left.

    Without one, that of an earlier start is taken away. One ``is_connect`` hears of the connected accounts.
    """
    endpoint_id = FIXED_CONNECT_ID if is_connect else FIXED_ID
    if given is None:
        world.records.delete(endpoint_id)
        return
    url, secret = given
    endpoint = world.records.find("webhook_endpoint", endpoint_id)
    if endpoint is None:
        params: Checked = {"connect": is_connect}
        new_endpoint(
            world, url=url, secret=secret, enabled_events=["*"], params=params, endpoint_id=endpoint_id
        )  # fmt: skip
    else:
        endpoint.update(url=url, status="enabled")
        world.records.save(endpoint, hidden={"secret": secret, "is_connect": is_connect})


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    _check_types(params["enabled_events"])
    secret = new_id("whsec", 32)
    endpoint = new_endpoint(
        world, url=params["url"], secret=secret, enabled_events=params["enabled_events"], params=params
    )
    return {**endpoint, "secret": secret}


def _check_types(asked: Sequence[str]) -> None:
    if not asked:
        raise invalid("You must specify at least one event.", param="enabled_events")
    for index, event_type in enumerate(asked):
        if event_type not in event_types():
            raise invalid(f"Invalid enabled_events: {event_type} is not a type", param=f"enabled_events[{index}]")


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    endpoint = world.get("webhook_endpoint", ids[0])
    if "enabled_events" in params:
        _check_types(params["enabled_events"])
        endpoint["enabled_events"] = params["enabled_events"]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        endpoint["metadata"] = merged_metadata(endpoint["metadata"], params["metadata"])
    for member in ("description", "url"):
        if member in params:
            endpoint[member] = params[member]
    return world.save(endpoint)


def _delete(world: World, params: Checked, ids: Sequence[str]) -> Body:
    endpoint = world.get("webhook_endpoint", ids[0])
    world.records.delete(endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return list_page(world, "webhook_endpoint", params, url="/v1/webhook_endpoints")


OPERATIONS = (
    Operation("POST", "webhook_endpoints", {
        "api_version": Choice((API_VERSION,)),
        "connect": Flag(),
        "description": Text(clearable=True),
        "enabled_events": Required(Each(Text(100), at_most=300)),
        "metadata": Metadata(),
        "url": Required(Url()),
        **EXPAND,
    }, _create),
    Operation("GET", "webhook_endpoints", PAGE, _list),
    Operation("GET", "webhook_endpoints/{}", EXPAND, retrieving("webhook_endpoint")),
    Operation("POST", "webhook_endpoints/{}", {
        "description": Text(clearable=True),
        "disabled": Flag(),
        "enabled_events": Each(Text(100), at_most=300),
        "metadata": Metadata(),
        "url": Url(),
        **EXPAND,
    }, _update),
    Operation("DELETE", "webhook_endpoints/{}", {}, _delete),
)  # fmt: skip
