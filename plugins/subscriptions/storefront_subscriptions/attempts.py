"""Attempts to charge an invoice: each a purchase under a key of its own."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from storefront.core.billing import Bill, BillLine
from storefront.core.charging import CONFIRM_WITHIN_MS, Failure, charge
from storefront.core.commit.plan import IdempotencyKey, Plan
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.rows import NotDue, SubscriptionOver, lines_of

CALLER = "plugin:subscriptions"


def request_of(
    services: Services,
    invoice: Row,
    method: str | None,
    *,
    operation: str,
    begin: Callable[[Plan, Mapping[str, Any]], None],
    details: Mapping[str, Any],
) -> PurchaseRequest:
    """Return the purchase by which an invoice, or a final one, is charged: one an attempt, under a key of its own.

    ``begin`` adds to its plan that the invoice is being paid by it; ``details`` stand on the purchase.
    """
    name = f"{invoice['id']}:{invoice['attempts']}"
    return PurchaseRequest(
        idempotency=IdempotencyKey(CALLER, operation, name, hashlib.sha256(name.encode()).digest()),
        customer_id=invoice["customer_id"],
        sku=invoice["sku"],
        pay_with=invoice["pay_with"],
        payment_method=method,
        return_url=f"{services.public_url}/account/return",
        bill=Bill(
            id=invoice["id"],
            currency=invoice["currency"],
            lines=tuple(BillLine(*line) for line in lines_of(invoice)),
            catalog_version=invoice["catalog_version"],
            confirm_within_ms=CONFIRM_WITHIN_MS,
            begin=begin,
            details=details,
        ),
    )


async def attempt(services: Services, request: PurchaseRequest, subscription_id: str) -> Failure | None:
    """Make the purchase of an invoice; return why there is none. One that was begun says itself what came of it.

    Raises:
        NotDue, SubscriptionOver: it is not to be charged any more.
    """
    return await charge(services, request, about=subscription_id, over=(NotDue, SubscriptionOver))
