"""E1-gifts: what was bought for somebody else lies with them, and both sides were told, once.

Who the goods of a purchase are due to is ``RECEIVER`` here and in every check that asks after goods.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.clock import DAY_MS
from storefront.core.names import owner_of, was_merged
from storefront.core.tables import (
    accounts,
    counters,
    credits,
    customers,
    entitlements,
    entries,
    events,
    lots,
    purchases,
    shared_entries,
    transfers,
)

NAME = "E1-gifts"
RECEIVER = func.coalesce(purchases.c.recipient_id, purchases.c.customer_id)
"""Who gets what was bought."""
_IS_GIFT = purchases.c.recipient_id.is_not(None)


class _Told(msgspec.Struct):
    """What ``gift.received`` tells."""

    id: str
    customer_id: str
    given_by: str
    sku: str
    quantity: int


def gifts_lie_with_their_recipients(connection: Connection) -> Iterator[Violation]:
    """E1-gifts: credits and rights of a purchase are its receiver's, a gift says so, and was told once."""
    yield from _parties(connection)
    yield from _credits(connection)
    yield from _givers(connection)
    yield from _told(connection)
    yield from _counted(connection)


@cache
def _select_parties() -> Select[Any]:
    return (
        select(purchases.c.id, purchases.c.recipient_id, customers.c.id.label("found"))
        .join(customers, customers.c.id == purchases.c.recipient_id, isouter=True)
        .where(
            _IS_GIFT,
            or_(
                customers.c.id.is_(None),
                # Giver and recipient may have become one since.
                and_(purchases.c.recipient_id == purchases.c.customer_id, ~was_merged(purchases.c.customer_id)),
            ),
        )
    )


def _parties(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_parties()):
        fault = "is its buyer" if row.found else "does not exist"
        yield Violation(NAME, (row.id,), f"purchase {row.id} is a gift to {row.recipient_id}, who {fault}")


@cache
def _select_credits() -> Select[Any]:
    due = literal("customer:") + RECEIVER + ":%"
    source = case((_IS_GIFT, "purchased"), else_="gift")
    return (
        select(purchases.c.id, RECEIVER.label("receiver"), lots.c.account, credits.c.source, credits.c.lot_id)
        .join(credits, credits.c.entry_id == purchases.c.entry_id)
        .join(lots, lots.c.id == credits.c.lot_id)
        .where(purchases.c.status == "completed", or_(lots.c.account.not_like(due), credits.c.source == source))
    )


def _credits(connection: Connection) -> Iterator[Violation]:
    """What a purchase credited went into its receiver's wallets, as a gift if that is not the buyer."""
    for row in each_row(connection, _select_credits()):
        message = f"purchase {row.id} is for {row.receiver}, but it credited {row.account} as {row.source}"
        yield Violation(NAME, (row.id, row.lot_id), message)


@cache
def _select_givers() -> Select[Any]:
    due = case((_IS_GIFT, purchases.c.customer_id))
    return (
        select(entitlements.c.id, entitlements.c.key, entitlements.c.given_by, purchases.c.id.label("purchase_id"),
               due.label("due"))
        .join(purchases, purchases.c.id == entitlements.c.source_id)
        .where(entitlements.c.given_by.is_distinct_from(due), owner_of(entitlements.c.given_by).is_distinct_from(due))
    )  # fmt: skip


def _givers(connection: Connection) -> Iterator[Violation]:
    """A right that was given names who gave it, any other one names nobody."""
    for row in each_row(connection, _select_givers()):
        message = f"right {row.id} ({row.key}) says that {row.given_by} gave it, {row.purchase_id} says {row.due}"
        yield Violation(NAME, (row.id, row.purchase_id), message)


@cache
def _select_told() -> tuple[Select[Any], Select[Any]]:
    told = and_(events.c.subject == purchases.c.id, events.c.type == "gift.received")
    statement = (
        select(purchases.c.id, purchases.c.recipient_id, purchases.c.customer_id, purchases.c.sku,
               purchases.c.quantity, events.c.anchor, events.c.payload)
        .join(events, told, isouter=True)
        .where(_IS_GIFT, purchases.c.status == "completed")
        .order_by(purchases.c.id)
    )  # fmt: skip
    of_gifts = select(purchases.c.id).where(_IS_GIFT, purchases.c.status == "completed")
    stray = select(events.c.subject).where(events.c.type == "gift.received", events.c.subject.not_in(of_gifts))
    return statement, stray


