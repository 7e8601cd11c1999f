"""Opening a payment at its gateway: by the request that made the purchase, or by whoever finds it unopened.

A **lease** on the payment says that somebody is talking to the gateway. When it has run out (a process
died), the next retry of the key, or the sweep, takes it and makes the same call under the same gateway
key: the gateway answers with the same checkout.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from storefront.core.auto_top_up_moves import note_asked
from storefront.core.catalog import text_in
from storefront.core.clock import MINUTE_MS, SECOND_MS
from storefront.core.commit.outcome import Answer, Stale
from storefront.core.commit.plan import Change, IdempotencyKey, Plan
from storefront.core.config.model_tax import TaxBy
from storefront.core.errors import Conflict, Unavailable
from storefront.core.gateways import (
    ActionRequired,
    Captures,
    ChargeRequest,
    Checkout,
    CheckoutRequest,
    Checkouts,
    Declined,
    GatewayFailed,
    GatewayRefused,
    OffSession,
    OutcomeUnknown,
)
from storefront.core.ids import PAYMENT_PREFIX, new_id
from storefront.core.money import Money
from storefront.core.payment_methods import chosen_method, payer_of
from storefront.core.purchasing import (
    DECLINED,
    PAYMENT_BY_MONEY,
    PAYMENT_BY_REFERENCE,
    Status,
    answer_with,
    read_payment,
    read_purchase,
    show_row,
)
from storefront.core.reading import Row
from storefront.core.releasing import give_up
from storefront.core.services import Services

LEASE_MS = 30 * SECOND_MS
TIMES_DECIDED = 5
REFUSED = "gateway_refused"
TOO_LATE = "not_opened_in_time"
LEAST_OPEN_MS = 30 * MINUTE_MS
"""For how long a gateway keeps a checkout open at least: one that would end sooner is not opened any more."""


class CheckoutTooLate(Conflict):
    code = "checkout_too_late"
    title = "The payment page could not be opened in time"


log = structlog.get_logger("storefront.purchases")


def payment_row(
    purchase: Mapping[str, Any],
    gateway: str,
    *,
    return_url: str | None,
    method: str | None,
    saves_method: bool,
    network: str | None,
    now: int,
    wall: int,
    is_screened: bool = False,
    asks_challenge: bool = False,
) -> dict[str, Any]:
    """Return the row of a payment that is about to be opened, leased to the caller.

    ``is_screened``: it is judged before its money is taken, where the gateway can wait for that.
    """
    return {
        "id": new_id(PAYMENT_PREFIX),
        "purchase_id": purchase["id"],
        "customer_id": purchase["customer_id"],
        "gateway": gateway,
        "gateway_ref": None,
        "gateway_payment": None,
        "amount": purchase["total"],
        "currency": purchase["currency"],
        "state": "awaiting",
        "redirect_url": None,
        "return_url": return_url,
        "lease_until": wall + LEASE_MS,
        "asked_at": None,
        "attempts": 0,
        "created_at": now,
        "method": method,
        "saves_method": int(saves_method),
        "card": "{}",
        "received_amount": 0,
        "received_currency": None,
        "network": network,
        "declined": None,
        "is_screened": int(is_screened),
        "asks_challenge": int(asks_challenge),
        "verdict": None,
        "authorized_until": None,
    }


async def open_payment(services: Services, purchase_id: str, key: IdempotencyKey | None) -> Answer | None:
    """Make sure that the purchase has a checkout, and answer its key (if one is given) with the purchase.

    None: a saved method was charged at once; the purchase is to be settled now, and the key answered then.

    Raises:
        GatewayUnavailable, OutcomeUnknown: the gateway did not answer; the same key may be sent again.
        GatewayRefused: it never will; the purchase has failed.
        Declined: the payer's bank said no to a charge of a saved method; the purchase has failed.
        CheckoutTooLate: nobody could open it while there was time; the purchase has expired.
    """
    purchase = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    assert payment is not None, "a purchase through a gateway has a payment"
    if purchase["status"] == Status.FAILED and purchase["reason"] == REFUSED:
        raise GatewayRefused("The payment gateway refused this purchase; begin a new one under a new key.")
    if purchase["status"] == Status.FAILED and (purchase["reason"] or "").startswith(DECLINED):
        kind, reason = payment["declined"] or "hard", purchase["reason"].removeprefix(DECLINED)
        raise Declined(kind=kind, reason=reason, purchase=purchase_id)
    if purchase["status"] == Status.EXPIRED and purchase["reason"] == TOO_LATE:
        raise CheckoutTooLate("Nothing was charged; begin a new purchase under a new key.")
    if payment["gateway_ref"] is None and purchase["status"] == Status.PENDING:
        checkout = await _call_gateway(services, purchase, payment)
        if not checkout.redirect_url:
            await _store(services, purchase_id, checkout, None)
            return None
        answer = await _store(services, purchase_id, checkout, key)
        await _close_if_over(services, purchase_id, checkout)
        return answer
    return await _store(services, purchase_id, None, key)


async def answer_key(services: Services, purchase_id: str, key: IdempotencyKey) -> Answer:
    """Answer a key with the purchase as it is now."""
    return await _store(services, purchase_id, None, key)


async def _call_gateway(services: Services, purchase: Row, payment: Row) -> Checkout:
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, Checkouts), "only gateways with a checkout get payments"
    try:
        if payment["method"] is not None:
            checkout = await _charge(services, purchase, payment)
        else:
            checkout = await gateway.open_checkout(await _request(services, purchase, payment))
        await _refuse_anothers(services, payment, checkout)
        return checkout
    except Declined as declined:
        reason = f"{DECLINED}{declined.reason}"
        is_final = declined.kind == "hard"
        await give_up(services, purchase["id"], Status.FAILED, reason=reason, declined=declined.kind, is_final=is_final)
        declined.facts = {**declined.facts, "purchase": purchase["id"]}
        raise
    except GatewayRefused as refused:
        if purchase["expires_at"] - services.clock.now() < LEAST_OPEN_MS:
            log.info("checkout_too_late", purchase=purchase["id"], reason=refused.detail)
            await give_up(services, purchase["id"], Status.EXPIRED, reason=TOO_LATE)
            raise CheckoutTooLate("Nothing was charged; begin a new purchase under a new key.") from refused
        log.error("gateway_refused", purchase=purchase["id"], reason=refused.detail)
        await give_up(services, purchase["id"], Status.FAILED, reason=REFUSED)
        raise
    except GatewayFailed:
        await _release_lease(services, payment)
        raise


async def _refuse_anothers(services: Services, payment: Row, checkout: Checkout) -> None:
    """Refuse an answer that names another purchase's checkout: ours would then never be found again."""
    gateway, reference = payment["gateway"], checkout.reference
    known = await services.reader.first(PAYMENT_BY_REFERENCE, gateway=gateway, reference=reference)
    known = known or await services.reader.first(PAYMENT_BY_MONEY, gateway=gateway, payment=reference)
    if known is not None and known["purchase_id"] != payment["purchase_id"]:
        log.error("reference_of_another_purchase", purchase=payment["purchase_id"], reference=reference)
        raise OutcomeUnknown("The payment gateway answered with the checkout of another purchase.")


