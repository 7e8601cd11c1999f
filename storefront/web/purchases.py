"""Purchases over HTTP: check who and what, build one request, call one use case, render."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from storefront.core.commit.outcome import Taken
from storefront.core.customers import Newcomer, is_introduced
from storefront.core.describing import describe, show_purchase
from storefront.core.errors import FieldError, Invalid
from storefront.core.finalizing import cancel, finalize
from storefront.core.gifts import find_receiver
from storefront.core.history import list_purchases as read_purchases
from storefront.core.idempotency import idempotency_key
from storefront.core.money import Money
from storefront.core.principals import Principal, Role
from storefront.core.purchases import Bought, buy
from storefront.core.purchasing import OPERATION, read_purchase
from storefront.core.quoting import PurchaseRequest, quote_for
from storefront.core.refunding import OPERATION as REFUND_OPERATION
from storefront.core.refunding import refund
from storefront.core.refunds import RefundRequest, Strategy, read_reversals, refund_json
from storefront.core.returning import check_return
from storefront.core.services import Services
from storefront.core.top_ups import country_of, real_price_of
from storefront.routing import Call, Routes, respond, respond_once
from storefront.web.entering_codes import entering_codes, typed_codes
from storefront.web.refund_shapes import CREATE_REFUND, REFUND, REFUND_MADE, REFUNDS
from storefront.web.services import SERVICES
from storefront.web.shapes import (
    CREATE_PURCHASE,
    CREATE_QUOTE,
    OF_CUSTOMER,
    PAGE,
    PURCHASE,
    PURCHASES,
    QUOTE,
)

routes = Routes("core", tags=["purchases"])
BUYERS = Role.CUSTOMER | Role.SERVER
REFUSALS = [
    "unknown_offer",
    "offer_closed",
    "price_changed",
    "amount_out_of_range",
    "insufficient_funds",
    "debt_open",
    "already_owned",
    "limit_reached",
    "sold_out",
    "promo_code_invalid",
    "purchase_refused",
    "amount_not_chargeable",
    "gateway_unavailable",
    "gateway_refused",
    "payment_declined",
    "checkout_too_late",
    "too_many_pending",
    "too_many_declines",
    "assessment_unavailable",
    "not_giftable",
    "gift_not_possible",
    "too_many_gifts",
]


@routes.post(
    "/v1/quotes",
    allow=BUYERS,
    body=CREATE_QUOTE,
    answers={200: QUOTE},
    scope="purchases:read",
    refusals=["unknown_offer", "offer_closed", "amount_out_of_range", "promo_code_invalid"],
)
async def create_quote(call: Call) -> web.StreamResponse:
    """Say exactly what something would cost; nothing is written."""
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, call.body.get("customer"))
    wanted = _request(services, call, customer_id, key="quote")
    with entering_codes(call, wanted.promo_codes, customer_id):
        quote = await quote_for(services, wanted)
    country = await country_of(services, customer_id, wanted.country)
    worth = real_price_of(services, quote.total, country)
    return respond({**quote.to_json(), "real_price": None if worth is None else worth.to_json()})


@routes.post(
    "/v1/purchases",
    allow=BUYERS,
    body=CREATE_PURCHASE,
    answers={201: PURCHASE, 202: PURCHASE},
    idempotent=True,
    limit="checkout",
    scope="purchases:write",
    refusals=REFUSALS,
)
async def create_purchase(call: Call) -> web.StreamResponse:
    """Buy one offer: 201 once completed, 202 while the gateway decides.

    From the wallet it is completed at once. Through a gateway send the buyer to `payment.redirect_url`;
    the purchase completes by itself when it is paid (or ask with `finalize`). With a `recipient` it is a gift.
    """
    services = call.app[SERVICES]
    while True:
        wanted = await _wanted(services, call)
        try:
            with entering_codes(call, wanted.promo_codes, wanted.customer_id):
                return _answer(await buy(services, wanted))
        except Taken as taken:
            if not is_introduced(taken):
                raise
            # Another request has just made one of them, whom this one finds now.


@routes.get(
    "/v1/purchases",
    allow=BUYERS | Role.OPERATOR,
    query={**PAGE, "properties": {**PAGE["properties"], **OF_CUSTOMER["properties"]}},
    answers={200: PURCHASES},
    scope="purchases:read",
)
async def list_purchases(call: Call) -> web.StreamResponse:
    """List purchases, newest first: a customer's own, or those of the customer that a server names."""
    services = call.app[SERVICES]
    named = call.query.get("customer")
    everybody = call.principal.role is not Role.CUSTOMER and named is None
    customer_id = None if everybody else await services.customer_of(call.principal, named)
    limit, after = call.query["limit"], call.query.get("after")
    rows, following = await read_purchases(services, customer_id, limit=limit, after=after)
    return respond({"data": [await describe(services, row) for row in rows], "next": following})


@routes.get("/v1/purchases/{id}", allow=BUYERS | Role.OPERATOR, answers={200: PURCHASE}, scope="purchases:read")
async def get_purchase(call: Call) -> web.StreamResponse:
    """Show a purchase as it is now."""
    return respond(await show_purchase(call.app[SERVICES], call.path("id"), owner=call.principal.owner))


@routes.post(
    "/v1/purchases/{id}/finalize",
    allow=BUYERS,
    answers={200: PURCHASE},
    scope="purchases:write",
    refusals=["gateway_unavailable"],
)
async def finalize_purchase(call: Call) -> web.StreamResponse:
    """Ask the gateway for the truth now, and complete the purchase if it was paid. Safe to repeat."""
    services = call.app[SERVICES]
    return respond(await finalize(services, call.path("id"), owner=call.principal.owner))


