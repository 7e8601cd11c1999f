"""What a buyer may do about a purchase that waits for its payment: ask for the truth now, or cancel it."""

from typing import Any

import structlog

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.deciding import ReviewDecided, decide
from storefront.core.describing import describe
from storefront.core.errors import Conflict, Unavailable
from storefront.core.gateways import Checkouts, PaymentState
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.receiving import PAYABLE
from storefront.core.releasing import give_up
from storefront.core.reviews import Decision, Ruling
from storefront.core.services import Services
from storefront.core.settlement import settle

BY_BUYER = "canceled_by_buyer"
TIMES_DECIDED = 5

log = structlog.get_logger("storefront.purchases")


class PaymentProcessing(Conflict):
    """Its payer has done all; whether the money comes is not ours to stop."""

    code = "payment_processing"
    title = "This payment is on its way and cannot be canceled"


async def finalize(services: Services, purchase_id: str, *, owner: str | None) -> dict[str, Any]:
    """Settle a purchase for its buyer and return it as it is then."""
    row = await read_purchase(services, purchase_id, owner=owner)
    if row["status"] in PAYABLE:
        await settle(services, purchase_id)
    return await describe(services, await read_purchase(services, purchase_id))


async def cancel(services: Services, purchase_id: str, *, owner: str | None) -> dict[str, Any]:
    """Cancel an unpaid purchase, or one in review: nobody can pay it any more; if it was paid meanwhile, it is settled.

    Raises:
        PaymentProcessing: a delayed method brings the money, or not; it ends by itself.
    """
    row = await read_purchase(services, purchase_id, owner=owner)
    if row["status"] == Status.PENDING:
        payment = await read_payment(services, purchase_id)
        facts = None
        if payment is not None and payment["gateway_ref"] is None and payment["method"] is not None:
            # A saved method was charged, and the answer was lost: it ends as the charge does, nobody cancels that.
            await settle(services, purchase_id)
            return await describe(services, await read_purchase(services, purchase_id))
        if payment is not None and payment["gateway_ref"] is not None:
            gateway = services.gateway(payment["gateway"])
            assert isinstance(gateway, Checkouts), "only gateways with a checkout get payments"
            await _write_down_why(services, purchase_id)
            facts = await gateway.close_checkout(payment["gateway_ref"])
        if facts is None or facts.state is PaymentState.VOIDED:
            await give_up(services, purchase_id, Status.CANCELED, reason=BY_BUYER)
        else:
            await settle(services, purchase_id)
            await _refuse_processing(services, purchase_id)
    await _cancel_review(services, purchase_id)
    return await describe(services, await read_purchase(services, purchase_id))


async def _cancel_review(services: Services, purchase_id: str) -> None:
    """Cancel a purchase that waits for a review; whoever decided that before has decided it."""
    row = await read_purchase(services, purchase_id)
    if row["status"] != Status.IN_REVIEW:
        return
    ruling = Ruling(Decision.CANCELED, f"customer:{row['customer_id']}", BY_BUYER)
    try:
        await decide(services, purchase_id, ruling)
    except ReviewDecided as decided:
        log.info("review_decided_before", purchase=purchase_id, decision=decided.facts["decision"])


async def _write_down_why(services: Services, purchase_id: str) -> None:
    """Keep the reason before the checkout is closed: the gateway's webhook may be faster than its reply."""
    for _ in range(TIMES_DECIDED):
        row = await read_purchase(services, purchase_id)
        if row["status"] != Status.PENDING or row["reason"] == BY_BUYER:
            return
        anchor = row["customer_id"]
        plan = Plan(actor=f"customer:{anchor}", anchors={anchor})
        expect = {"status": row["status"], "updated_at": row["updated_at"]}
        changes = {"reason": BY_BUYER, "updated_at": services.clock.now()}
        plan.add(Change("purchases", (purchase_id,), anchor, expect, changes))
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return
    raise Unavailable("Too much is changing at once; try again.")


async def _refuse_processing(services: Services, purchase_id: str) -> None:
    row = await read_purchase(services, purchase_id)
    if row["status"] == Status.PENDING and row["payment_state"] == PaymentState.PROCESSING:
        raise PaymentProcessing(
            "Its payer has confirmed it. It completes when the money comes and fails if it does not; refund it then.",
            purchase=purchase_id,
        )
