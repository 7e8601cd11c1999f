"""What ``audit verify --deep`` checks of final invoices (S2-finals, S7-finals), from rows alone."""

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import purchases
from storefront_subscriptions.auditing import asked_of, each
from storefront_subscriptions.tables import finals, subscriptions


def each_final_is_paid_once(connection: Connection) -> Iterator[Violation]:
    """S2-finals: a final invoice that is paid has one completed purchase of its amount; any other has none."""
    paid = (
        select(purchases.c.bill, purchases.c.id, purchases.c.lines, purchases.c.currency)
        .where(purchases.c.bill.is_not(None), purchases.c.status == "completed")
        .subquery()
    )
    statement = (
        select(finals.c.id, finals.c.state, finals.c.total, finals.c.currency, finals.c.purchase_id, finals.c.lines,
               func.count(paid.c.id).label("times"), func.min(paid.c.id).label("purchase"),
               func.min(paid.c.lines).label("told"), func.min(paid.c.currency).label("paid_in"))
        .join(paid, paid.c.bill == finals.c.id, isouter=True)
        .group_by(finals.c.id, finals.c.state, finals.c.total, finals.c.currency, finals.c.purchase_id, finals.c.lines)
    )  # fmt: skip
    for row in each(connection, statement):
        if row.times != (row.state == "paid"):
            message = f"final invoice {row.id} is {row.state}, and was paid {row.times} times"
            yield Violation("S2-finals", (row.id,), message)
        elif row.times and row.purchase != row.purchase_id:
            message = f"final invoice {row.id} names {row.purchase_id}, but {row.purchase} paid it"
            yield Violation("S2-finals", (row.id,), message)
        elif row.times and (row.paid_in != row.currency or asked_of(row.told) != row.total):
            message = f"final invoice {row.id} asks for {row.total} {row.currency}, not what was paid"
            yield Violation("S2-finals", (row.id,), message)
        lines = sum(amount for _, amount in msgspec.json.decode(row.lines, type=list[tuple[str, int]]))
        if lines != row.total or row.total <= 0:
            yield Violation("S2-finals", (row.id,), f"final invoice {row.id} asks {row.total}, its lines {lines}")


def finals_are_of_what_has_ended(connection: Connection) -> Iterator[Violation]:
    """S7-finals: a final invoice is asked once its subscription has ended, and charged no more once it is closed."""
    statement = (
        select(finals.c.id, finals.c.subscription_id, subscriptions.c.billing_state, subscriptions.c.ended_at)
        .join(subscriptions, subscriptions.c.id == finals.c.subscription_id)
        .where(or_(subscriptions.c.billing_state != "canceled", finals.c.created_at < subscriptions.c.ended_at))
    )
    for row in each(connection, statement):
        message = f"final invoice {row.id} is of {row.subscription_id}, which had not ended"
        yield Violation("S7-finals", (row.subscription_id, row.id), message)
    late = and_(purchases.c.bill == finals.c.id, purchases.c.created_at > finals.c.closed_at)
    charged = select(finals.c.id, finals.c.state, purchases.c.id.label("purchase")).join(purchases, late)
    for row in each(connection, charged):
        message = f"purchase {row.purchase} was begun after final invoice {row.id} was {row.state}"
        yield Violation("S7-finals", (row.id, row.purchase), message)


CHECKS: Sequence[Check] = (
    Check("S2-finals", "Each final invoice is paid once, by a purchase of its amount", each_final_is_paid_once),
    Check(
        "S7-finals", "A final invoice is asked after the end, and not once it is closed", finals_are_of_what_has_ended
    ),
)
