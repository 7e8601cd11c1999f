"""What ``audit verify --deep`` checks of subscriptions (S1–S4, S6), computed again from rows alone."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, func, not_, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import entitlements, purchases
from storefront_subscriptions.intervals import Interval, period
from storefront_subscriptions.tables import current, invoices, pauses, subscriptions

_OVER = ("canceled", "incomplete_expired")
_PAGE = 1_000


def each(connection: Connection, statement: Any) -> Iterator[Row[Any]]:
    yield from connection.execute(statement, execution_options={"yield_per": _PAGE})


def periods_tile(connection: Connection) -> Iterator[Violation]:
    """S1, S3: the paid periods of a subscription follow each other, but for its pauses; each from the anchor."""
    order = (invoices.c.subscription_id, invoices.c.period)
    ends = and_(pauses.c.invoice_id == invoices.c.id, pauses.c.state == "done")
    statement = (
        select(invoices, pauses.c.starts_at.label("paused_at"), pauses.c.resumed_at)
        .join(pauses, ends, isouter=True)
        .where(invoices.c.state == "paid")
        .order_by(*order)
    )
    for subscription, rows in groupby(each(connection, statement), key=lambda row: row.subscription_id):
        before: Row[Any] | None = None
        for row in rows:
            if before is not None and not _follows(row, before):
                message = f"subscription {subscription}: period {row.period} does not begin where the one before ended"
                yield Violation("S1", (subscription, row.id), message)
            before, previous = row, before
            if row.period < 0:
                continue
            if row.anchor is None or not _may_have_anchor(row, previous):
                message = f"subscription {subscription}: period {row.period} has the anchor {row.anchor} for no reason"
                yield Violation("S3", (subscription, row.id), message)
                continue
            due = period(row.anchor, Interval.parse(row.interval), row.period - row.anchor_period)
            is_cut = row.uncut_end is not None
            end = row.uncut_end if is_cut else row.period_end
            is_within = not is_cut or row.period_start <= row.period_end < row.uncut_end
            begins = due.start <= row.period_start if row.paused_at is not None else due.start == row.period_start
            if not begins or end != due.end or not is_within:
                message = f"subscription {subscription}: period {row.period} is not the one that its anchor gives"
                yield Violation("S3", (subscription, row.id), message)


def _follows(row: Row[Any], before: Row[Any]) -> bool:
    """Tell whether a period begins where the one before ended, or exactly after the pause that began there."""
    if row.paused_at is None:
        return bool((row.period, row.period_start) == (before.period + 1, before.period_end))
    lies_between = (row.paused_at, row.resumed_at) == (before.period_end, row.period_start)
    return bool(row.period > before.period and row.paused_at <= row.resumed_at and lies_between)


def _may_have_anchor(row: Row[Any], before: Row[Any] | None) -> bool:
    """Tell whether a period keeps the anchor of the one before or has a reason to begin one: a cut, a pause …"""
    if before is not None and before.anchor is not None and row.anchor == before.anchor:
        return bool(row.anchor_period == before.anchor_period or row.paused_at is not None)
    is_new = before is None or before.period < 0 or before.uncut_end is not None or row.interval != before.interval
    is_new = is_new or row.paused_at is not None
    return is_new and (row.anchor, row.anchor_period) == (row.period_start, row.period)


def each_period_is_paid_once(connection: Connection) -> Iterator[Violation]:
    """S2: a period has one invoice; a paid one has one completed purchase of its amount, any other has none."""
    paid = (
        select(purchases.c.bill, purchases.c.id, purchases.c.lines, purchases.c.currency)
        .where(purchases.c.bill.is_not(None), purchases.c.status == "completed")
        .subquery()
    )
    statement = (
        select(invoices.c.id, invoices.c.state, invoices.c.total, invoices.c.currency, invoices.c.purchase_id,
               func.count(paid.c.id).label("times"), func.min(paid.c.id).label("purchase"),
               func.min(paid.c.lines).label("told"), func.min(paid.c.currency).label("paid_in"))
        .join(paid, paid.c.bill == invoices.c.id, isouter=True)
        .group_by(invoices.c.id, invoices.c.state, invoices.c.total, invoices.c.currency, invoices.c.purchase_id)
    )  # fmt: skip
    for row in each(connection, statement):
        if row.times != (row.state == "paid"):
            yield Violation("S2", (row.id,), f"invoice {row.id} is {row.state}, and was paid {row.times} times")
        elif row.times and row.purchase != row.purchase_id:
            yield Violation("S2", (row.id,), f"invoice {row.id} names {row.purchase_id}, but {row.purchase} paid it")
        elif row.times and (row.paid_in != row.currency or asked_of(row.told) != row.total):
            yield Violation("S2", (row.id,), f"invoice {row.id} asks for {row.total} {row.currency}, not what was paid")


def asked_of(told: str) -> int:
    """Return what a purchase's lines say before promo codes and tax."""
    lines = msgspec.json.decode(told)
    return sum(int(line["total"]["amount"]) for line in lines
               if line["type"] == "offer" or (line["type"] == "adjustment" and "promo_code" not in line))  # fmt: skip


