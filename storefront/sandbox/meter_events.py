"""Meter events: one use of something by a customer, counted once for its identifier, and taken back by an adjustment.

Stripe checks the payload later and reports what is wrong in an event of its own kind; here the call itself is
refused, with the code that the report would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from storefront.sandbox.errors import ApiError, invalid, missing_object
from storefront.sandbox.forms import Tree
from storefront.sandbox.operations import Operation, equal
from storefront.sandbox.params import EXPAND, Checked, Choice, Integer, Object, Required, Text
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

DEDUPLICATED_SECONDS = 24 * 3600
OLDEST_SECONDS = 35 * 24 * 3600
NEWEST_SECONDS = 5 * 60


@dataclass(frozen=True, slots=True)
class Payload:
    """Names to texts."""

    def read(self, raw: Tree | str, name: str) -> dict[str, str]:
        """The payload as it was given."""
        if isinstance(raw, str) or not all(isinstance(value, str) for value in raw.values()):
            raise invalid("Invalid object: the payload's values must be strings", param=name)
        return {key: str(value) for key, value in raw.items()}


def counted(world: World, meter: Body, customer: str, start: int, end: int) -> list[float]:
    """The values that count for a customer within ``[start, end)``, in the order of their times."""
    conditions = [
        equal("event_name", meter["event_name"]),
        ("json_extract(body, '$.timestamp') >= ?", start),
        ("json_extract(body, '$.timestamp') < ?", end),
        ("json_extract(hidden, '$.customer') = ?", customer),
        ("json_extract(hidden, '$.is_canceled') IS NULL", ()),
    ]
    events = world.records.select("billing.meter_event", conditions, oldest_first=True)
    events.sort(key=lambda event: int(event["timestamp"]))
    return [_number(event["payload"][meter["value_settings"]["event_payload_key"]]) for event in events]


def _number(text: str) -> float:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    meter = _meter(world, params["event_name"])
    timestamp = params.get("timestamp", world.now)
    if timestamp < world.now - OLDEST_SECONDS:
        raise invalid(
            "The timestamp is more than 35 days in the past.", param="timestamp", code="timestamp_too_far_in_past"
        )
    if timestamp > world.now + NEWEST_SECONDS:
        raise invalid(
            "The timestamp is more than five minutes in the future.", param="timestamp", code="timestamp_in_future"
        )
    identifier = params.get("identifier") or new_id("mev")
    if _recent(world, identifier):
        raise invalid(
            f"An event already exists with identifier {identifier}.", param="identifier", code="duplicate_meter_event"
        )
    customer = _checked_customer(world, meter, params["payload"])
    event: Body = {
        "object": "billing.meter_event",
        "created": world.now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": params["payload"],
        "timestamp": timestamp,
    }
    world.insert({**event, "id": new_id("mtrevt")}, hidden={"customer": customer})
    return event


def _meter(world: World, event_name: str) -> Body:
    found = world.records.select("billing.meter", [equal("event_name", event_name)], limit=1)
    if not found:
        raise invalid(f"No meter counts events named '{event_name}'.", param="event_name", code="no_meter")
    if found[0]["status"] != "active":
        raise invalid(f"The meter of '{event_name}' is inactive.", param="event_name", code="archived_meter")
    return found[0]


def _checked_customer(world: World, meter: Body, payload: dict[str, str]) -> str:
    customer_key = meter["customer_mapping"]["event_payload_key"]
    value_key = meter["value_settings"]["event_payload_key"]
    customer = payload.get(customer_key)
    if not customer:
        raise _bad(f"The payload names no customer under '{customer_key}'.", "meter_event_no_customer_defined")
    if world.records.find("customer", customer) is None:
        raise _bad(f"No such customer: '{customer}'", "meter_event_customer_not_found")
    if value_key not in payload:
        raise _bad(f"The payload has no value under '{value_key}'.", "meter_event_value_not_found")
    try:
        is_number = Decimal(payload[value_key]).is_finite()
    except InvalidOperation:
        is_number = False
    if not is_number:
        raise _bad(f"The value under '{value_key}' is not a number.", "meter_event_invalid_value")
    return customer


def _bad(message: str, code: str) -> ApiError:
    return invalid(message, param="payload", code=code)


def _recent(world: World, identifier: str) -> list[Body]:
    conditions = [
        equal("identifier", identifier),
        ("json_extract(body, '$.created') > ?", world.now - DEDUPLICATED_SECONDS),
    ]
    return world.records.select("billing.meter_event", conditions, limit=1)


def _adjust(world: World, params: Checked, ids: Sequence[str]) -> Body:
    identifier = params["cancel"]["identifier"]
    found = [event for event in _recent(world, identifier) if event["event_name"] == params["event_name"]]
    if not found:
        raise missing_object("meter event of the last 24 hours", identifier, param="cancel[identifier]", status=400)
    event = found[0]
    hidden = world.records.hidden(event["id"])
    if hidden.get("is_canceled"):
        raise invalid(f"The event {identifier} has been canceled already.", param="cancel[identifier]")
    world.records.save(event, hidden={**hidden, "is_canceled": True})
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": params["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }


OPERATIONS = (
    Operation("POST", "billing/meter_events", {
        "event_name": Required(Text(100)),
        "identifier": Text(100),
        "payload": Required(Payload()),
        "timestamp": Integer(0),
        **EXPAND,
    }, _create),
    Operation("POST", "billing/meter_event_adjustments", {
        "cancel": Required(Object({"identifier": Required(Text(100))})),
        "event_name": Required(Text(100)),
        "type": Required(Choice(("cancel",))),
        **EXPAND,
    }, _adjust),
)  # fmt: skip
