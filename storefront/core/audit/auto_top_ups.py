"""E3-top-ups: automatic top-ups, against the wallets they watch, their purchases, and the days they count in."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.auto_top_up_rows import COMPLETED, COUNTED, DUE, FAILED, ON, OPEN
from storefront.core.clock import DAY_MS
from storefront.core.tables import accounts, auto_top_up_runs, auto_top_ups, counters, purchases

_NAME = "E3-top-ups"
_RUNS, _TERMS = auto_top_up_runs, auto_top_ups
_WALLET = literal("customer:") + _TERMS.c.customer_id + ":" + _TERMS.c.asset
_UNDER_WAY = _RUNS.c.state.in_(sorted(OPEN))


def top_ups_are_what_was_agreed(connection: Connection) -> Iterator[Violation]:
    """E3-top-ups: one run of a wallet at a time, its purchase tells the same, and a day counts what it cost."""
    yield from _open_at_once(connection)
    yield from _watched(connection)
    yield from _without_terms(connection)
    yield from _purchases(connection)
    yield from _claimed_by_purchases(connection)
    yield from _days(connection)


@cache
def _select_open_at_once() -> Select[Any]:
    return (
        select(_RUNS.c.customer_id, _RUNS.c.asset, func.count().label("number"))
        .where(_UNDER_WAY)
        .group_by(_RUNS.c.customer_id, _RUNS.c.asset)
        .having(func.count() > 1)
    )


def _open_at_once(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_open_at_once()):
        message = f"{row.number} top-ups of {row.customer_id}'s {row.asset} are under way at once"
        yield Violation(_NAME, (row.customer_id, row.asset), message)


@cache
def _select_watched() -> tuple[Select[Any], Select[Any]]:
    is_open = (
        select(_RUNS.c.id)
        .where(_RUNS.c.customer_id == _TERMS.c.customer_id, _RUNS.c.asset == _TERMS.c.asset, _UNDER_WAY)
        .exists()
    )
    should = case((and_(_TERMS.c.state == ON, ~is_open), _TERMS.c.below), else_=None)
    statement = (
        select(_TERMS.c.id, _TERMS.c.state, accounts.c.top_up_below.label("kept"), should.label("should"))
        .join(accounts, accounts.c.id == _WALLET, isouter=True)
        .where(accounts.c.top_up_below.is_distinct_from(should))
    )
    watched = (
        select(accounts.c.id)
        .join(_TERMS, accounts.c.id == _WALLET, isouter=True)
        .where(accounts.c.top_up_below.is_not(None), _TERMS.c.id.is_(None))
    )
    return statement, watched


def _watched(connection: Connection) -> Iterator[Violation]:
    """A wallet is watched by the threshold that was agreed to while nothing is under way, and by none otherwise."""
    statement, watched = _select_watched()
    for row in each_row(connection, statement):
        message = f"top-up {row.id} ({row.state}) should watch below {row.should}, its wallet says {row.kept}"
        yield Violation(_NAME, (row.id,), message)
    for row in each_row(connection, watched):
        yield Violation(_NAME, (row.id,), f"{row.id} is watched, but nobody agreed to top it up")


@cache
def _select_without_terms() -> Select[Any]:
    same = and_(_TERMS.c.customer_id == _RUNS.c.customer_id, _TERMS.c.asset == _RUNS.c.asset)
    return select(_RUNS.c.id).join(_TERMS, same, isouter=True).where(_TERMS.c.id.is_(None))


def _without_terms(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_without_terms()):
        yield Violation(_NAME, (row.id,), f"run {row.id} tops up a wallet whose owner agreed to nothing")


@cache
def _select_purchases() -> Select[Any]:
    status, is_bought = purchases.c.status, purchases.c.id.is_not(None)
    same = and_(
        is_bought,
        purchases.c.customer_id == _RUNS.c.customer_id,
        purchases.c.total == _RUNS.c.amount,
        purchases.c.currency == _RUNS.c.currency,
        purchases.c.auto_top_up.contains(_RUNS.c.id, autoescape=False),
    )
    over = case(
        (_RUNS.c.state == COMPLETED, status == "completed"),
        (_RUNS.c.state == FAILED, status.not_in(("pending", "in_review", "completed"))),
        else_=status.in_(("pending", "in_review", "paid")),
    )
    unbought = and_(_RUNS.c.purchase_id.is_(None), _RUNS.c.state.in_((DUE, FAILED)))
    return (
        select(_RUNS.c.id, _RUNS.c.state, _RUNS.c.purchase_id, status)
        .join(purchases, purchases.c.id == _RUNS.c.purchase_id, isouter=True)
        .where(~or_(unbought, and_(same, _RUNS.c.state != DUE, over)))
    )


def _purchases(connection: Connection) -> Iterator[Violation]:
    """A run is due without a purchase; once it has one, both say the same of who, how much and how it ended."""
    for row in each_row(connection, _select_purchases()):
        bought = f"its purchase {row.purchase_id} is {row.status or 'missing'}, or tells otherwise"
        message = f"run {row.id} is {row.state}, {bought}"
        yield Violation(_NAME, (row.id,), message)


@cache
def _select_claimed_by_purchases() -> Select[Any]:
    return (
        select(purchases.c.id)
        .join(_RUNS, _RUNS.c.purchase_id == purchases.c.id, isouter=True)
        .where(purchases.c.auto_top_up.is_not(None), _RUNS.c.id.is_(None))
    )


def _claimed_by_purchases(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_claimed_by_purchases()):
        yield Violation(_NAME, (row.id,), f"purchase {row.id} says that it tops a wallet up, but no run made it")


@cache
def _select_days() -> Select[Any]:
    counts = _RUNS.c.state.not_in((DUE, FAILED))
    day = cast(purchases.c.created_at - purchases.c.created_at % DAY_MS, Text)
    charged = _RUNS.join(purchases, purchases.c.id == _RUNS.c.purchase_id)
    expected = [
        select(key.label("key"), amount.label("expected"), literal(0).label("kept")).select_from(charged).where(counts)
        for key, amount in (
            (_key(purchases.c.currency, day), purchases.c.total),
            (_key(literal("times"), day), literal(1)),
        )
    ]
    kept = select(counters.c.key, literal(0).label("expected"), counters.c.value.label("kept")).where(
        counters.c.key.startswith(COUNTED, autoescape=True)
    )
    both = union_all(*expected, kept).subquery("both")
    sums = func.sum(both.c.expected), func.sum(both.c.kept)
    return (
        select(both.c.key, sums[0].label("expected"), sums[1].label("kept"))
        .group_by(both.c.key)
        .having(sums[0] != sums[1])
    )


def _days(connection: Connection) -> Iterator[Violation]:
    """What a day's counters say of a wallet is how many top-ups were charged in it, or are, and what they cost."""
    for row in each_row(connection, _select_days()):
        message = f"counter {row.key} says {int(row.kept)}, the top-ups it counts say {int(row.expected)}"
        yield Violation(_NAME, (row.key,), message)


def _key(what: ColumnElement[str], day: ColumnElement[str]) -> ColumnElement[str]:
    return literal(COUNTED) + _RUNS.c.customer_id + ":" + _RUNS.c.asset + ":" + what + ":" + day


CHECKS = (Check(_NAME, "Automatic top-ups are what was agreed, one at a time", top_ups_are_what_was_agreed),)
