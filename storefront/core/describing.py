"""A purchase as JSON, with its payment and what took it back."""

from typing import Any

from storefront.core.purchasing import read_payment, read_purchase, show_row
from storefront.core.reading import Row
from storefront.core.refunds import read_refunds, summary_json
from storefront.core.services import Services


async def show_purchase(services: Services, purchase_id: str, *, owner: str | None = None) -> dict[str, Any]:
    """Return a purchase as its buyer sees it now; another customer's is ``NotFound``."""
    row = await read_purchase(services, purchase_id, owner=owner)
    return await describe(services, row)


async def describe(services: Services, row: Row) -> dict[str, Any]:
    """Return a purchase row as JSON, with its payment and its refunds."""
    payment = None if row["payment_state"] == "none" else await read_payment(services, row["id"])
    # A refund through a gateway may be under way, or have failed, while nothing is refunded.
    has_some = row["refunded"] != "none" or (payment is not None and payment["state"] == "received")
    made = await read_refunds(services.reader, row["id"]) if has_some else ()
    return {**await show_row(services, row, payment), "refunds": [summary_json(one) for one in made]}
