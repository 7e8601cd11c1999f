"""The part of L9 that looks backward: a lot is what its credits gave it, on the terms that they state."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from storefront.core.audit.check import Violation, each_row
from storefront.core.names import account_now
from storefront.core.tables import accounts, credits, entries, lots, transfers

_TERMS = ("source", "payment", "cost_currency", "priority", "expires_at")


@cache
def _select_credits_explain_lots() -> Select[Any]:
    given = (
        select(
            credits.c.lot_id, func.sum(credits.c.amount).label("amount"), func.sum(credits.c.cost_amount).label("cost")
        )
        .group_by(credits.c.lot_id)
        .subquery()
    )
    amount = func.coalesce(given.c.amount, 0)
    return (
        select(lots.c.id, lots.c.amount, lots.c.cost_amount, amount.label("given"), given.c.cost)
        .join(given, given.c.lot_id == lots.c.id, isouter=True)
        .where(or_(amount != lots.c.amount, given.c.cost.is_distinct_from(lots.c.cost_amount)))
    )


def credits_explain_lots(connection: Connection) -> Iterator[Violation]:
    """Compare every lot with its credits, and every transfer into a wallet with the credits that it made."""
    for row in each_row(connection, _select_credits_explain_lots()):
        found = f"lot {row.id} opened with {row.amount}, its credits gave {int(row.given)}"
        if int(row.given) == row.amount:
            found = (
                f"lot {row.id} says that {_cost(row.cost_amount)} was paid for it, its credits say {_cost(row.cost)}"
            )
        yield Violation("L9", (row.id,), found)
    yield from _other_terms(connection)
    yield from _other_ages(connection)
    yield from _stray_credits(connection)


def _cost(amount: int | None) -> str:
    return "nothing" if amount is None else str(int(amount))


@cache
def _select_other_terms() -> Select[Any]:
    differs = or_(*(credits.c[name].is_distinct_from(lots.c[name]) for name in _TERMS))
    return (
        select(credits.c.entry_id, credits.c.position, credits.c.lot_id, lots.c.id)
        .join(lots, lots.c.id == credits.c.lot_id, isouter=True)
        .where(or_(lots.c.id.is_(None), differs))
    )


def _other_terms(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_other_terms()):
        fault = "states other terms than the lot" if row.id else "is for the lot, which does not exist:"
        message = f"credit {row.position} of entry {row.entry_id} {fault} {row.lot_id}"
        yield Violation("L9", (row.entry_id, row.lot_id), message)


@cache
def _select_other_ages() -> Select[Any]:
    first = (
        select(credits.c.lot_id, func.min(entries.c.occurred_at).label("occurred_at"))
        .join(entries, entries.c.id == credits.c.entry_id)
        .group_by(credits.c.lot_id)
        .subquery()
    )
    return (
        select(lots.c.id, lots.c.opened_at, first.c.occurred_at)
        .join(first, first.c.lot_id == lots.c.id)
        .where(first.c.occurred_at != lots.c.opened_at)
    )


def _other_ages(connection: Connection) -> Iterator[Violation]:
    """A lot is as old as its first credit: of equal lots the oldest is drawn first."""
    for row in each_row(connection, _select_other_ages()):
        message = f"lot {row.id} says that it was opened at {row.opened_at}, its first credit is of {row.occurred_at}"
        yield Violation("L9", (row.id,), message)


@cache
def _select_stray_credits() -> Select[Any]:
    per_transfer = (
        select(credits.c.entry_id, credits.c.transfer, lots.c.account, func.sum(credits.c.amount).label("amount"))
        .join(lots, lots.c.id == credits.c.lot_id)
        .group_by(credits.c.entry_id, credits.c.transfer, lots.c.account)
        .subquery()
    )
    credited = func.coalesce(per_transfer.c.amount, 0)
    merges = select(entries.c.id).where(entries.c.kind == "merge")  # their lots moved as they were: M1
    return (
        select(transfers, credited.label("credited"))
        .select_from(transfers)
        .join(accounts, and_(accounts.c.id == transfers.c.destination, accounts.c.role == "wallet"))
        .join(
            per_transfer,
            and_(
                per_transfer.c.entry_id == transfers.c.entry_id,
                per_transfer.c.transfer == transfers.c.position,
                per_transfer.c.account == account_now(transfers.c.destination),
            ),
            isouter=True,
        )
        .where(credited != transfers.c.amount, transfers.c.entry_id.not_in(merges))
    )


def _stray_credits(connection: Connection) -> Iterator[Violation]:
    """Every transfer into a wallet is credited whole, to lots of that wallet."""
    for row in each_row(connection, _select_stray_credits()):
        message = (
            f"transfer {row.position} of entry {row.entry_id} put {row.amount} into wallet {row.destination}, "
            f"its credits say {int(row.credited)}"
        )
        yield Violation("L9", (row.entry_id,), message)
