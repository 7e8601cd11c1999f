"""What ``audit verify --deep`` checks of charges (S7), from events and purchases, in the order of their commits."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Subquery, and_, func, select, union_all

from storefront.core.audit import Check, Violation
from storefront.core.clock import parse_iso
from storefront.core.tables import events, purchases
from storefront_subscriptions.auditing import each
from storefront_subscriptions.retrying import FAILED, FINAL_FAILED, RETRY_ORDERED
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

    What was announced is what ``dunning`` said then: how long to wait, or that there is no further attempt. An operator
    may order an attempt before that. A final
    invoice is charged again also once another plan has begun, because paying that saves a method, too.
    """
    begun = begun_purchases()
    asked = union_all(
        *(select(table.c.id, table.c.subscription_id, table.c.customer_id, table.c.created_at)
          for table in (invoices, finals))
    ).subquery()  # fmt: skip
    statement = (
        select(begun.c.purchase_id, begun.c.created_at, begun.c.commit_no, asked.c.id.label("invoice_id"),
               asked.c.created_at.label("asked_at"), asked.c.customer_id, asked.c.subscription_id,
               events.c.type, events.c.payload, events.c.commit_no.label("failed_in"))
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
            announced = facts["next_attempt_at"]
            is_early = announced is None or row.created_at < parse_iso(announced)
            if is_early and not (_is_saved_between(connection, row) or _is_ordered_between(connection, row)):
                yield _too_early(purchase, row.invoice_id, announced)


def _is_saved_between(connection: Connection, row: Row[Any]) -> bool:
    """Tell whether a method was saved before a purchase began, and after the failed one before it had begun.

    What is saved while that one is undecided is charged once it has failed; so is what is saved while an attempt fails
    for want of a method, which makes no purchase: then any will do that was saved since the invoice was written.
    """
    begun = begun_purchases()
    earlier = select(func.max(begun.c.commit_no)).where(
        begun.c.bill == row.invoice_id, begun.c.commit_no < row.failed_in
    )
    since = connection.execute(earlier).scalar_one() or 0
    types = ["payment_method.saved", *(["subscription.started"] if row.type == FINAL_FAILED else [])]
    saved = select(events.c.commit_no).where(
        events.c.anchor == row.customer_id, events.c.type.in_(types),
        events.c.commit_no > since, events.c.commit_no < row.commit_no, events.c.occurred_at >= row.asked_at,
    )  # fmt: skip
    return connection.execute(saved.limit(1)).first() is not None


def _is_ordered_between(connection: Connection, row: Row[Any]) -> bool:
    """Tell whether an attempt was ordered after one had failed, and before the next began."""
    ordered = select(events.c.commit_no).where(
        events.c.anchor == row.customer_id, events.c.type == RETRY_ORDERED, events.c.subject == row.subscription_id,
        events.c.commit_no > row.failed_in, events.c.commit_no < row.commit_no,
    )  # fmt: skip
    return connection.execute(ordered.limit(1)).first() is not None


def _too_early(purchase: str, invoice: str, announced: str | None) -> Violation:
    when = "there was to be no further attempt" if announced is None else f"it was to be tried again at {announced}"
    return Violation("S7-attempts", (invoice, purchase), f"invoice {invoice} was charged by {purchase}, though {when}")


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
