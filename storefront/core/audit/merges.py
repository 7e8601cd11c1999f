"""M1: what became of customers who were merged: nothing of theirs is left behind, and what they had is the other's."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.commit.merging import Moves
from storefront.core.merging.moves import CORE_MOVES
from storefront.core.tables import accounts, anchors, audit_actions, customers, debts, entries, events, lots, transfers

NAME = "M1"
_MERGED = customers.c.merged_into.is_not(None)
_GONE = select(customers.c.id).where(_MERGED)


class _Facts(msgspec.Struct):
    """What the entry of a merge keeps: ``lots`` is ``asset -> [[lot, amount], …]``."""

    merged: str
    into: str
    lots: dict[str, list[tuple[str, int]]]


@cache
def _select_names() -> Select[Any]:
    into = customers.alias("into")
    told = select(func.count()).where(events.c.subject == customers.c.id, events.c.type == "customer.merged")
    by_someone = select(func.count()).where(
        audit_actions.c.action == "customer.merged",
        audit_actions.c.facts.contains(literal('"source":"') + customers.c.id + '"'),
    )
    return (
        select(customers.c.id, customers.c.merged_into, into.c.id.label("found"),
               into.c.merged_into.label("again"), anchors.c.merged_into.label("closed"),
               told.scalar_subquery().label("told"), by_someone.scalar_subquery().label("recorded"))
        .select_from(customers)
        .join(into, into.c.id == customers.c.merged_into, isouter=True)
        .join(anchors, anchors.c.id == customers.c.id, isouter=True)
        .where(_MERGED)
    )  # fmt: skip


@cache
def _select_closed() -> Select[Any]:
    is_customer = and_(customers.c.id == anchors.c.id, _MERGED)
    return (
        select(anchors.c.id)
        .join(customers, is_customer, isouter=True)
        .where(anchors.c.merged_into.is_not(None), customers.c.id.is_(None))
    )


def _names(connection: Connection) -> Iterator[Violation]:
    """Who was merged is a customer who was not, once, by somebody, and nothing can be written about them any more."""
    for row in each_row(connection, _select_names()):
        fault = _fault(row)
        if fault:
            yield Violation(NAME, (row.id,), f"{row.id} was merged into {row.merged_into}, {fault}")
    for row in each_row(connection, _select_closed()):
        yield Violation(NAME, (row.id,), f"nothing can be written about {row.id}, who was not merged")


def _fault(row: Row[Any]) -> str:
    if row.found is None or row.again is not None:
        return "who does not exist" if row.found is None else f"who was merged into {row.again}"
    if row.closed is None:
        return "but their books are open"
    if row.told != 1 or row.recorded != 1:
        return f"events tell of it {row.told} times, and {row.recorded} records say by whom"
    return ""


@cache
def _select_left() -> tuple[Select[Any], Select[Any], Select[Any]]:
    owner = func.substr(accounts.c.owner, len("customer:") + 1)
    kept = select(accounts.c.id, accounts.c.balance).where(
        owner.in_(_GONE), or_(accounts.c.balance != 0, accounts.c.top_up_below.is_not(None))
    )
    wallets = select(accounts.c.id).where(owner.in_(_GONE), accounts.c.role == "wallet")
    left = select(lots.c.id, lots.c.account).where(lots.c.account.in_(wallets))
    return (
        kept,
        left,
        select(debts.c.customer_id, debts.c.asset).where(debts.c.customer_id.in_(_GONE), debts.c.amount != 0),
    )


def _value(connection: Connection) -> Iterator[Violation]:
    """Nothing of value lies with a merged customer: no balance, no lot, no debt."""
    kept, left, owed = _select_left()
    for row in each_row(connection, kept):
        yield Violation(NAME, (row.id,), f"{row.id} holds {row.balance}, but its customer was merged")
    for row in each_row(connection, left):
        yield Violation(NAME, (row.id,), f"lot {row.id} lies in {row.account}, whose customer was merged")
    for row in each_row(connection, owed):
        yield Violation(NAME, (row.customer_id,), f"{row.customer_id} owes {row.asset}, but was merged")


def _rows(connection: Connection, moves: Moves) -> Iterator[Violation]:
    """Nothing that can change names a merged customer, but for what both had, and history."""
    if moves.is_kept or moves.may_stay:
        return
    column, key = moves.table.c[moves.column], moves.table.primary_key.columns
    for row in each_row(connection, select(column.label("whose"), *key).where(column.in_(_GONE))):
        names = tuple(map(str, tuple(row)[1:]))
        yield Violation(NAME, names, f"{moves.table.name} {' '.join(names)} is {row.whose}'s, who was merged")


@cache
def _select_entries() -> Select[Any]:
    return (
        select(entries.c.id, entries.c.anchor, entries.c.facts, transfers.c.source, transfers.c.destination,
               transfers.c.asset, transfers.c.amount)
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .where(entries.c.kind == "merge")
        .order_by(entries.c.id, transfers.c.position)
    )  # fmt: skip


def _entries(connection: Connection) -> Iterator[Violation]:
    """The entry of a merge moves from the one to the other alone, and of each wallet what lay in its lots."""
    moved: dict[str, Counter[str]] = {}
    said: dict[str, _Facts] = {}
    for row in each_row(connection, _select_entries()):
        facts = said.setdefault(row.id, msgspec.json.decode(row.facts or "{}", type=_Facts))
        way = (f"customer:{facts.merged}:", f"customer:{facts.into}:")
        rest = row.source.removeprefix(way[0])
        if row.source == rest or row.destination != way[1] + rest:
            yield Violation(NAME, (row.id,), f"entry {row.id} merges, but moved {row.source} to {row.destination}")
        if rest == row.asset:
            moved.setdefault(row.id, Counter())[row.asset] += row.amount
    for entry_id, facts in said.items():
        due = {asset: sum(amount for _, amount in parts) for asset, parts in facts.lots.items()}
        if dict(moved.get(entry_id, {})) != due:
            message = f"entry {entry_id} moved {dict(moved.get(entry_id, {}))}, in the lots of the one lay {due}"
            yield Violation(NAME, (entry_id,), message)


def nothing_is_left_behind(connection: Connection) -> Iterator[Violation]:
    """M1: a merged customer has nothing that can change, and their value went to who they are now."""
    if connection.execute(select(customers.c.id).where(_MERGED).limit(1)).first() is None:
        return
    yield from _names(connection)
    yield from _value(connection)
    yield from _entries(connection)
    for one in CORE_MOVES:
        yield from _rows(connection, one)


def merges_check(moves: Sequence[Moves]) -> Check:
    """Return the check of what plugins say that moves."""

    def run(connection: Connection) -> Iterator[Violation]:
        for one in moves:
            yield from _rows(connection, one)

    return Check(f"{NAME}-plugins", "Nothing of plugins is left with customers who were merged", run)


CHECKS = (Check(NAME, "Nothing is left with customers who were merged", nothing_is_left_behind),)