def rights_last_as_long_as_access(connection: Connection) -> Iterator[Violation]:
    """S4: a right because of a subscription ends when its access does, or with the tier that had brought it."""
    statement = (
        select(subscriptions.c.id, subscriptions.c.access_until, subscriptions.c.billing_state, subscriptions.c.sku,
               entitlements.c.sku.label("brought_by"), entitlements.c.id.label("right_id"),
               entitlements.c.expires_at, entitlements.c.ended_at)
        .join(entitlements, and_(entitlements.c.source_id == subscriptions.c.id,
                                 entitlements.c.customer_id == subscriptions.c.customer_id))
    )  # fmt: skip
    for row in each(connection, statement):
        if row.brought_by != row.sku:
            if row.ended_at is None:
                message = f"right {row.right_id} of {row.brought_by} lasts, its subscription {row.id} is {row.sku}"
                yield Violation("S4", (row.id, row.right_id), message)
            continue
        until = row.expires_at if row.ended_at is None else row.ended_at
        if row.access_until is None or (until != row.access_until and not (row.ended_at or 0) >= row.access_until):
            message = f"right {row.right_id} ends at {until}, its subscription {row.id} at {row.access_until}"
            yield Violation("S4", (row.id, row.right_id), message)


def one_is_current(connection: Connection) -> Iterator[Violation]:
    """S6: a customer has one subscription of a family that is not over, and that one is named as the current one."""
    is_over = or_(*(subscriptions.c.billing_state == state for state in _OVER))
    is_named = current.c.subscription_id == subscriptions.c.id
    same = and_(current.c.customer_id == subscriptions.c.customer_id, current.c.family == subscriptions.c.family)
    statement = (
        select(subscriptions.c.id, subscriptions.c.billing_state, current.c.subscription_id)
        .join(current, same, isouter=True)
        .where(
            or_(and_(not_(is_over), or_(current.c.subscription_id.is_(None), not_(is_named))), and_(is_over, is_named))
        )
    )
    for row in each(connection, statement):
        message = f"subscription {row.id} is {row.billing_state}, and {row.subscription_id} is named as the current one"
        yield Violation("S6", (row.id,), message)


CHECKS: Sequence[Check] = (
    Check(
        "S1",
        "Periods follow each other without gap or overlap, but for pauses, each computed from the anchor",
        periods_tile,
    ),
    Check("S2", "Each period is paid once, by a purchase of its amount", each_period_is_paid_once),
    Check("S4", "Rights last exactly as long as their subscription's access", rights_last_as_long_as_access),
    Check("S6", "A customer has one subscription of a family", one_is_current),
)
