"""What operators see of subscriptions: all of them page by page, and one in full."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from storefront.core.clock import iso
from storefront.core.errors import NotFound
from storefront.core.operating.pages import read_page
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import customers, events
from storefront_subscriptions.rows import INVOICES, need, shown
from storefront_subscriptions.showing import show, show_invoice
from storefront_subscriptions.tables import subscriptions
from storefront_subscriptions.usage_lines import read_metered, show_metered


async def list_subscriptions(
    services: Services,
    *,
    state: str | None = None,
    customer: str | None = None,
    sku: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of subscriptions, newest first, also those that are over; ``customer``: the game's id or ours.

    Raises:
        NotFound: there is no such customer.
    """
    named = customers.c.external_id.label("customer")
    statement = select(subscriptions, named).join(customers, customers.c.id == subscriptions.c.customer_id)
    if state is not None:
        statement = statement.where(subscriptions.c.billing_state == state)
    if sku is not None:
        statement = statement.where(subscriptions.c.sku == sku)
    if customer is not None:
        statement = statement.where(subscriptions.c.customer_id == await _customer(services, customer))
    now, by = services.clock.now(), (subscriptions.c.created_at, subscriptions.c.id)

    def listed(row: Row) -> dict[str, Any]:
        return shown(row, row["customer"], now)

    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=listed)


async def show_in_full(services: Services, subscription_id: str) -> dict[str, Any]:
    """Return a subscription, what it asked for and metered, newest first, and what happened, oldest first."""
    row = await need(services, subscription_id)
    metered = await read_metered(services, row, services.clock.now())
    return {
        "subscription": await show(services, row),
        "invoices": [show_invoice(one) for one in await services.reader.all(INVOICES, subscription_id=row["id"])],
        "usage": [show_metered(one) for one in reversed(metered)],
        "events": await _events(services, row),
    }


async def _customer(services: Services, named: str) -> str:
    customer_id = await services.customers.find(named) or named
    if not await services.reader.scan(select(customers.c.id).where(customers.c.id == customer_id)):
        raise NotFound(f"There is no customer {named}.")
    return customer_id


async def _events(services: Services, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    statement = (
        select(events.c.id, events.c.type, events.c.occurred_at)
        .where(events.c.anchor == row["customer_id"], events.c.subject == row["id"])
        .order_by(events.c.sequence)
    )
    found = await services.reader.scan(statement)
    return [{**one, "occurred_at": iso(one["occurred_at"])} for one in found]
