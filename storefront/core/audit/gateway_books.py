"""L7-gateways: our copy of each gateway's books, against the entries that it brought."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import entries, gateway_movements, transfers

NAME = "L7-gateways"
_BALANCE = literal("gateway:") + gateway_movements.c.gateway + ":balance:" + gateway_movements.c.currency


@cache
def _select_movements_are_booked() -> Select[Any]:
    out_of = case((transfers.c.source == _BALANCE, transfers.c.amount), else_=0)
    into = case((transfers.c.destination == _BALANCE, transfers.c.amount), else_=0)
    # What a gateway holds for us is negative on its account: value comes out of there.
    booked = func.coalesce(func.sum(out_of), 0) - func.coalesce(func.sum(into), 0)
    return (
        select(gateway_movements, booked.label("booked"), entries.c.about.label("entry_about"))
        .join(entries, entries.c.id == gateway_movements.c.entry_id, isouter=True)
        .join(transfers, transfers.c.entry_id == entries.c.id, isouter=True)
        .group_by(*gateway_movements.primary_key.columns, entries.c.id)
        .having(
            or_(
                booked != gateway_movements.c.amount - gateway_movements.c.fee,
                and_(entries.c.id.is_not(None), entries.c.about != gateway_movements.c.id),
            )
        )
    )


def movements_are_booked(connection: Connection) -> Iterator[Violation]:
    """L7: every movement of a gateway moved its balance here by as much, in an entry of its own; nothing else did."""
    for row in each_row(connection, _select_movements_are_booked()):
        moved = row.amount - row.fee
        message = (
            f"{row.gateway} moved {moved} {row.currency} by {row.id} ({row.kind}), "
            f"but its entry {row.entry_id} booked {int(row.booked)}"
        )
        if row.entry_about not in (None, row.id):
            message = f"the entry {row.entry_id} of the movement {row.id} is about {row.entry_about}"
        yield Violation(NAME, (row.id,), message)
    yield from _entries_without_movement(connection)


@cache
def _select_entries_without_movement() -> Select[Any]:
    on_balance = or_(
        transfers.c.source.like("gateway:%:balance:%"), transfers.c.destination.like("gateway:%:balance:%")
    )
    return (
        select(entries.c.id, entries.c.kind, entries.c.about)
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .join(gateway_movements, gateway_movements.c.entry_id == entries.c.id, isouter=True)
        .where(on_balance, gateway_movements.c.id.is_(None))
        .distinct()
    )


def _entries_without_movement(connection: Connection) -> Iterator[Violation]:
    """Name entries that moved a gateway's balance without a movement of the gateway's."""
    for row in each_row(connection, _select_entries_without_movement()):
        message = f"entry {row.id} ({row.kind}) moved a gateway's balance for {row.about}, which is no movement of its"
        yield Violation(NAME, (row.id,), message)


CHECKS = (Check(NAME, "A gateway's balance here is what its own movements make it", movements_are_booked),)
