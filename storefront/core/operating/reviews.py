"""Reviews as an operator sees them: what waits, why, until when, and how it was decided."""

from typing import Any

import msgspec
from sqlalchemy import select

from storefront.core.clock import iso
from storefront.core.deciding import decide
from storefront.core.operating.pages import read_page
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.reviews import Decision, Ruling, need_review, reasons_of
from storefront.core.services import Services
from storefront.core.tables import purchases, reviews

_SHOWN = (reviews, purchases.c.sku, purchases.c.quantity, purchases.c.status, purchases.c.total, purchases.c.currency,
          purchases.c.pay_with, purchases.c.recipient_id)  # fmt: skip


async def list_reviews(
    services: Services,
    *,
    state: str | None = None,
    customer: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of reviews, newest first: in one of ``STATES``, of one customer (the game's id), or all.

    Raises:
        NotFound: there is no such customer.
    """
    statement = select(*_SHOWN).join(purchases, purchases.c.id == reviews.c.purchase_id)
    if state is not None:
        statement = statement.where(reviews.c.state == state)
    if customer is not None:
        statement = statement.where(reviews.c.customer_id == await services.customers.need(customer))
    by = (reviews.c.created_at, reviews.c.purchase_id)
    page = await read_page(services.reader, statement, by, limit=limit, after=after, shown=dict)
    return {**page, "data": [await _shown(services, row) for row in page["data"]]}


async def show_review(services: Services, purchase_id: str) -> dict[str, Any]:
    """Return a review with what the gateway said of the card; raises ``NotFound``."""
    review, purchase = await need_review(services, purchase_id), await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    shown = await _shown(services, {**purchase, **review})
    return {**shown, "card": {} if payment is None else msgspec.json.decode(payment["card"])}


async def approve_review(services: Services, purchase_id: str, *, reason: str, actor: str) -> dict[str, Any]:
    """Approve a purchase: its money is taken and its goods are given; raises what ``decide`` does."""
    await decide(services, purchase_id, Ruling(Decision.APPROVED, actor, reason))
    return await show_review(services, purchase_id)


async def reject_review(services: Services, purchase_id: str, *, reason: str, actor: str) -> dict[str, Any]:
    """Reject a purchase: its money is let go, or given back; raises what ``decide`` does."""
    await decide(services, purchase_id, Ruling(Decision.REJECTED, actor, reason))
    return await show_review(services, purchase_id)


async def _shown(services: Services, row: Row) -> dict[str, Any]:
    """Return a review's row, joined with its purchase's, as JSON."""
    recipient = row["recipient_id"]
    return {
        "purchase": row["purchase_id"],
        "customer": {"id": await services.customers.external_id(row["customer_id"])},
        "recipient": None if recipient is None else {"id": await services.customers.external_id(recipient)},
        "sku": row["sku"],
        "quantity": row["quantity"],
        "total": {"amount": row["total"], "currency": row["currency"]},
        "pay_with": row["pay_with"],
        "status": row["status"],
        "state": row["state"],
        "money": row["money"],
        "reasons": list(reasons_of(row)),
        "decision": row["decision"],
        "decided_by": row["decided_by"],
        "reason": row["decided_why"],
        **{name: None if row[name] is None else iso(row[name]) for name in _TIMES},
        "created_at": iso(row["created_at"]),
    }


_TIMES = ("opened_at", "expires_at", "decided_at", "closed_at")
