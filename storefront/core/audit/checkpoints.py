"""L2-checkpoints: what seals have folded into the checkpoints of open accounts, against the transfers themselves."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Subquery, func, select

from storefront.core.audit.check import Check, Violation, each_row, movements
from storefront.core.sealing.entries import Position, is_up_to
from storefront.core.sealing.seals import end_of, newest_seal
from storefront.core.tables import accounts, checkpoints, entries

NAME = "L2-checkpoints"


@cache
def _select_checkpoints_equal_transfers() -> Select[Any]:
    is_open = select(accounts.c.id).where(accounts.c.guarded == 0)
    return select(checkpoints.c.account).where(checkpoints.c.account.not_in(is_open))


def checkpoints_equal_transfers(connection: Connection) -> Iterator[Violation]:
    """L2-checkpoints: checkpoint + transfers after it = Σ of all, that is, checkpoint = Σ of the sealed ones."""
    newest = newest_seal(connection)
    net = _sealed_movements(end_of(newest))
    folded, stored = func.coalesce(net.c.amount, 0), func.coalesce(checkpoints.c.balance, 0)
    wrong = (
        select(accounts.c.id, stored.label("stored"), folded.label("moved"))
        .join(net, net.c.account == accounts.c.id, isouter=True)
        .join(checkpoints, checkpoints.c.account == accounts.c.id, isouter=True)
        .where(accounts.c.guarded == 0, stored != folded)
    )
    for row in each_row(connection, wrong):
        message = f"the checkpoint of {row.id} says {row.stored}, its sealed transfers say {int(row.moved)}"
        yield Violation(NAME, (row.id,), message)
    for row in each_row(connection, _select_checkpoints_equal_transfers()):
        yield Violation(NAME, (row.account,), f"{row.account} has a checkpoint, but is no open account")
    last = 0 if newest is None else newest.seal.number
    ahead = select(checkpoints.c.account, checkpoints.c.seal).where(checkpoints.c.seal > last)
    for row in each_row(connection, ahead):
        message = f"the checkpoint of {row.account} stands at seal {row.seal}, the books end with seal {last}"
        yield Violation(NAME, (row.account,), message)


def _sealed_movements(end: Position) -> Subquery:
    moved = movements()
    return (
        select(moved.c.account, func.sum(moved.c.amount).label("amount"))
        .join(entries, entries.c.id == moved.c.entry_id)
        .where(is_up_to(end))
        .group_by(moved.c.account)
        .subquery("sealed")
    )


CHECKS = (
    Check(NAME, "Checkpoints of open accounts equal their transfers", checkpoints_equal_transfers, is_deep=False),
)
