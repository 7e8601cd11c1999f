"""What an operation of the API is, and the parts that all of them share: lists, presentation, expansion."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from storefront.sandbox.errors import invalid, missing_object
from storefront.sandbox.params import Checked, Table, words
from storefront.sandbox.store import Body
from storefront.sandbox.world import NOUNS, World

Run = Callable[[World, Checked, Sequence[str]], Body]
Condition = tuple[str, object]

MAX_EXPAND_DEPTH = 4
_EXPANDABLE = frozenset(
    words(
        "application application_fee balance_transaction charge customer destination destination_payment "
        "destination_payment_refund failure_balance_transaction invoice latest_attempt latest_charge line_items "
        "mandate on_behalf_of original_payout payment_intent payment_link payment_method refunds reversed_by review "
        "setup_intent source source_refund source_transaction source_transfer source_transfer_reversal subscription "
        "test_clock transfer "
        "transfer_reversal"
    )
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method and path (``{}`` stands for an id), its parameters, and the function that does it."""

    method: str
    path: str
    table: Table
    run: Run

    def match(self, method: str, path: str) -> Sequence[str] | None:
        """The ids in a matching path, else ``None``."""
        if method != self.method:
            return None
        found = _pattern(self.path).fullmatch(path)
        return found.groups() if found else None


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{\}", "([^/]+)"))


def list_page(world: World, kind: str, params: Checked, *, url: str, conditions: Sequence[Condition] = ()) -> Body:
    """One page of a list, newest first, with Stripe's cursors."""
    limit = params.get("limit", 10)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You can only use one of starting_after or ending_before.", param="ending_before")
    wanted = [*conditions]
    if after:
        wanted.append(("seq < ?", _position(world, kind, after, "starting_after")))
    if before:
        wanted.append(("seq > ?", _position(world, kind, before, "ending_before")))
    found = world.records.select(kind, wanted, oldest_first=bool(before), limit=limit + 1)
    page = found[:limit]
    if before:
        page.reverse()
    return {
        "object": "list",
        "data": [present(world, body) for body in page],
        "has_more": len(found) > limit,
        "url": url,
    }


def _position(world: World, kind: str, object_id: str, param: str) -> int:
    position = world.records.position(kind, object_id)
    if position is None:
        raise missing_object(NOUNS.get(kind, kind), object_id, param=param, status=400)
    return position


def equal(member: str, value: object) -> Condition:
    """The condition that a member of the object has this value."""
    return (f"json_extract(body, '$.{member}') = ?", value)


def filters(params: Checked, *members: str) -> list[Condition]:
    """Conditions for the plain filters and the bounds of time that the caller gave."""
    conditions = [equal(member, params[member]) for member in members if member in params]
    signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    for member in ("created", "arrival_date"):
        for bound, second in params.get(member, {}).items():
            conditions.append((f"json_extract(body, '$.{member}') {signs[bound]} ?", second))
    return conditions


def retrieving(kind: str) -> Run:
    """The operation that answers one object by its id."""

    def retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
        return present(world, world.get(kind, ids[0]))

    return retrieve


def present(world: World, body: Body) -> Body:
    """The object as it is shown now: members that only time or deliveries change are worked out here."""
    if body["object"] == "balance_transaction":
        body["status"] = "available" if world.now >= body["available_on"] else "pending"
    if body["object"] == "checkout.session" and body["status"] == "open":
        body["url"] = f"{world.public_url}/pay/{body['id']}"  # where it is served now, after a move too
    if body["object"] == "event":
        body["pending_webhooks"] = world.records.connection.execute(
            "SELECT count(DISTINCT endpoint_id) FROM deliveries WHERE event_id = ? AND state NOT IN ('delivered')",
            (body["id"],),
        ).fetchone()[0]
    return body


def expand(world: World, answer: Body, paths: Sequence[str]) -> Body:
    """Replace ids by their objects along each path (``payment_intent.latest_charge``, ``data.customer``).

    Raises:
        ApiError: a path too deep, or through a member that cannot be expanded.
    """
    for path in paths:
        steps = path.split(".")
        depth = len(steps) - (1 if answer["object"] == "list" else 0)
        if depth > MAX_EXPAND_DEPTH:
            raise invalid(f"You cannot expand more than {MAX_EXPAND_DEPTH} levels of a property: {path}")
        _expand(world, answer, steps, path)
    return answer


def _expand(world: World, body: Body, steps: Sequence[str], path: str) -> None:
    step, rest = steps[0], steps[1:]
    if step == "data" and body.get("object") == "list":
        for member in body["data"]:
            if rest:
                _expand(world, member, rest, path)
        return
    if step == "total_details" and rest == ["breakdown"] and body["object"] == "checkout.session":
        _expand_breakdown(world, body)
        return
    if step not in _EXPANDABLE or (step not in body and step != "line_items"):
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    value = body.get(step)
    if step == "line_items" and body["object"] == "checkout.session" and value is None:
        value = body[step] = line_items(world, body["id"], {})
    elif isinstance(value, str):
        found = world.records.find_any(value)
        if found is not None:
            value = body[step] = present(world, found)
    if rest and isinstance(value, dict):
        _expand(world, value, rest, path)


def _expand_breakdown(world: World, session: Body) -> None:
    if session["total_details"] is not None:
        blank: Body = {"discounts": [], "taxes": []}
        session["total_details"]["breakdown"] = world.records.hidden(session["id"]).get("breakdown", blank)


def line_items(world: World, session_id: str, params: Checked) -> Body:
    """One page of a session's lines, in the order in which they were given."""
    items: list[Body] = world.records.hidden(session_id)["line_items"]
    ids = [item["id"] for item in items]
    for param in ("starting_after", "ending_before"):
        if param in params and params[param] not in ids:
            raise missing_object("line_item", params[param], param=param, status=400)
    first = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
    last = ids.index(params["ending_before"]) if "ending_before" in params else len(items)
    limit = params.get("limit", 10)
    within = items[first:last]
    page = within[-limit:] if "ending_before" in params else within[:limit]
    return {
        "object": "list",
        "data": page,
        "has_more": len(within) > len(page),
        "url": f"/v1/checkout/sessions/{session_id}/line_items",
    }
