"""The job of a run: buy what was agreed to, once, however often it is run."""

from collections.abc import Mapping
from typing import Any

import structlog

from storefront.core.auto_top_up_rows import OPEN, RUN, TERMS
from storefront.core.errors import StorefrontError
from storefront.core.gateways import Declined, GatewayRefused
from storefront.core.opening import CheckoutTooLate
from storefront.core.purchases import buy
from storefront.core.quoting import PurchaseRequest
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.settlement import settle
from storefront.core.topping_up import close_run, is_passing, key_of, reason_of

log = structlog.get_logger("storefront.auto_top_up")


async def run_top_up(services: Services, payload: Mapping[str, Any]) -> None:
    """Make the purchase of a run, or go on with the one it has made.

    Raises:
        StorefrontError: nobody said how it went; the job is to be run again.
    """
    run = await services.reader.first(RUN, id=payload["run"])
    if run is None or run["state"] not in OPEN:
        return
    try:
        if run["purchase_id"] is not None:
            # Its process died, or the gateway's reply was lost: go on with that very purchase.
            await settle(services, run["purchase_id"])
        else:
            await buy(services, await _request(services, run))
    except (Declined, GatewayRefused, CheckoutTooLate) as final:
        log.info("top_up_failed", run=run["id"], reason=final.code)  # and its purchase with it, in one commit
    except StorefrontError as refused:
        if is_passing(refused):
            raise
        log.info("top_up_not_begun", run=run["id"], reason=refused.code)
        await close_run(services, run["id"], reason_of(refused))


async def _request(services: Services, run: Row) -> PurchaseRequest:
    terms = await services.reader.first(TERMS, customer_id=run["customer_id"], asset=run["asset"])
    assert terms is not None, "a run stands for what somebody agreed to"
    return PurchaseRequest(
        idempotency=key_of(run["id"]),
        customer_id=run["customer_id"],
        sku=terms["sku"],
        quantity=terms["quantity"],
        currency=terms["currency"],
        pay_with=terms["gateway"],
        payment_method=terms["method"],
        top_up_run=run["id"],
    )
