"""Settling a payment: ask the gateway, then one commit books the money and gives the goods (``receiving.py``).

The webhook, the buyer's return (``finalize``) and the sweep all end here, in any order, any number of
times. They share one look-up per purchase at a time, and every plan is a compare-and-set on the purchase,
so the first wins and all see the same result. The gateway's own answer is the truth, never an event.
"""

import asyncio

import structlog

from storefront.core.clock import MINUTE_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import NotFound
from storefront.core.gateways import Checkouts, PaymentState
from storefront.core.opening import open_payment, take_lease
from storefront.core.purchasing import PAYMENT_FAILED, Status, event_payload, read_payment, read_purchase
from storefront.core.reading import Row
from storefront.core.receiving import RECEIVABLE, RECEIVED, receive
from storefront.core.releasing import give_up
from storefront.core.screening import end_in_review, take_authorized
from storefront.core.services import Services

log = structlog.get_logger("storefront.purchases")


async def settle(services: Services, purchase_id: str) -> None:
    """Bring a purchase to where its payment is. Safe to call at any time, from anywhere.

    Raises:
        GatewayFailed: the gateway did not answer; nothing was changed.
        NotFound: there is no such purchase.
    """
    earlier = services.settlements.get(purchase_id)
    if earlier is not None:
        # It may have asked before that happened which brings us here: wait, and ask once more, all together.
        await asyncio.wait([earlier])
    running = services.settlements.get(purchase_id)
    if running is None:
        running = asyncio.create_task(_settle(services, purchase_id), name=f"settle {purchase_id}")
        services.settlements[purchase_id] = running
        running.add_done_callback(lambda _: services.settlements.pop(purchase_id, None))
    await asyncio.shield(running)


async def _settle(services: Services, purchase_id: str) -> None:
    purchase = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    if payment is None or purchase["status"] not in RECEIVABLE or payment["state"] == RECEIVED:
        return
    if payment["gateway_ref"] is None:
        payment = await _open_again(services, purchase, payment)
    if payment is None or payment["gateway_ref"] is None:
        return
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, Checkouts), "only gateways with a checkout get payments"
    facts = await gateway.look_up(payment["gateway_ref"])
    if facts.state is PaymentState.AWAITING and _is_over(services, purchase):
        facts = await gateway.close_checkout(payment["gateway_ref"])
    if facts.state is PaymentState.AUTHORIZED:
        await take_authorized(services, purchase_id, facts)
    elif facts.state is PaymentState.RECEIVED:
        await receive(services, purchase_id, facts)
    elif purchase["status"] == Status.IN_REVIEW:
        await end_in_review(services, purchase_id, facts)
    elif facts.state is PaymentState.VOIDED and _is_over(services, purchase, early_ms=MINUTE_MS):
        await give_up(services, purchase_id, Status.EXPIRED, reason="not_paid_in_time")
    elif facts.state is PaymentState.VOIDED:
        # Closed before its time: by a cancel that is under way, or by hand at the gateway.
        await give_up(services, purchase_id, Status.CANCELED, reason="checkout_closed")
    elif facts.state is PaymentState.FAILED:
        await give_up(services, purchase_id, Status.FAILED, reason=f"{PAYMENT_FAILED}{facts.failure or 'declined'}")
    else:
        await _note_progress(services, purchase, payment, facts.state)


async def _note_progress(services: Services, purchase: Row, payment: Row, state: PaymentState) -> None:
    """Write down whether a pending purchase waits for its payer, or only for the money of one who has done all."""
    if purchase["status"] != Status.PENDING or payment["state"] == state or payment["verdict"] is not None:
        return
    anchor = purchase["customer_id"]
    plan = Plan(actor=f"gateway:{payment['gateway']}", anchors={anchor})
    plan.add(Change("payments", (payment["id"],), anchor, {"state": payment["state"]}, {"state": str(state)}))
    expect = {"status": purchase["status"], "updated_at": purchase["updated_at"]}
    changes = {"payment_state": str(state), "updated_at": services.clock.now()}
    plan.add(Change("purchases", (purchase["id"],), anchor, expect, changes))
    if state is PaymentState.PROCESSING:
        plan.emit("purchase.processing", anchor=anchor, subject=purchase["id"], payload=event_payload(purchase))
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("moved_on", purchase=purchase["id"])  # another process settled it; what it saw is as new as this


async def _open_again(services: Services, purchase: Row, payment: Row) -> Row | None:
    """Open a checkout whose reply was never stored, and go on with it: it may have been paid by now."""
    if purchase["status"] == Status.PENDING and await take_lease(services, payment):
        await open_payment(services, purchase["id"], None)
    return await read_payment(services, purchase["id"])


def _is_over(services: Services, purchase: Row, *, early_ms: int = 0) -> bool:
    """Tell whether a purchase's time is over; ``early_ms`` allows for the gateway's clock and its whole seconds."""
    return purchase["expires_at"] is not None and services.clock.now() + early_ms >= purchase["expires_at"]


async def payment_of_reference(services: Services, purchase_id: str | None) -> Row:
    """Return the payment that a gateway's reference to our purchase means; raises ``NotFound``."""
    payment = await read_payment(services, purchase_id) if purchase_id else None
    if payment is None:
        raise NotFound("The gateway speaks of a payment that is not ours.")
    return payment