@routes.post(
    "/v1/purchases/{id}/cancel",
    allow=BUYERS,
    answers={200: PURCHASE},
    scope="purchases:write",
    refusals=["payment_processing", "gateway_unavailable"],
)
async def cancel_purchase(call: Call) -> web.StreamResponse:
    """Cancel an unpaid purchase; one that was paid in the meantime completes instead. Safe to repeat.

    While a delayed method (a bank debit) is under way, nothing can be canceled: 409 `payment_processing`.
    """
    services = call.app[SERVICES]
    return respond(await cancel(services, call.path("id"), owner=call.principal.owner))


@routes.post(
    "/v1/purchases/{id}/refunds",
    allow=Role.SERVER | Role.OPERATOR,
    body=CREATE_REFUND,
    answers={200: REFUND, 201: REFUND_MADE, 202: REFUND_MADE},
    idempotent=True,
    scope="refunds:write",
    refusals=[
        "not_refundable",
        "already_refunded",
        "refund_too_large",
        "refund_too_fine",
        "goods_used",
        "refund_failed",
        "gateway_unavailable",
    ],
)
async def create_refund(call: Call) -> web.StreamResponse:
    """Refund a purchase: whole, some of it, or an amount.

    What was paid from a wallet goes back into the very lots it came from; what a gateway was paid goes back through
    it: 201 once it is done, 202 while the gateway takes its time. The goods are taken back: currency that is still
    unspent, items that are still there, rights when all is refunded. `dry_run` answers 200 with what would be done.
    """
    body, purchase_id = call.body, call.path("id")
    key = idempotency_key(call.principal.caller, REFUND_OPERATION, call.key, {**body, "purchase": purchase_id})
    wanted = RefundRequest(
        idempotency=key,
        purchase_id=purchase_id,
        reason=body["reason"],
        amount=body.get("amount"),
        quantity=body.get("quantity"),
        lines=tuple((line["sku"], line.get("quantity", 1)) for line in body.get("lines", ())),
        strategy=Strategy(body.get("strategy", Strategy.FAIL)),
        is_dry_run=body.get("dry_run", False),
    )
    answer, is_replay = await refund(call.app[SERVICES], wanted)
    return _answer(Bought(answer, is_replay))


@routes.get(
    "/v1/purchases/{id}/refunds",
    allow=Role.SERVER | Role.OPERATOR,
    answers={200: REFUNDS},
    scope="purchases:read",
)
async def list_refunds(call: Call) -> web.StreamResponse:
    """List what took a purchase back, disputes too, oldest first, with what each took and why."""
    services = call.app[SERVICES]
    purchase = await read_purchase(services, call.path("id"))
    rows = await read_reversals(services.reader, purchase["id"])
    return respond({"data": [refund_json(row) for row in rows], "next": None})


async def _wanted(services: Services, call: Call) -> PurchaseRequest:
    """Return what is to be bought, by whom and for whom; newcomers are made with the purchase, or not at all."""
    buyer = await _buyer(services, call.principal, call.body.get("customer"))
    buyer_id = buyer if isinstance(buyer, str) else buyer.id
    wanted, named = _request(services, call, buyer_id, key=call.key), call.body.get("recipient")
    met = [buyer]
    if named is not None:
        receiver = await find_receiver(services, call.principal, buyer_id, named)
        receiver_id = receiver if isinstance(receiver, str) else receiver.id
        wanted = replace(wanted, recipient_id=receiver_id, by_customer=call.principal.role is Role.CUSTOMER)
        met.append(receiver)
    return replace(wanted, newcomers=tuple(one for one in met if isinstance(one, Newcomer)))


async def _buyer(services: Services, principal: Principal, named: str | None) -> str | Newcomer:
    """Return who buys; a server may buy for a customer who was never here."""
    if principal.role is Role.SERVER and named is not None:
        return await services.customers.meet(named)
    return await services.customer_of(principal, named)


def _request(services: Services, call: Call, customer_id: str, *, key: str) -> PurchaseRequest:
    body: dict[str, Any] = call.body
    expected = body.get("expected_price")
    return_url = body.get("return_url")
    check_return(services, return_url)
    amount, currency = _chosen(body)
    return PurchaseRequest(
        idempotency=idempotency_key(call.principal.caller, OPERATION, key, body),
        customer_id=customer_id,
        sku=body["sku"],
        quantity=body.get("quantity", 1),
        currency=currency,
        pay_with=body.get("pay_with"),
        expected_price=None if expected is None else Money(expected["amount"], expected["currency"]),
        return_url=return_url,
        details=body.get("details", {}),
        metadata=body.get("metadata", {}),
        address=call.address,
        network=call.customers_network,
        country=call.principal.country,
        payment_method=body.get("payment_method"),
        saves_method=body.get("save_payment_method", False),
        amount=amount,
        promo_codes=typed_codes(body),
    )


def _chosen(body: dict[str, Any]) -> tuple[int | None, str | None]:
    """Return the amount that the buyer chooses, if any, and the currency to pay in.

    An amount of money says its currency.
    """
    amount, currency = body.get("amount"), body.get("currency")
    if not isinstance(amount, dict):
        return amount, currency
    if currency is not None and currency != amount["currency"]:
        raise Invalid("Two currencies are named.", errors=[FieldError("/amount/currency", f"must be {currency}")])
    return amount["amount"], amount["currency"]


def _answer(bought: Bought) -> web.StreamResponse:
    return respond_once(bought.answer, is_replay=bought.is_replay)
