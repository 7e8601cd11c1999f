"""L2-debts: what customers owe is what the books say, and each repayment strikes off what it paid."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row, movements
from storefront.core.tables import accounts, transfers
from storefront.core.tables_freezes import debts


@cache
def _select_debts_equal_their_accounts() -> tuple[Select[Any], Select[Any]]:
    moved = movements()
    by_account = (
        select(moved.c.account, func.sum(moved.c.amount).label("amount"))
        .join(accounts, and_(accounts.c.id == moved.c.account, accounts.c.role == "debt"))
        .group_by(moved.c.account)
        .subquery("by_account")
    )
    name = literal("customer:") + debts.c.customer_id + literal(":debt:") + debts.c.asset
    owed = func.coalesce(by_account.c.amount, 0)
    wrong = (
        select(debts.c.customer_id, debts.c.asset, debts.c.amount, owed.label("owed"))
        .join(by_account, by_account.c.account == name, isouter=True)
        .where(or_(debts.c.amount != owed, debts.c.amount < 0))
    )
    forgotten = (
        select(by_account.c.account, by_account.c.amount)
        .join(debts, by_account.c.account == name, isouter=True)
        .where(debts.c.customer_id.is_(None), by_account.c.account.startswith("customer:"))
    )
    return wrong, forgotten


def debts_equal_their_accounts(connection: Connection) -> Iterator[Violation]:
    """A debt is the sum of its account's transfers, is not below zero, and stands against the receivable."""
    wrong, forgotten = _select_debts_equal_their_accounts()
    for row in each_row(connection, wrong):
        message = f"{row.customer_id} owes {row.amount} {row.asset}, the transfers of that debt say {int(row.owed)}"
        yield Violation("L2-debts", (row.customer_id,), message)
    for row in each_row(connection, forgotten):
        message = f"{row.account} stands at {int(row.amount)}, but there is no such debt"
        yield Violation("L2-debts", (row.account,), message)
    yield from _legs_that_differ(connection)


@cache
def _select_legs_that_differ() -> Select[Any]:
    source, destination = accounts.alias("source_account"), accounts.alias("destination_account")
    legs = {
        "lent": source.c.role == "receivable",
        "owed": and_(destination.c.role == "debt", source.c.role != "debt"),  # else two customers became one
        "paid": destination.c.role == "receivable",
        "struck": and_(source.c.role == "debt", destination.c.role != "debt"),
    }
    sums = {
        word: func.coalesce(func.sum(case((leg, transfers.c.amount), else_=0)), 0).label(word)
        for word, leg in legs.items()
    }
    return (
        select(transfers.c.entry_id, transfers.c.asset, *sums.values())
        .join(source, source.c.id == transfers.c.source)
        .join(destination, destination.c.id == transfers.c.destination)
        .where(or_(*legs.values()))
        .group_by(transfers.c.entry_id, transfers.c.asset)
        .having(or_(sums["lent"] != sums["owed"], sums["paid"] != sums["struck"]))
    )


def _legs_that_differ(connection: Connection) -> Iterator[Violation]:
    """In each entry what leaves the receivable goes into debts, and what comes in is struck off them."""
    for row in each_row(connection, _select_legs_that_differ()):
        message = (
            f"entry {row.entry_id} lent {int(row.lent)} {row.asset} and wrote {int(row.owed)} into debts; "
            f"{int(row.paid)} were paid and {int(row.struck)} struck off"
        )
        yield Violation("L2-debts", (row.entry_id,), message)


CHECKS = (Check("L2-debts", "What is owed is what the books say", debts_equal_their_accounts, is_deep=False),)
