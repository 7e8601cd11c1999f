"""What must be true of commands, computed anew from the tables alone."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, exists, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import catalog_versions, claims, customers, events, purchases
from storefront_microtransactions.deliveries.tables import commands
from storefront_microtransactions.tables import openings


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


def commands_are_of_what_was_given(connection: Connection) -> Iterator[Violation]:
    """D2: a command that names a purchase names one that was completed, of its own offer or of what is in that.

    One that names an opening names one that gave what it is about.
    """
    row, versions = commands.c, _Versions(connection)
    sold = (
        select(row.id, row.purchase_id, row.sku, purchases.c.sku.label("sold"), purchases.c.completed_at,
               purchases.c.catalog_version)
        .join(purchases, purchases.c.id == row.purchase_id, isouter=True)
        .where(
            row.purchase_id.is_not(None),
            or_(purchases.c.id.is_(None), purchases.c.sku != row.sku, purchases.c.completed_at.is_(None)),
        )
    )  # fmt: skip
    for found in each_row(connection, sold):
        fault = None
        if found.sold is None:
            fault = "does not exist"
        elif found.completed_at is None:
            fault = "was never completed"
        elif found.sold != found.sku and found.sku not in versions.within(found.catalog_version, found.sold):
            fault = f"is of {found.sold}, not of {found.sku}"
        if fault is not None:
            yield Violation("D2", (found.id,), f"delivery {found.id}: its purchase {found.purchase_id} {fault}")
    drawn = (
        select(row.id, row.opening_id, row.sku, openings.c.gave)
        .join(openings, openings.c.id == row.opening_id, isouter=True)
        .where(row.opening_id.is_not(None))
    )
    for found in each_row(connection, drawn):
        if found.gave is None or found.sku not in msgspec.json.decode(found.gave).get("items", {}):
            fault = "does not exist" if found.gave is None else f"gave no {found.sku}"
            yield Violation("D2", (found.id,), f"delivery {found.id}: its opening {found.opening_id} {fault}")


class _Versions:
    """What bundles hold, read from the stored catalogs themselves; each is read when it is first asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._offers: dict[str, Mapping[str, Any]] = {}

    def within(self, version: str, sku: str) -> frozenset[str]:
        """Return the SKUs of all that an offer holds, nested too."""
        if version not in self._offers:
            statement = select(catalog_versions.c.document).where(catalog_versions.c.hash == version)
            document = self._connection.execute(statement).scalar()
            self._offers[version] = {} if document is None else msgspec.json.decode(document)["offers"]
        found: set[str] = set()
        waiting = [sku]
        while waiting:
            contents = self._offers[version].get(waiting.pop(), {}).get("part", {}).get("contents", ())
            held = {one["sku"] for one in contents if isinstance(contents, list)} - found
            found |= held
            waiting += held
        return frozenset(found)


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
    Check("D2", "Every delivery is of what its purchase, or its opening, gave", commands_are_of_what_was_given),
    Check("D3", "What is done was handed out; what was canceled for a reversal never was", commands_were_handed_out),
    Check("D4", "What became of a delivery was told, done once", states_were_told),
)
