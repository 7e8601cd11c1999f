"""W1, W2: what gateways told us is done once or still waits, and what is paid was received as it was asked."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import inbox, jobs, payments, purchases

_ANOTHER_SUM = ("amount", "currency")


@cache
def _select_events_are_done_or_wait() -> Select[Any]:
    unique_key = literal("inbox:") + inbox.c.gateway + ":" + inbox.c.account + ":" + inbox.c.event_id
    return (
        select(inbox.c.gateway, inbox.c.event_id, inbox.c.state, inbox.c.processed_at, jobs.c.id.label("job"))
        .join(jobs, jobs.c.unique_key == unique_key, isouter=True)
        .where(
            or_(
                and_(inbox.c.state == "received", jobs.c.id.is_(None)),
                and_(inbox.c.state != "received", inbox.c.processed_at.is_(None)),
            )
        )
    )


def events_are_done_or_wait(connection: Connection) -> Iterator[Violation]:
    """W1: an event of a gateway's waits with a job that will process it, or was processed at a time that is kept.

    That it is there once is its key: gateway, account and event.
    """
    for row in each_row(connection, _select_events_are_done_or_wait()):
        fault = "no job will process it" if row.state == "received" else "not when it was processed"
        yield Violation("W1", (row.event_id,), f"event {row.event_id} of {row.gateway} is {row.state}, but {fault}")


@cache
def _select_paid_is_what_was_asked() -> Select[Any]:
    same = and_(payments.c.received_amount == payments.c.amount, payments.c.received_currency == payments.c.currency)
    waits = and_(purchases.c.status == "paid", func.coalesce(purchases.c.reason, "").in_(_ANOTHER_SUM))
    return (
        select(payments.c.id, payments.c.purchase_id, payments.c.amount, payments.c.currency,
               payments.c.received_amount, payments.c.received_currency, purchases.c.status)
        .join(purchases, purchases.c.id == payments.c.purchase_id)
        .where(purchases.c.status.in_(("completed", "paid")), payments.c.state == "received")
        .where(~func.coalesce(same, False), ~waits)
    )  # fmt: skip


def paid_is_what_was_asked(connection: Connection) -> Iterator[Violation]:
    """W2: goods are given for the amount and currency that were asked; another sum waits as ``paid`` and says so."""
    for row in each_row(connection, _select_paid_is_what_was_asked()):
        received = f"{row.received_amount} {row.received_currency or 'of no currency'}"
        message = (
            f"purchase {row.purchase_id} is {row.status} for {row.amount} {row.currency}, "
            f"but its payment {row.id} received {received}"
        )
        yield Violation("W2", (row.id, row.purchase_id), message)


CHECKS = (
    Check("W1", "Every event of a gateway was processed, or has a job that will", events_are_done_or_wait),
    Check("W2", "What was paid is what was asked, or waits and says why", paid_is_what_was_asked),
)
