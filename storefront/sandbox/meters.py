"""Billing meters: what is counted for a customer, and how it is summed up."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.errors import invalid
from storefront.sandbox.meter_events import counted
from storefront.sandbox.operations import Operation, equal, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Choice, Integer, Object, Required, Text
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

_WINDOWS = {"hour": 3600, "day": 24 * 3600}


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    active = [equal("event_name", params["event_name"]), equal("status", "active")]
    if world.records.select("billing.meter", active, limit=1):
        message = f"There is already an active meter with the event name '{params['event_name']}'."
        raise invalid(message, param="event_name")
    mapping = params.get("customer_mapping", {})
    meter: Body = {
        "id": new_id("mtr_test", 34),
        "object": "billing.meter",
        "created": world.now,
        "customer_mapping": {
            "event_payload_key": mapping.get("event_payload_key", "stripe_customer_id"), "type": "by_id",
        },
        "default_aggregation": {"formula": params["default_aggregation"]["formula"]},
        "display_name": params["display_name"],
        "event_name": params["event_name"],
        "event_time_window": params.get("event_time_window"),
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": world.now,
        "value_settings": {"event_payload_key": params.get("value_settings", {}).get("event_payload_key", "value")},
    }  # fmt: skip
    world.insert(meter)
    world.emit("billing.meter.created", meter)
    return meter


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    meter = world.get("billing.meter", ids[0])
    before = meter["display_name"]
    if params.get("display_name", before) != before:
        meter.update(display_name=params["display_name"], updated=world.now)
        world.save(meter)
        world.emit("billing.meter.updated", meter, {"display_name": before})
    return meter


def _deactivate(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return _set_status(world, ids[0], "inactive", "billing.meter.deactivated")


def _reactivate(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return _set_status(world, ids[0], "active", "billing.meter.reactivated")


def _set_status(world: World, meter_id: str, status: str, event_type: str) -> Body:
    meter = world.get("billing.meter", meter_id)
    if meter["status"] == status:
        raise invalid(f"This meter is {status} already.")
    meter["status"] = status
    meter["status_transitions"] = {"deactivated_at": world.now if status == "inactive" else None}
    meter["updated"] = world.now
    world.save(meter)
    world.emit(event_type, meter)
    return meter


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return list_page(world, "billing.meter", params, url="/v1/billing/meters", conditions=filters(params, "status"))


def _summaries(world: World, params: Checked, ids: Sequence[str]) -> Body:
    """One page of sums, newest window first; without a window one sum over the whole time."""
    meter = world.get("billing.meter", ids[0])
    start, end = params["start_time"], params["end_time"]
    window = _WINDOWS.get(params.get("value_grouping_window", ""), end - start)
    grain = window if "value_grouping_window" in params else 60
    if start >= end or start % grain or end % grain:
        raise invalid(f"start_time and end_time must be multiples of {grain} seconds, one after the other.")
    summaries = []
    for first in range(start, end, window):
        values = counted(world, meter, params["customer"], first, first + window)
        if values:
            summaries.append(_summary(meter, params["customer"], values, first, first + window))
    summaries.reverse()
    return _page(summaries, params, f"/v1/billing/meters/{meter['id']}/event_summaries")


def _summary(meter: Body, customer: str, values: Sequence[float], start: int, end: int) -> Body:
    formula = meter["default_aggregation"]["formula"]
    aggregated = {"sum": sum(values), "count": len(values), "last": values[-1]}[formula]
    return {
        "id": f"mtrusg_test_{meter['id'].removeprefix('mtr_test_')[:12]}{customer.removeprefix('cus_')}{start}{end}",
        "object": "billing.meter_event_summary",
        "aggregated_value": aggregated,
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


def _page(found: Sequence[Body], params: Checked, url: str) -> Body:
    """One page of what is computed rather than stored, with Stripe's cursors."""
    ids = [body["id"] for body in found]
    for cursor in ("starting_after", "ending_before"):
        if cursor in params and params[cursor] not in ids:
            raise invalid(f"No such summary: '{params[cursor]}'", param=cursor, code="resource_missing")
    first = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
    last = ids.index(params["ending_before"]) if "ending_before" in params else len(ids)
    within = found[first:last]
    limit: int = params.get("limit", 10)
    page = within[-limit:] if "ending_before" in params else within[:limit]
    return {"object": "list", "data": list(page), "has_more": len(within) > len(page), "url": url}


OPERATIONS = (
    Operation("POST", "billing/meters", {
        "customer_mapping": Object({
            "event_payload_key": Required(Text(100)), "type": Required(Choice(("by_id",))),
        }),
        "default_aggregation": Required(Object({"formula": Required(Choice(("count", "last", "sum")))})),
        "display_name": Required(Text(250)),
        "event_name": Required(Text(100)),
        "event_time_window": Choice(("day", "hour")),
        "value_settings": Object({"event_payload_key": Required(Text(100))}),
        **EXPAND,
    }, _create),
    Operation("GET", "billing/meters", {"status": Choice(("active", "inactive")), **PAGE}, _list),
    Operation("GET", "billing/meters/{}", EXPAND, retrieving("billing.meter")),
    Operation("POST", "billing/meters/{}", {"display_name": Text(250), **EXPAND}, _update),
    Operation("POST", "billing/meters/{}/deactivate", EXPAND, _deactivate),
    Operation("POST", "billing/meters/{}/reactivate", EXPAND, _reactivate),
    Operation("GET", "billing/meters/{}/event_summaries", {
        "customer": Required(Text()),
        "end_time": Required(Integer(0)),
        "start_time": Required(Integer(0)),
        "value_grouping_window": Choice(("day", "hour")),
        **PAGE,
    }, _summaries),
)  # fmt: skip
