"""L2, L3, L9: kept balances, balances over time, and the lots that a wallet consists of."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row, movements, movements_in_commit_order
from storefront.core.audit.credits import credits_explain_lots
from storefront.core.names import account_now
from storefront.core.tables import accounts, draws, entries, lots, transfers


@cache
def _select_balances_equal_transfers() -> tuple[Select[Any], Select[Any]]:
    moved = movements()
    net = select(moved.c.account, func.sum(moved.c.amount).label("amount")).group_by(moved.c.account).subquery()
    by_transfers = func.coalesce(net.c.amount, 0)
    wrong = (
        select(accounts.c.id, accounts.c.role, accounts.c.balance, by_transfers.label("moved"))
        .join(net, net.c.account == accounts.c.id, isouter=True)
        .where(accounts.c.guarded == 1, accounts.c.balance != by_transfers)
    )
    kept = select(accounts.c.id, accounts.c.balance).where(accounts.c.guarded == 0, accounts.c.balance != 0)
    return wrong, kept


def balances_equal_transfers(connection: Connection) -> Iterator[Violation]:
    """L2: a guarded balance = in − out, and for wallets = what their lots still hold."""
    wrong, kept = _select_balances_equal_transfers()
    for row in each_row(connection, wrong):
        name = _name(row)
        yield Violation("L2", (row.id,), f"{name} says {row.balance}, its transfers say {int(row.moved)}")
    for row in each_row(connection, kept):
        message = f"open account {row.id} keeps a balance of {row.balance}; an open account keeps none"
        yield Violation("L2", (row.id,), message)
    yield from _lots_against_balances(connection)


@cache
def _select_lots_against_balances() -> tuple[Select[Any], Select[Any], Select[Any]]:
    sums = select(lots.c.account, func.sum(lots.c.remaining).label("amount")).group_by(lots.c.account).subquery()
    by_lots = func.coalesce(sums.c.amount, 0)
    wrong = (
        select(accounts.c.id, accounts.c.role, accounts.c.balance, by_lots.label("kept"))
        .join(sums, sums.c.account == accounts.c.id, isouter=True)
        .where(accounts.c.role == "wallet", accounts.c.balance != by_lots)
    )
    wallets = select(accounts.c.id).where(accounts.c.role == "wallet", accounts.c.guarded == 1)
    pinned = select(lots.c.id, lots.c.held, lots.c.frozen, lots.c.remaining).where(
        or_(lots.c.held < 0, lots.c.frozen < 0, lots.c.held + lots.c.frozen > lots.c.remaining)
    )
    return wrong, pinned, select(lots.c.id, lots.c.account).where(lots.c.account.not_in(wallets))


def _lots_against_balances(connection: Connection) -> Iterator[Violation]:
    wrong, pinned, strays = _select_lots_against_balances()
    for row in each_row(connection, wrong):
        yield Violation("L2", (row.id,), f"{_name(row)} says {row.balance}, its lots say {int(row.kept)}")
    for row in each_row(connection, strays):
        yield Violation("L2", (row.id,), f"lot {row.id} lies in {row.account}, which is no wallet")
    for row in each_row(connection, pinned):
        yield Violation(
            "L2", (row.id,), f"lot {row.id} has {row.remaining} left, of it {row.held} held and {row.frozen} frozen"
        )


def _name(row: Row[Any]) -> str:
    return f"wallet {row.id}" if row.role == "wallet" else f"account {row.id}"


@cache
def _select_never_below_zero() -> Select[Any]:
    moved = movements_in_commit_order()
    running = (
        select(
            moved.c.account,
            moved.c.commit_no,
            func.sum(moved.c.amount)
            .over(partition_by=moved.c.account, order_by=moved.c.commit_no, rows=(None, 0))
            .label("balance"),
        )
        .join(accounts, accounts.c.id == moved.c.account)
        .where(accounts.c.guarded == 1)
        .subquery("running")
    )
    first = (
        select(running.c.account, func.min(running.c.commit_no).label("commit_no"))
        .where(running.c.balance < 0)
        .group_by(running.c.account)
        .subquery("first")
    )
    return select(running).join(
        first, and_(first.c.account == running.c.account, first.c.commit_no == running.c.commit_no)
    )


def never_below_zero(connection: Connection) -> Iterator[Violation]:
    """L3: no guarded account is below zero after any commit.

    Entries of one commit become visible together, and their ids were made before their order was known:
    the commit is the smallest step that has an order.
    """
    for row in each_row(connection, _select_never_below_zero()):
        yield Violation("L3", (row.account,), f"{row.account} stood at {int(row.balance)} after commit {row.commit_no}")


@cache
def _select_draws_explain_spending() -> tuple[Select[Any], Select[Any]]:
    drawn = select(draws.c.lot_id, func.sum(draws.c.amount).label("amount")).group_by(draws.c.lot_id).subquery()
    by_draws = func.coalesce(drawn.c.amount, 0)
    unbalanced = (
        select(lots.c.id, lots.c.account, lots.c.amount, lots.c.remaining, by_draws.label("drawn"))
        .join(drawn, drawn.c.lot_id == lots.c.id, isouter=True)
        .where(by_draws + lots.c.remaining != lots.c.amount)
    )
    per_transfer = (
        select(draws.c.entry_id, draws.c.transfer, func.sum(draws.c.amount).label("amount"))
        .group_by(draws.c.entry_id, draws.c.transfer)
        .subquery()
    )
    by_transfer = func.coalesce(per_transfer.c.amount, 0)
    merges = select(entries.c.id).where(entries.c.kind == "merge")  # their lots moved as they were: M1
    undrawn = (
        select(transfers.c.entry_id, transfers.c.position, transfers.c.source, transfers.c.amount,
               by_transfer.label("drawn"))
        .join(accounts, and_(accounts.c.id == transfers.c.source, accounts.c.role == "wallet"))
        .join(per_transfer, and_(per_transfer.c.entry_id == transfers.c.entry_id,
                                 per_transfer.c.transfer == transfers.c.position), isouter=True)
        .where(by_transfer != transfers.c.amount, transfers.c.entry_id.not_in(merges))
    )  # fmt: skip
    return unbalanced, undrawn


def draws_explain_spending(connection: Connection) -> Iterator[Violation]:
    """L9: every draw belongs to one transfer out of its lot's wallet, and nothing drawn or credited is lost."""
    yield from _stray_draws(connection)
    yield from credits_explain_lots(connection)
    unbalanced, undrawn = _select_draws_explain_spending()
    for row in each_row(connection, unbalanced):
        yield Violation(
            "L9",
            (row.id,),
            f"lot {row.id} of {row.account} opened with {row.amount}, but {int(row.drawn)} drawn + {row.remaining} "
            f"left = {int(row.drawn) + row.remaining}",
        )
    for row in each_row(connection, undrawn):
        yield Violation(
            "L9",
            (row.entry_id,),
            f"transfer {row.position} of entry {row.entry_id} took {row.amount} from wallet {row.source}, "
            f"its draws say {int(row.drawn)}",
        )


