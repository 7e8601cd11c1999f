"""L2-holds: what lots hold is what open holds pin, and a captured hold took exactly what it says."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select

from storefront.core.accounts import wallet
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import entries, holds, lots, transfers

_Pins = msgspec.json.Decoder(list[tuple[str, int]])


@cache
def _select_holds_equal_pins() -> tuple[Select[Any], Select[Any]]:
    held = select(lots.c.id, lots.c.account, lots.c.held).where(lots.c.held != 0)
    return held, select(holds)


def holds_equal_pins(connection: Connection) -> Iterator[Violation]:
    """Every lot holds what open holds pin in it; each hold pins its amount; captures moved what they say."""
    held, all_holds = _select_holds_equal_pins()
    pinned: Counter[tuple[str, str]] = Counter()
    # Only open holds are kept in memory, as (wallet, lot) -> amount: they are few, and all are soon over.
    for row in each_row(connection, all_holds):
        if row.account != wallet(row.customer_id, row.asset).id:
            message = f"hold {row.id} of {row.customer_id} sets {row.asset} aside in {row.account}, which is not theirs"
            yield Violation("L2-holds", (row.id,), message)
        pins = _Pins.decode(row.pins)
        if sum(amount for _, amount in pins) != row.amount or any(amount < 1 for _, amount in pins):
            yield Violation("L2-holds", (row.id,), f"hold {row.id} sets {row.amount} aside, its pins are {row.pins}")
        if row.state == "open":
            for lot_id, amount in pins:
                pinned[row.account, lot_id] += amount
    for row in each_row(connection, held):
        expected = pinned.pop((row.account, row.id), 0)
        if expected != row.held:
            message = f"lot {row.id} of {row.account} holds {row.held}, open holds pin {expected} in it"
            yield Violation("L2-holds", (row.id,), message)
    for (account, lot_id), amount in pinned.items():
        message = f"open holds pin {amount} in lot {lot_id} of {account}, which holds nothing"
        yield Violation("L2-holds", (lot_id,), message)
    yield from _ends(connection)
    yield from _captures(connection)


@cache
def _select_ends() -> Select[Any]:
    is_captured = holds.c.state == "captured"
    return select(holds).where(
        or_(
            is_captured != (holds.c.captured > 0),
            is_captured != holds.c.entry_id.is_not(None),
            (holds.c.state == "open") != holds.c.closed_at.is_(None),
            holds.c.captured > holds.c.amount,
        )
    )


def _ends(connection: Connection) -> Iterator[Violation]:
    """A captured hold names how much and by which entry; any other took nothing; only an open one has no end."""
    for row in each_row(connection, _select_ends()):
        message = (
            f"hold {row.id} of {row.amount} is {row.state}, with {row.captured} captured by {row.entry_id}, "
            f"closed at {row.closed_at}"
        )
        yield Violation("L2-holds", (row.id,), message)


@cache
def _select_captures() -> tuple[Select[Any], Select[Any]]:
    taken = (
        select(transfers.c.entry_id, transfers.c.source, func.sum(transfers.c.amount).label("amount"))
        .where(transfers.c.entry_id.in_(select(holds.c.entry_id).where(holds.c.entry_id.is_not(None))))
        .group_by(transfers.c.entry_id, transfers.c.source)
        .subquery("taken")
    )
    captured = (
        select(holds.c.entry_id, holds.c.account, func.sum(holds.c.captured).label("captured"))
        .where(holds.c.entry_id.is_not(None))
        .group_by(holds.c.entry_id, holds.c.account)
        .subquery("captured")
    )
    moved = func.coalesce(taken.c.amount, 0)
    wrong = (
        select(captured, moved.label("moved"))
        .join(taken, and_(taken.c.entry_id == captured.c.entry_id, taken.c.source == captured.c.account), isouter=True)
        .where(moved != captured.c.captured)
    )
    orphans = (
        select(entries.c.id, entries.c.about)
        .join(holds, and_(holds.c.entry_id == entries.c.id, holds.c.id == entries.c.about), isouter=True)
        .where(entries.c.kind == "hold.captured", holds.c.id.is_(None))
    )
    return wrong, orphans


def _captures(connection: Connection) -> Iterator[Violation]:
    """The entry of a capture took exactly what was captured out of the wallet."""
    wrong, orphans = _select_captures()
    for row in each_row(connection, wrong):
        message = (
            f"holds say that entry {row.entry_id} captured {int(row.captured)} of {row.account}, "
            f"it took {int(row.moved)}"
        )
        yield Violation("L2-holds", (row.entry_id,), message)
    for row in each_row(connection, orphans):
        message = f"entry {row.id} captured the hold {row.about}, which does not say so"
        yield Violation("L2-holds", (row.id,), message)


CHECKS = (Check("L2-holds", "Held amounts equal open holds, captures their entries", holds_equal_pins, is_deep=False),)
