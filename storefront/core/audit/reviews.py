"""E7-reviews: purchases in review, against what waits for them; and what became of it once they were decided."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.clock import DAY_MS
from storefront.core.tables import alarms, audit_actions, holds, jobs, payments, purchases, reversals, reviews

NAME = "E7-reviews"
_OPEN = ("open", "deciding")
_REFUSING = ("rejected", "expired", "canceled")
_TOLD_BY_HAND = ("money_not_given_back", "refund_by_hand")


@cache
def _select_reviews() -> Select[Any]:
    return (
        select(reviews, purchases.c.status, purchases.c.total, purchases.c.currency, purchases.c.entry_id,
               purchases.c.reason.label("ended"), payments.c.state.label("payment_state"),
               payments.c.authorized_until, holds.c.state.label("hold_state"), holds.c.amount.label("held"),
               holds.c.asset, holds.c.customer_id.label("holder"), holds.c.entry_id.label("captured_by"),
               holds.c.closed_at.label("hold_closed_at"))
        .join(purchases, purchases.c.id == reviews.c.purchase_id)
        .join(payments, payments.c.purchase_id == reviews.c.purchase_id, isouter=True)
        .join(holds, holds.c.id == reviews.c.hold_id, isouter=True)
    )  # fmt: skip


@cache
def _select_unreviewed() -> Select[Any]:
    waiting = select(reviews.c.purchase_id).where(reviews.c.state.in_(_OPEN))
    return select(purchases.c.id).where(purchases.c.status == "in_review", purchases.c.id.not_in(waiting))


@cache
def _select_kept_authorizations() -> Select[Any]:
    return (
        select(purchases.c.id, purchases.c.status)
        .join(payments, payments.c.purchase_id == purchases.c.id)
        .where(payments.c.state == "authorized", purchases.c.status.not_in(("pending", "in_review")))
    )


@cache
def _select_kept_money() -> Select[Any]:
    """Purchases that came to nothing although they were paid: the money goes back, or an operator was told."""
    goes_back = exists().where(reversals.c.purchase_id == purchases.c.id, reversals.c.state.in_(("pending", "open")))
    is_due = exists().where(jobs.c.anchor == purchases.c.customer_id, jobs.c.kind == "purchase.give_back")
    is_told = exists().where(alarms.c.about == purchases.c.id, alarms.c.kind.in_(_TOLD_BY_HAND))
    return (
        select(purchases.c.id)
        .join(payments, payments.c.purchase_id == purchases.c.id)
        .where(purchases.c.status.in_(("rejected", "canceled")), payments.c.state == "received",
               purchases.c.refunded != "full", purchases.c.dispute != "lost", ~or_(goes_back, is_due, is_told))
    )  # fmt: skip


@cache
def _select_undocumented() -> Select[Any]:
    """Decisions of people and of time without the record of who made them; the gateway's own have none."""
    recorded = select(audit_actions.c.about).where(audit_actions.c.action == "review.decided")
    return select(reviews.c.purchase_id, reviews.c.decision).where(
        reviews.c.decision.is_not(None),
        func.coalesce(reviews.c.decided_by, "").not_like("gateway:%"),
        reviews.c.purchase_id.not_in(recorded),
    )


def reviews_hold_what_they_say(connection: Connection) -> Iterator[Violation]:
    """Each purchase in review has one open review, and exactly what that says waits; what was decided is so."""
    for row in each_row(connection, _select_unreviewed()):
        yield Violation(NAME, (row.id,), f"purchase {row.id} is in review, but nobody is asked about it")
    for row in each_row(connection, _select_reviews()):
        fault = _waiting_fault(row) if row.state in _OPEN else _closed_fault(row)
        if fault is not None:
            yield Violation(NAME, (row.purchase_id,), f"the review of {row.purchase_id} is {row.state}, but {fault}")
    for row in each_row(connection, _select_kept_authorizations()):
        fault = f"purchase {row.id} is {row.status}, but its authorised money was neither taken nor given back"
        yield Violation(NAME, (row.id,), fault)
    for row in each_row(connection, _select_kept_money()):
        fault = f"purchase {row.id} came to nothing, but its money was received and does not go back"
        yield Violation(NAME, (row.id,), fault)
    for row in each_row(connection, _select_undocumented()):
        fault = f"the review of {row.purchase_id} was {row.decision}, but no audit row says by whom"
        yield Violation(NAME, (row.purchase_id,), fault)


def _waiting_fault(row: Row[Any]) -> str | None:
    """Say what is wrong with a review that waits for its decision, or for the gateway."""
    if row.status != "in_review":
        return f"its purchase is {row.status}"
    if (row.state == "open") != (row.decision is None):
        return f"its decision is {row.decision}"
    if row.money in ("hold", "none"):
        return _hold_fault(row)
    if row.payment_state != row.money:
        return f"its payment is {row.payment_state}, not {row.money}"
    if row.money == "authorized" and row.authorized_until and row.expires_at > row.authorized_until - DAY_MS:
        return f"it waits until {row.expires_at}, and its authorisation ends at {row.authorized_until}"
    return None


def _hold_fault(row: Row[Any]) -> str | None:
    """Say what is wrong with what is held in the wallet for a review."""
    is_held = row.hold_state == "open" or (row.hold_state == "expired" and row.hold_closed_at >= row.expires_at)
    is_whole = (row.held, row.asset, row.holder) == (row.total, row.currency, row.customer_id)
    if row.money == "none" and row.total == 0:
        return None
    if is_held and is_whole:
        return None
    return f"its hold of {row.total} {row.currency} is {row.hold_state}, of {row.held} {row.asset}"


def _closed_fault(row: Row[Any]) -> str | None:
    """Say what is wrong with a review that awaits a payment, or is over."""
    if row.state == "awaiting":
        return None if row.status == "pending" else f"its purchase is {row.status}"
    if row.decision in _REFUSING and row.status not in ("rejected", "canceled"):
        return f"it was {row.decision}, and its purchase is {row.status}"
    is_lost = row.status == "rejected" and row.ended == "authorization_lost"
    if row.decision == "approved" and row.status not in ("completed", "paid", "canceled") and not is_lost:
        return f"it was approved, and its purchase is {row.status}"
    if row.hold_id is not None:
        is_taken = row.hold_state == "captured" and row.captured_by == row.entry_id
        if is_taken != (row.decision == "approved") or row.hold_state in (None, "open"):
            return f"it was {row.decision}, and its hold is {row.hold_state}, captured by {row.captured_by}"
    return None


CHECKS = (Check(NAME, "What is in review waits with its money, and its decision stands", reviews_hold_what_they_say),)