def _told(connection: Connection) -> Iterator[Violation]:
    """Every completed gift was told to its recipient once, and what was told is so."""
    statement, stray = _select_told()
    seen: str | None = None
    owners = Owners(connection)
    for row in each_row(connection, statement):
        if row.payload is None:
            yield Violation(NAME, (row.id,), f"gift {row.id} was received, but no event tells of it")
            continue
        told = msgspec.json.decode(row.payload, type=_Told)
        now = msgspec.structs.replace(told, customer_id=owners.of(told.customer_id), given_by=owners.of(told.given_by))
        is_so = now == _Told(row.id, row.recipient_id, row.customer_id, row.sku, row.quantity)
        if row.id == seen:
            yield Violation(NAME, (row.id,), f"gift {row.id} was told twice")
        elif not is_so or owners.of(row.anchor) != row.recipient_id:
            yield Violation(NAME, (row.id,), f"what was told of gift {row.id} under {row.anchor} is not what it is")
        seen = row.id
    for row in each_row(connection, stray):
        yield Violation(NAME, (row.subject,), f"an event tells of {row.subject}, which is no gift that was received")


@cache
def _select_counted() -> tuple[Select[Any], Select[Any]]:
    statement = select(purchases.c.customer_id, purchases.c.created_at).where(_IS_GIFT)
    kept = select(counters.c.key, counters.c.value).where(counters.c.key.startswith("gifts:", autoescape=True))
    return statement, kept


def _counted(connection: Connection) -> Iterator[Violation]:
    """The counters of gifts a day are the gifts that were bought, or begun, on it."""
    due: Counter[str] = Counter()
    statement, kept = _select_counted()
    for row in each_row(connection, statement):
        due[f"gifts:{row.customer_id}:{row.created_at // DAY_MS * DAY_MS}"] += 1
    for row in each_row(connection, kept):
        found = due.pop(row.key, 0)
        if found != row.value:
            yield Violation(NAME, (row.key,), f"counter {row.key} says {row.value}, {found} gifts were bought")
    for key, found in due.items():
        yield Violation(NAME, (key,), f"{found} gifts were bought, but there is no counter {key}")


@cache
def _select_shared_entries_are_found() -> tuple[Select[Any], Select[Any]]:
    owner = func.substr(accounts.c.owner, len("customer:") + 1)
    moved = (
        select(transfers.c.entry_id, owner.label("customer_id"))
        .join(accounts, or_(accounts.c.id == transfers.c.source, accounts.c.id == transfers.c.destination))
        .join(entries, entries.c.id == transfers.c.entry_id)
        .where(accounts.c.owner.startswith("customer:", autoescape=True), owner != entries.c.anchor)
        .distinct()
        .subquery("moved")
    )
    same = and_(shared_entries.c.entry_id == moved.c.entry_id, shared_entries.c.customer_id == moved.c.customer_id)
    lost = select(moved).join(shared_entries, same, isouter=True).where(shared_entries.c.entry_id.is_(None))
    stray = select(shared_entries).join(moved, same, isouter=True).where(moved.c.entry_id.is_(None))
    return lost, stray


def shared_entries_are_found(connection: Connection) -> Iterator[Violation]:
    """L10-shared: whose value an entry of somebody else moved finds it, and nobody finds another's entry."""
    lost, stray = _select_shared_entries_are_found()
    for row in each_row(connection, lost):
        message = f"entry {row.entry_id} moved what is {row.customer_id}'s, who does not find it"
        yield Violation("L10-shared", (row.entry_id, row.customer_id), message)
    for row in each_row(connection, stray):
        message = f"{row.customer_id} finds entry {row.entry_id}, which moved nothing of theirs"
        yield Violation("L10-shared", (row.entry_id, row.customer_id), message)


CHECKS = (
    Check(NAME, "What was bought for somebody else is theirs, and both were told", gifts_lie_with_their_recipients),
    Check("L10-shared", "An entry that moved what is another's is found by them", shared_entries_are_found),
)