@cache
def _select_stray_draws() -> Select[Any]:
    return (
        select(draws, transfers.c.source, lots.c.account)
        .join(transfers, and_(transfers.c.entry_id == draws.c.entry_id, transfers.c.position == draws.c.transfer),
              isouter=True)
        .join(lots, lots.c.id == draws.c.lot_id, isouter=True)
        .where(or_(and_(transfers.c.source != lots.c.account, account_now(transfers.c.source) != lots.c.account),
                   transfers.c.source.is_(None), lots.c.account.is_(None)))
    )  # fmt: skip


def _stray_draws(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_stray_draws()):
        fault = f"is for a transfer out of {row.source}, but its lot {row.lot_id} lies in {row.account}"
        if row.source is None:
            fault = f"names transfer {row.transfer}, which the entry does not have"
        elif row.account is None:
            fault = f"names the lot {row.lot_id}, which does not exist"
        yield Violation("L9", (row.entry_id, row.lot_id), f"draw {row.position} of entry {row.entry_id} {fault}")


CHECKS = (
    Check("L2", "Kept balances equal transfers and lots", balances_equal_transfers, is_deep=False),
    Check("L3", "No guarded account was ever below zero", never_below_zero, is_deep=False),
    Check(
        "L9",
        "Lots are what was credited less what was drawn, by one transfer each",
        draws_explain_spending,
        is_deep=False,
    ),
)
