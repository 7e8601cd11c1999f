"""What ``audit verify --deep`` checks of included credits (S9): each slot is granted once, for what it is worth."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Connection, Row, ScalarSelect, and_, func, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import entries, transfers
from storefront_subscriptions.auditing import each
from storefront_subscriptions.crediting import CREDITED_KIND, GRANTED, TAKEN_KIND
from storefront_subscriptions.intervals import Interval, period_at
from storefront_subscriptions.tables import credits, invoices


def each_slot_is_granted_once(connection: Connection) -> Iterator[Violation]:
    """S9: slots lie on their clock; a slot's grants, less what was taken, are no more than it was worth."""
    began = select(invoices.c.subscription_id, func.min(invoices.c.period_start).label("began"))
    began_at = began.where(invoices.c.state == "paid").group_by(invoices.c.subscription_id).subquery()
    order = (credits.c.subscription_id, credits.c.asset, credits.c.every, credits.c.slot_start, credits.c.number)
    statement = (
        select(credits, began_at.c.began, _taken().label("taken"))
        .join(began_at, began_at.c.subscription_id == credits.c.subscription_id, isouter=True)
        .order_by(*order)
    )
    for slot, found in groupby(each(connection, statement), key=lambda row: tuple(row[1:2]) + tuple(row[3:6])):
        rows = list(found)
        first = rows[0]
        due = None if first.began is None else period_at(first.began, Interval.parse(first.every), first.slot_start)
        if due is None or any((row.slot_start, row.slot_end) != (due.start, due.end) for row in rows):
            yield Violation(
                "S9", slot, f"subscription {first.subscription_id}: a slot is not on the clock of its credits"
            )
        if [row.number for row in rows] != list(range(len(rows))) or first.cause != GRANTED:
            yield Violation("S9", slot, f"subscription {first.subscription_id}: a slot's rows do not follow each other")
        given = sum(row.amount - row.taken for row in rows if row.cause == GRANTED)
        most = max(row.target for row in rows)
        if given > most:
            yield Violation("S9", slot, f"subscription {first.subscription_id}: a slot worth {most} granted {given}")


def _taken() -> ScalarSelect[int]:
    return (
        select(func.coalesce(func.sum(transfers.c.amount), 0))
        .join(entries, entries.c.id == transfers.c.entry_id)
        .where(entries.c.kind == TAKEN_KIND, entries.c.about == credits.c.id)
        .scalar_subquery()
    )


def credits_are_in_the_ledger(connection: Connection) -> Iterator[Violation]:
    """S9-ledger: what a slot's row granted is what its entry minted, and every such entry has its row."""
    minted = (
        select(entries.c.id, entries.c.about, func.coalesce(func.sum(transfers.c.amount), 0).label("minted"))
        .join(transfers, and_(transfers.c.entry_id == entries.c.id, transfers.c.source.like("platform:issuance:%")))
        .where(entries.c.kind == CREDITED_KIND)
        .group_by(entries.c.id, entries.c.about)
        .subquery()
    )
    same = and_(minted.c.id == credits.c.entry_id, minted.c.about == credits.c.id)
    wrong = select(credits.c.id, credits.c.amount, minted.c.minted).join(minted, same, isouter=True)
    row: Row[tuple[str, int, int]]
    for row in each(connection, wrong.where(func.coalesce(minted.c.minted, 0) != credits.c.amount)):
        yield Violation("S9-ledger", (row.id,), f"{row.id} granted {row.amount}, the ledger says {row.minted}")
    alone = select(minted.c.id).join(credits, credits.c.entry_id == minted.c.id, isouter=True)
    for entry in each(connection, alone.where(credits.c.id.is_(None))):
        yield Violation("S9-ledger", (entry.id,), f"entry {entry.id} credits a slot that nobody knows")


CHECKS: Sequence[Check] = (
    Check("S9", "A slot of included credits is granted once, and no more than it is worth", each_slot_is_granted_once),
    Check("S9-ledger", "Included credits are what the ledger minted", credits_are_in_the_ledger),
)