async def _charge(services: Services, purchase: Row, payment: Row) -> Checkout:
    """Charge a saved method; if the payer's bank asks for them, return where they confirm the very same charge."""
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, OffSession), "a method is saved by gateways that charge it"
    request = await _request(services, purchase, payment)
    method = await chosen_method(services, payment["method"])
    charge = ChargeRequest(
        purchase_id=purchase["id"],
        customer_id=purchase["customer_id"],
        amount=request.amount,
        payer=await payer_of(services, payment["gateway"], purchase["customer_id"]),
        method=method["reference"],
        title=request.title,
        is_captured=request.is_captured,
    )
    try:
        facts = await gateway.charge(charge)
    except ActionRequired as asked:
        return await _confirm(gateway, asked, method["reference"], request.success_url)
    return Checkout(facts.reference, "")


async def _confirm(gateway: OffSession, asked: ActionRequired, method: str, return_url: str) -> Checkout:
    """Ask for the page of the payer's bank; some banks change their mind and need nobody."""
    reference = asked.reference or ""
    try:
        facts = await gateway.confirm(reference, method=method, return_url=return_url)
    except ActionRequired as where:
        return Checkout(reference, where.url or "")
    return Checkout(facts.reference, "")


async def _close_if_over(services: Services, purchase_id: str, checkout: Checkout) -> None:
    """Close a checkout that was opened while its purchase was being canceled: nobody shall pay for nothing."""
    purchase = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    if payment is None or purchase["status"] not in (Status.CANCELED, Status.EXPIRED):
        return
    gateway = services.gateway(payment["gateway"])
    assert isinstance(gateway, Checkouts), "only gateways with a checkout get payments"
    try:
        await gateway.close_checkout(checkout.reference)
    except GatewayFailed as failed:
        # It runs out by itself; money that comes before then is settled as late money.
        log.warning("checkout_left_open", purchase=purchase_id, reason=failed.detail)


