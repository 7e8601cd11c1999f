"""O2: deliveries of outgoing webhooks against the events, endpoints and attempts they name; the count of endpoints."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.outgoing_webhooks.endpoints import COUNTER
from storefront.core.tables import counters, events
from storefront.core.tables_webhooks import webhook_attempts, webhook_deliveries, webhook_endpoints


@cache
def _select_deliveries_are_of_events() -> Select[Any]:
    row = webhook_deliveries.c
    is_event = and_(
        events.c.id == row.event_id,
        events.c.type == row.event_type,
        events.c.anchor == row.anchor,
        events.c.sequence == row.sequence,
        events.c.commit_no == row.commit_no,
    )
    was_taken = exists().where(
        webhook_attempts.c.endpoint_id == row.endpoint_id,
        webhook_attempts.c.event_id == row.event_id,
        webhook_attempts.c.status.between(200, 299),
    )
    return (
        select(row.endpoint_id, row.event_id, row.state, row.closed_at, events.c.id.label("event"),
               webhook_endpoints.c.id.label("endpoint"))
        .join(webhook_endpoints, webhook_endpoints.c.id == row.endpoint_id, isouter=True)
        .join(events, is_event, isouter=True)
        .where(
            or_(
                webhook_endpoints.c.id.is_(None),
                events.c.id.is_(None),
                (row.state == "waiting") != row.closed_at.is_(None),
                and_(row.state == "delivered", ~was_taken),
            )
        )
    )  # fmt: skip


def deliveries_are_of_events(connection: Connection) -> Iterator[Violation]:
    """O2: a delivery names an endpoint and an event that exist; one that arrived has the attempt that was taken."""
    for found in each_row(connection, _select_deliveries_are_of_events()):
        if found.endpoint is None:
            fault = "that endpoint does not exist"
        elif found.event is None:
            fault = "there is no such event at its place"
        elif (found.state == "waiting") != (found.closed_at is None):
            fault = f"it is {found.state} and {'open' if found.closed_at is None else 'closed'}"
        else:
            fault = "no attempt was answered with success"
        message = f"delivery of {found.event_id} to {found.endpoint_id} is {found.state}, but {fault}"
        yield Violation("O2", (found.event_id, found.endpoint_id), message)


@cache
def _select_endpoints_are_counted() -> tuple[Select[Any], Select[Any]]:
    there = select(func.count()).where(webhook_endpoints.c.state != "deleted")
    kept = select(func.coalesce(func.max(counters.c.value), 0)).where(counters.c.key == COUNTER)
    return there, kept


def endpoints_are_counted(connection: Connection) -> Iterator[Violation]:
    """O2-counter: the counter that caps the endpoints says how many there are."""
    there, kept = _select_endpoints_are_counted()
    found, counted = connection.execute(there).scalar_one(), connection.execute(kept).scalar_one()
    if found != counted:
        yield Violation("O2-counter", (COUNTER,), f"counter {COUNTER} says {counted}, but there are {found}")


CHECKS = (
    Check("O2", "Every delivery is of an event to an endpoint, and arrived if it says so", deliveries_are_of_events),
    Check("O2-counter", "The counter of webhook endpoints says how many there are", endpoints_are_counted),
)
