"""L5-counters: the counters that bound reversals, against the reversing entries that they count."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, func, literal, select, union_all

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.names import account_now
from storefront.core.tables import accounts, counters, entries, transfers

NAME = "L5-counters"
_PREFIX = "reversed:"
_OWED = ("debt", "receivable")
"""Roles of accounts that take their part of what comes back: that is no reversal of its own."""


@cache
def _select_counters_are_what_was_reversed() -> tuple[Select[Any], Select[Any]]:
    moved = _reversed()
    count = func.coalesce(moved.c.amount, 0)
    wrong = (
        select(counters.c.key, counters.c.value, count.label("moved"))
        .join(moved, moved.c.key == counters.c.key, isouter=True)
        .where(counters.c.key.startswith(_PREFIX, autoescape=True), counters.c.value != count)
    )
    refunded = _reversed(entries.c.kind == "refund")
    unbounded = (
        select(refunded.c.key, refunded.c.amount)
        .join(counters, counters.c.key == refunded.c.key, isouter=True)
        .where(counters.c.key.is_(None))
    )
    return wrong, unbounded


def counters_are_what_was_reversed(connection: Connection) -> Iterator[Violation]:
    """L5-counters: what was given back to a wallet for an entry, or taken from it, is what bounds the next reversal."""
    wrong, unbounded = _select_counters_are_what_was_reversed()
    for row in each_row(connection, wrong):
        message = f"counter {row.key} says {row.value}, the reversing entries moved {int(row.moved)}"
        yield Violation(NAME, (row.key,), message)
    for row in each_row(connection, unbounded):
        yield Violation(NAME, (row.key,), f"refunds moved {int(row.amount)}, but no counter {row.key} bounds the next")


def _reversed(*conditions: ColumnElement[bool]) -> Subquery:
    """Return ``(key of the counter, amount)``: what reversing entries moved into wallets, and out of them."""
    ways = []
    for way, mine, other in (
        ("restored", transfers.c.destination, transfers.c.source),
        ("taken", transfers.c.source, transfers.c.destination),
    ):
        wallet, counterpart = accounts.alias(f"wallet_{way}"), accounts.alias(f"counterpart_{way}")
        key = literal(_PREFIX) + entries.c.reverses + literal(f":{way}:") + account_now(mine)
        ways.append(
            select(key.label("key"), func.sum(transfers.c.amount).label("amount"))
            .select_from(entries)
            .join(transfers, transfers.c.entry_id == entries.c.id)
            .join(wallet, and_(wallet.c.id == mine, wallet.c.role == "wallet"))
            .join(counterpart, and_(counterpart.c.id == other, counterpart.c.role.not_in(_OWED)))
            .where(entries.c.reverses.is_not(None), *conditions)
            .group_by(key)
        )
    return union_all(*ways).subquery("reversed")


CHECKS = (Check(NAME, "Counters of reversals are what was reversed", counters_are_what_was_reversed),)
