"""What ``audit verify --deep`` checks of charges (S7), from events and purchases, in the order of their commits."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Subquery, and_, func, or_, select, union_all

from storefront.core.audit import Check, Violation
from storefront.core.clock import parse_iso
from storefront.core.tables import events, purchases
from storefront_subscriptions.auditing import each
from storefront_subscriptions.retrying import FAILED, FINAL_FAILED
from storefront_subscriptions.tables import changes, finals, invoices

_ENDED = ("subscription.canceled", "subscription.incomplete_expired")


def nothing_is_charged_after_the_end(connection: Connection) -> Iterator[Violation]:
    """S7: no purchase for a subscription, or for a change of one, begins after it has ended."""
    # All of a customer's events are found by their anchor; by their subject they have no index.
    billed = union_all(
        *(select(table.c.id, table.c.subscription_id, table.c.customer_id) for table in (invoices, changes))
    ).subquery()
    begun = begun_purchases()
    statement = (
        select(begun.c.purchase_id, billed.c.subscription_id)
        .join(billed, billed.c.id == begun.c.bill)
        .join(events, and_(events.c.anchor == billed.c.customer_id, events.c.subject == billed.c.subscription_id,
                           events.c.type.in_(_ENDED)))
        .where(begun.c.commit_no > events.c.commit_no)
    )  # fmt: skip
    for row in each(connection, statement):
        message = f"purchase {row.purchase_id} was begun after its subscription {row.subscription_id} had ended"
        yield Violation("S7", (row.subscription_id, row.purchase_id), message)


def attempts_are_made_when_announced(connection: Connection) -> Iterator[Violation]:
    """S7-attempts: a renewal that has failed is charged again when that was announced, or once a method is saved.

    What was announced is what ``dunning`` said then: how long to wait, or that there is no further attempt. A final
    invoice is charged again also once another plan has begun, because paying that saves a method, too.
    """
    begun, saved = begun_purchases(), events.alias("saved")
    asked = union_all(
        *(select(table.c.id, table.c.subscription_id, table.c.customer_id) for table in (invoices, finals))
    ).subquery()
    saves = or_(saved.c.type == "payment_method.saved",
                and_(saved.c.type == "subscription.started", events.c.type == FINAL_FAILED))  # fmt: skip
    is_saved = (
        select(saved.c.commit_no)
        .where(saved.c.anchor == asked.c.customer_id, saves,
               saved.c.commit_no > events.c.commit_no, saved.c.commit_no < begun.c.commit_no)
        .correlate(asked, events, begun)
        .exists()
    )  # fmt: skip
    statement = (
        select(begun.c.purchase_id, begun.c.created_at, asked.c.id.label("invoice_id"), events.c.payload,
               is_saved.label("is_saved"))
        .join(asked, asked.c.id == begun.c.bill)
        .join(events, and_(events.c.anchor == asked.c.customer_id, events.c.subject == asked.c.subscription_id,
                           events.c.type.in_((FAILED, FINAL_FAILED)), events.c.commit_no < begun.c.commit_no))
        .order_by(begun.c.purchase_id, events.c.commit_no)
    )  # fmt: skip
    for purchase, rows in groupby(each(connection, statement), key=lambda row: row.purchase_id):
        told = [(row, msgspec.json.decode(row.payload)) for row in rows]
        of_invoice = [(row, facts) for row, facts in told if facts["invoice"] == row.invoice_id]
        if of_invoice:
            row, facts = of_invoice[-1]
            yield from _too_early(purchase, row, facts["next_attempt_at"])


def _too_early(purchase: str, row: Any, announced: str | None) -> Iterator[Violation]:
    if row.is_saved or (announced is not None and row.created_at >= parse_iso(announced)):
        return
    when = "there was to be no further attempt" if announced is None else f"it was to be tried again at {announced}"
    message = f"invoice {row.invoice_id} was charged by {purchase}, though {when}"
    yield Violation("S7-attempts", (row.invoice_id, purchase), message)


def begun_purchases() -> Subquery:
    """Return the purchases that bills are paid by, each with the commit in which it began."""
    return (
        select(purchases.c.id.label("purchase_id"), purchases.c.bill, purchases.c.created_at,
               func.min(events.c.commit_no).label("commit_no"))
        .join(events, and_(events.c.anchor == purchases.c.customer_id, events.c.subject == purchases.c.id))
        .where(purchases.c.bill.is_not(None))
        .group_by(purchases.c.id, purchases.c.bill, purchases.c.created_at)
        .subquery()
    )  # fmt: skip


CHECKS: Sequence[Check] = (
    Check("S7", "Nothing is charged for a subscription that has ended", nothing_is_charged_after_the_end),
    Check("S7-attempts", "A renewal that failed is tried again as announced", attempts_are_made_when_announced),
)
