"""How far customers came, counted by the database: the same steps as ``figures.funnel`` counts of rows."""

from typing import Any

from sqlalchemy import Select, case, func, select

from storefront.core.services import Services
from storefront.core.tables import customers
from storefront_subscriptions.rows import CANCELED, INCOMPLETE_EXPIRED, PAID
from storefront_subscriptions.tables import invoices, subscriptions


async def read_funnel(services: Services) -> dict[str, int]:
    """Return how many customers came how far up to now; the names of the steps are those of ``figures.funnel``."""
    each = invoices.c.customer_id
    paid = select(each).where(invoices.c.state == PAID)
    money = paid.where(invoices.c.period >= 0, invoices.c.total > 0)
    has_canceled = func.max(case((subscriptions.c.billing_state == CANCELED, 1), else_=0)) == 1
    is_over = func.min(case((subscriptions.c.billing_state.in_((CANCELED, INCOMPLETE_EXPIRED)), 1), else_=0)) == 1
    over = select(subscriptions.c.customer_id).group_by(subscriptions.c.customer_id).having(has_canceled, is_over)
    return {
        "visited": await _count(services, select(customers.c.id)),
        "tried": await _count(services, select(subscriptions.c.customer_id).distinct()),
        "trial": await _count(services, paid.where(invoices.c.period < 0).distinct()),
        "free": await _count(services, paid.where(invoices.c.period >= 0, invoices.c.total == 0).distinct()),
        "paid": await _count(services, money.distinct()),
        "renewed": await _count(services, money.group_by(each).having(func.count() > 1)),
        "canceled": await _count(services, over),
    }


async def _count(services: Services, found: Select[Any]) -> int:
    (row,) = await services.reader.scan(select(func.count().label("many")).select_from(found.subquery()))
    return int(row["many"])
