"""What ``audit verify --deep`` checks of gifts of periods (S11): each was paid once, and each period of it is had once.

A gift's periods are left, or named by an invoice that asks for nothing; what its subscription counts on is what its
gifts have left.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, and_, func, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import purchases
from storefront_subscriptions.auditing import each
from storefront_subscriptions.tables import gifts, invoices, subscriptions


def gifts_were_paid(connection: Connection) -> Iterator[Violation]:
    """S11: a gift has its completed purchase, by its giver, for its recipient; and such a purchase has its gift."""
    statement = select(gifts, purchases.c.status, purchases.c.bill, purchases.c.recipient_id,
                       purchases.c.customer_id.label("payer")).join(
        purchases, purchases.c.id == gifts.c.purchase_id, isouter=True)  # fmt: skip
    for row in each(connection, statement):
        said = (row.status, row.bill, row.recipient_id, row.payer)
        if said != ("completed", row.id, row.customer_id, row.giver_id):
            yield Violation("S11", (row.id,), f"gift {row.id} was not paid by its purchase {row.purchase_id}")
    alone = (
        select(purchases.c.id)
        .join(gifts, gifts.c.purchase_id == purchases.c.id, isouter=True)
        .where(purchases.c.kind == "subscription", purchases.c.recipient_id.is_not(None),
               purchases.c.status == "completed", gifts.c.id.is_(None))
    )  # fmt: skip
    for row in each(connection, alone):
        yield Violation("S11", (row.id,), f"purchase {row.id} paid for a gift that there is not")


def each_given_period_is_had_once(connection: Connection) -> Iterator[Violation]:
    """S11-periods: what a gift has left and what invoices name of it are all of its periods; those ask for nothing."""
    named = and_(invoices.c.gift_id == gifts.c.id, or_(invoices.c.state == "paid", invoices.c.state == "open"))
    had = select(func.count(invoices.c.id)).where(named).correlate(gifts).scalar_subquery()
    for row in each(connection, select(gifts, had.label("had"))):
        is_early = row.state in ("taken_back", "given_up")  # the rest is had by nobody
        lost = row.periods - row.remaining - row.had
        if row.remaining < 0 or lost < 0 or (row.remaining > 0 if is_early else lost > 0):
            message = (
                f"of the {row.periods} periods of gift {row.id} ({row.state}), {row.had} were had, {row.remaining} left"
            )
            yield Violation("S11-periods", (row.id,), message)
    wrong = (
        select(invoices.c.id, invoices.c.total, gifts.c.id.label("gift"))
        .join(gifts, gifts.c.id == invoices.c.gift_id, isouter=True)
        .where(invoices.c.gift_id.is_not(None),
               or_(gifts.c.id.is_(None), invoices.c.total != 0, invoices.c.customer_id != gifts.c.customer_id,
                   *(invoices.c[name] != gifts.c[name] for name in ("sku", "interval", "seats"))))
    )  # fmt: skip
    for row in each(connection, wrong):
        yield Violation("S11-periods", (row.id,), f"invoice {row.id} ({row.total}) is none that gift {row.gift} pays")


def subscriptions_count_on_their_gifts(connection: Connection) -> Iterator[Violation]:
    """S11-ahead: the given periods that a subscription counts on are those its gifts have left."""
    held = and_(gifts.c.subscription_id == subscriptions.c.id, gifts.c.state == "given")
    ahead = func.coalesce(func.sum(gifts.c.remaining), 0)
    remaining = select(ahead).where(held).correlate(subscriptions).scalar_subquery()
    statement = select(subscriptions.c.id, subscriptions.c.gifted, remaining.label("remaining"))
    for row in each(connection, statement.where(or_(subscriptions.c.gifted != remaining, subscriptions.c.gifted < 0))):
        message = f"subscription {row.id} counts on {row.gifted} given periods, its gifts have {row.remaining} left"
        yield Violation("S11-ahead", (row.id,), message)


CHECKS: Sequence[Check] = (
    Check("S11", "A gift of periods was paid once, by its giver", gifts_were_paid),
    Check("S11-periods", "Each period of a gift is had once, and asks for nothing", each_given_period_is_had_once),
    Check("S11-ahead", "Subscriptions count on what their gifts have left", subscriptions_count_on_their_gifts),
)
