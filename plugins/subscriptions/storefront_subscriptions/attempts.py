"""Attempts to charge an invoice by a purchase: what came of one, and how one goes that nobody has decided yet."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from storefront.core.billing import Bill, BillLine
from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS
from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.commit.plan import IdempotencyKey, Plan
from storefront.core.errors import NotFound, Refused
from storefront.core.gateways import Declined, GatewayFailed, GatewayRefused
from storefront.core.opening import CheckoutTooLate
from storefront.core.purchases import buy
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.settlement import settle
from storefront_subscriptions.looking_after import GONE
from storefront_subscriptions.rows import NotDue, SubscriptionOver, lines_of
from storefront_subscriptions.subscribing import CONFIRM_WITHIN_MS

CALLER = "plugin:subscriptions"
ASK_AGAIN_MS = ((10 * MINUTE_MS, 5 * MINUTE_MS), (DAY_MS, HOUR_MS))
"""How often a payment that nobody has decided is asked for: ``(as long as it is younger, so often)``; then daily."""

log = structlog.get_logger("storefront.subscriptions")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, and whether for good; ``purchase_id`` is its purchase, if it came so far."""

    reason: str
    is_hard: bool
    purchase_id: str | None = None


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
    try:
        await buy(services, request)
    except (Declined, GatewayRefused, CheckoutTooLate) as final:
        log.info("renewal_failed", subscription=subscription_id, reason=final.code)  # looked at next: its purchase
    except GatewayFailed as unknown:
        log.info("renewal_unknown", subscription=subscription_id, reason=unknown.code)
    except (NotDue, SubscriptionOver):
        raise
    except NotFound:
        return Failure("payment_method_gone", is_hard=True)
    except InsufficientFunds as short:
        return Failure(short.code, is_hard=False)
    except Refused as refused:
        return Failure(refused.code, is_hard=False)
    return None


async def look_at_attempt(services: Services, purchase_id: str, subscription_id: str) -> tuple[Row, Failure | None]:
    """Ask how the purchase of an invoice goes; return it, and why it has failed. What is not known is no failure."""
    try:
        await settle(services, purchase_id)
    except GatewayFailed as away:
        log.info("renewal_unknown", subscription=subscription_id, reason=away.code)
    purchase = await read_purchase(services, purchase_id)
    if purchase["status"] not in GONE:
        return purchase, None
    payment = await read_payment(services, purchase_id)
    is_hard = payment is not None and payment["declined"] == "hard"
    return purchase, Failure(str(purchase["reason"] or purchase["status"]), is_hard, purchase_id)


def ask_again_at(purchase: Row, now: int) -> int:
    """Return when to ask again how a purchase goes that is not decided (business ms)."""
    age = now - purchase["created_at"]
    return now + next((pause for younger, pause in ASK_AGAIN_MS if age < younger), DAY_MS)
