"""What must be true of commands, computed anew from the tables alone."""

from collections.abc import Iterator

from sqlalchemy import Connection, and_, exists, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import claims, customers, events, purchases
from storefront_microtransactions.deliveries.tables import commands


def commands_follow_events(connection: Connection) -> Iterator[Violation]:
    """D1: every command follows an event of its own customer, and that event was claimed."""
    row = commands.c
    is_claimed = exists().where(claims.c.key == "delivery:" + row.event_id)
    statement = (
        select(row.id, row.event_id, events.c.id.label("event"), events.c.anchor, row.customer_id,
               is_claimed.label("is_claimed"))
        .join(events, events.c.id == row.event_id, isouter=True)
        .where(or_(events.c.id.is_(None), ~is_claimed, ~exists().where(customers.c.id == row.customer_id)))
    )  # fmt: skip
    for found in each_row(connection, statement):
        if found.event is None:
            fault = f"there is no event {found.event_id}"
        elif not found.is_claimed:
            fault = f"nobody claimed its event {found.event_id}"
        else:
            fault = f"there is no customer {found.customer_id}"
        yield Violation("D1", (found.id,), f"delivery {found.id} has nothing that it follows: {fault}")


def commands_are_of_their_purchases(connection: Connection) -> Iterator[Violation]:
    """D2: a command that names a purchase names one that there is, of its own offer, which was completed."""
    row = commands.c
    statement = (
        select(row.id, row.purchase_id, row.sku, purchases.c.sku.label("sold"), purchases.c.completed_at)
        .join(purchases, purchases.c.id == row.purchase_id, isouter=True)
        .where(
            row.purchase_id.is_not(None),
            or_(purchases.c.id.is_(None), purchases.c.sku != row.sku, purchases.c.completed_at.is_(None)),
        )
    )
    for found in each_row(connection, statement):
        if found.sold is None:
            fault = "does not exist"
        elif found.sold != found.sku:
            fault = f"is of {found.sold}, not of {found.sku}"
        else:
            fault = "was never completed"
        yield Violation("D2", (found.id,), f"delivery {found.id}: its purchase {found.purchase_id} {fault}")


def commands_were_handed_out(connection: Connection) -> Iterator[Violation]:
    """D3: what is done or with a server was handed out, and what was canceled for a reversal never was."""
    row = commands.c
    never = and_(row.state.in_(("leased", "done")), or_(row.attempts == 0, row.lease_id.is_(None)))
    taken = and_(row.state == "canceled", row.attempts > 0, row.canceled_for.like("rev~_%", escape="~"))
    statement = select(row.id, row.state, row.attempts).where(or_(never, taken))
    for found in each_row(connection, statement):
        fault = "no server ever had it" if found.state != "canceled" else f"it was handed out {found.attempts} times"
        yield Violation("D3", (found.id,), f"delivery {found.id} is {found.state}, but {fault}")


def states_were_told(connection: Connection) -> Iterator[Violation]:
    """D4: every command that is done or dead has an event that says so; each is done once."""
    row = commands.c
    said = exists().where(events.c.subject == row.id, events.c.type == "delivery." + row.state)
    statement = select(row.id, row.state).where(row.state.in_(("done", "dead")), ~said)
    for found in each_row(connection, statement):
        yield Violation("D4", (found.id,), f"delivery {found.id} is {found.state}, but no event says so")
    twice = (
        select(events.c.subject, func.count().label("n"))
        .where(events.c.type == "delivery.done")
        .group_by(events.c.subject)
        .having(func.count() > 1)
    )
    for found in each_row(connection, twice):
        yield Violation("D4", (found.subject,), f"delivery {found.subject} was done {found.n} times")


CHECKS = (
    Check("D1", "Every delivery follows an event that was claimed", commands_follow_events),
    Check("D2", "Every delivery is of a purchase that was completed", commands_are_of_their_purchases),
    Check("D3", "What is done was handed out; what was canceled for a reversal never was", commands_were_handed_out),
    Check("D4", "What became of a delivery was told, done once", states_were_told),
)
