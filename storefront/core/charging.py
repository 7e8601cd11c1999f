"""Charges while the payer is away, as a plugin's own billing makes them: what came of one, and how one goes that
nobody has decided yet.

Each is a purchase by a ``Bill``, under a key of its own. What is not known is no failure, and nothing is charged
meanwhile.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog

from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS
from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.errors import NotFound, Refused, StorefrontError
from storefront.core.gateways import Declined, GatewayFailed, GatewayRefused
from storefront.core.opening import CheckoutTooLate
from storefront.core.purchases import buy
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.settlement import settle

GONE = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELED, Status.REJECTED})
CONFIRM_WITHIN_MS = 23 * HOUR_MS
"""For how long a payment that somebody has begun, or is to confirm, is waited for."""
ASK_AGAIN_MS = ((10 * MINUTE_MS, 5 * MINUTE_MS), (DAY_MS, HOUR_MS))
"""How often a payment that nobody has decided is asked for: ``(as long as it is younger, so often)``; then daily."""

log = structlog.get_logger("storefront.charging")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a charge failed, and whether for good; ``purchase_id`` is its purchase, if it came so far."""

    reason: str
    is_hard: bool
    purchase_id: str | None = None


async def charge(
    services: Services, request: PurchaseRequest, *, about: str, over: Collection[type[StorefrontError]]
) -> Failure | None:
    """Make the purchase by which ``about`` is charged; return why there is none.

    One that was begun says itself what came of it: ``look_at_charge``. ``over`` are the errors that say that it is not
    to be charged any more; they are raised.
    """
    try:
        await buy(services, request)
    except (Declined, GatewayRefused, CheckoutTooLate) as final:
        log.info("charge_failed", about=about, reason=final.code)  # looked at next: its purchase
    except GatewayFailed as unknown:
        log.info("charge_unknown", about=about, reason=unknown.code)
    except tuple(over):
        raise
    except NotFound:
        return Failure("payment_method_gone", is_hard=True)
    except InsufficientFunds as short:
        return Failure(short.code, is_hard=False)
    except Refused as refused:
        return Failure(refused.code, is_hard=False)
    return None


async def look_at_charge(services: Services, purchase_id: str, *, about: str) -> tuple[Row, Failure | None]:
    """Ask how a charge's purchase goes; return it, and why it has failed. What is not known is no failure."""
    try:
        await settle(services, purchase_id)
    except GatewayFailed as away:
        log.info("charge_unknown", about=about, reason=away.code)
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
