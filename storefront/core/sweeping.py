"""The jobs of unfinished purchases: ask about every ``pending`` one, give again what is owed."""

from collections.abc import Mapping
from typing import Any

from storefront.core.clock import MINUTE_MS
from storefront.core.gateways import GatewayRefused
from storefront.core.jobs import Again
from storefront.core.purchasing import Status, read_purchase
from storefront.core.services import Services
from storefront.core.settlement import give_again, settle

LONGEST_PAUSE_MS = 15 * MINUTE_MS
OWED_PAUSE_MS = 5 * MINUTE_MS


async def sweep_purchase(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Ask the gateway about a pending purchase, later and later, and surely when its time is over."""
    purchase_id = payload["purchase_id"]
    purchase = await read_purchase(services, purchase_id)
    if purchase["status"] != Status.PENDING:
        return None
    try:
        await settle(services, purchase_id)
    except GatewayRefused:
        return None
    purchase = await read_purchase(services, purchase_id)
    if purchase["status"] != Status.PENDING:
        return None
    now = services.clock.now()
    pause = min(max(now - purchase["created_at"], MINUTE_MS), LONGEST_PAUSE_MS)
    expires_at = purchase["expires_at"]
    if expires_at is not None and now < expires_at:
        return Again(min(now + pause, expires_at))
    return Again(now + pause)


async def give_purchase(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Try again to give what was paid for."""
    if await give_again(services, payload["purchase_id"]):
        return None
    return Again(services.clock.now() + OWED_PAUSE_MS)