async def _request(services: Services, purchase: Row, payment: Row) -> CheckoutRequest:
    """Build the gateway's request from stored rows alone, so that a retry sends the very same."""
    catalog = await services.catalogs.version(purchase["catalog_version"])
    offer = catalog.offer(purchase["sku"])
    back = payment["return_url"] or f"{services.public_url}/shop/return"
    joint = "&" if "?" in back else "?"
    return CheckoutRequest(
        purchase_id=purchase["id"],
        customer_id=purchase["customer_id"],
        amount=Money(payment["amount"], payment["currency"]),
        title=text_in(offer.title, None, catalog.default_language) or offer.sku,
        quantity=purchase["quantity"],
        description=text_in(offer.description, None, catalog.default_language),
        success_url=f"{back}{joint}purchase={purchase['id']}",
        cancel_url=f"{back}{joint}purchase={purchase['id']}&canceled=1",
        expires_at=purchase["expires_at"],
        payer=await payer_of(services, payment["gateway"], purchase["customer_id"])
        if payment["saves_method"]
        else None,
        saves_method=bool(payment["saves_method"]),
        is_captured=not (payment["is_screened"] and isinstance(services.gateway(payment["gateway"]), Captures)),
        asks_challenge=bool(payment["asks_challenge"]),
        taxes=catalog.tax is not None and catalog.tax.by is TaxBy.GATEWAY,
    )


async def _store(services: Services, purchase_id: str, checkout: Checkout | None, key: IdempotencyKey | None) -> Answer:
    """Store the gateway's reply and the answer in one commit."""
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, purchase_id)
        payment = await read_payment(services, purchase_id)
        assert payment is not None, "a purchase through a gateway has a payment"
        customer_id = purchase["customer_id"]
        plan = Plan(actor="payments", anchors={customer_id}, idempotency=key, object_id=purchase_id)
        stored = dict(payment)
        if checkout is not None and payment["gateway_ref"] in (None, checkout.reference):
            changes = {
                "gateway_ref": checkout.reference,
                "redirect_url": checkout.redirect_url or None,
                "lease_until": 0,
                "attempts": payment["attempts"] + 1,
            }
            expect = {"gateway_ref": payment["gateway_ref"], "lease_until": payment["lease_until"]}
            plan.add(Change("payments", (payment["id"],), customer_id, expect, changes))
            stored |= changes
            note_asked(plan, purchase, checkout.redirect_url)
        shown = await show_row(services, purchase, stored)
        plan.answer = lambda outcome, shown=shown, customer_id=customer_id: answer_with(shown, outcome, customer_id)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        assert outcome.answer is not None
        return outcome.answer
    raise Unavailable("Too much is changing at once; try again.")


async def _release_lease(services: Services, payment: Row) -> None:
    plan = Plan(actor="payments", anchors={payment["customer_id"]})
    expect = {"lease_until": payment["lease_until"]}
    changes = {"lease_until": 0, "attempts": payment["attempts"] + 1}
    plan.add(Change("payments", (payment["id"],), payment["customer_id"], expect, changes))
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("lease_already_moved", payment=payment["id"])


async def take_lease(services: Services, payment: Row) -> bool:
    """Take a payment's lease if nobody holds it; tell whether it was taken."""
    wall = services.clock.wall()
    if payment["lease_until"] > wall:
        return False
    plan = Plan(actor="payments", anchors={payment["customer_id"]})
    expect = {"lease_until": payment["lease_until"], "gateway_ref": None}
    plan.add(Change("payments", (payment["id"],), payment["customer_id"], expect, {"lease_until": wall + LEASE_MS}))
    try:
        await services.engine.commit(plan)
    except Stale:
        return False
    return True
