"""The shop page's handlers: everything works by plain forms; the page's script asks for JSON instead.

A browser's session is an HttpOnly cookie that holds a session token. Forms carry a CSRF token that belongs to
the browser and to its customer, and the idempotency key that was made with the page.
"""

import secrets
from decimal import Decimal
from typing import Any

from aiohttp import web
from yarl import URL

from storefront.core.clock import to_datetime
from storefront.core.commit.outcome import Answer
from storefront.core.consuming import ConsumeRequest, consume_item
from storefront.core.errors import FieldError, Invalid, NotFound, StorefrontError, Unauthorized
from storefront.core.finalizing import PaymentProcessing, cancel, finalize
from storefront.core.gateways import PaymentState
from storefront.core.idempotency import idempotency_key
from storefront.core.kinds import HasPage
from storefront.core.money import MAX_AMOUNT, Money
from storefront.core.principals import Role
from storefront.core.purchases import buy
from storefront.core.purchasing import OPERATION, Status
from storefront.core.quoting import PurchaseRequest
from storefront.core.services import Services
from storefront.design.money import exponent_of, is_real
from storefront.networks import network_of
from storefront.pages.amounts import asset_names
from storefront.pages.browser import Browser, check_csrf, keep_playing, page_frame, set_session
from storefront.routing import Call, Routes, respond
from storefront.shapes import CUSTOMER, PROMO_CODE, QUANTITY, SKU, closed
from storefront.web.browsing import MENU, renderer_of, shop_json, wants_json
from storefront.web.catalog import Looker, prices_note, read_catalog
from storefront.web.entering_codes import entering_codes, typed_codes
from storefront.web.invitation_page import keep_invitation, read_invitation
from storefront.web.last_purchases import last_purchases
from storefront.web.notices import (
    LEFT_PAYMENT,
    SESSION_ENDED,
    UNSEEN_PAYMENT,
    USED,
    Notices,
    note_of,
)
from storefront.web.pages import ON_ITS_WAY, WAITING, ShopView, build_shop_view
from storefront.web.paying import CHOICE_COOKIE, METHOD, read_choice
from storefront.web.promo_page import prices_with_code, read_promo
from storefront.web.services import SERVICES, TOKENS

routes = Routes("core", tags=["pages"])

_CSRF = {"type": "string", "maxLength": 100}
_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
BUY = closed(
    {
        "sku": SKU,
        "currency": {"type": "string", "maxLength": 64},
        "pay_with": {"type": "string", "maxLength": 64},
        "expected_price": {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT},
        "amount": {"type": "string", "pattern": r"^[0-9]{1,15}([.,][0-9]{1,8})?$"},
        "payment_method": METHOD,
        "save_payment_method": {"enum": ["yes"]},
        "promo_code": PROMO_CODE,
        "idempotency_key": _KEY,
        "csrf": _CSRF,
    },
    required=["sku", "currency", "idempotency_key", "csrf"],
)
_TERMS = ("sku", "currency", "pay_with", "expected_price", "amount", "payment_method", "save_payment_method",
          "promo_code")  # fmt: skip
CONSUME = closed(
    {"sku": SKU, "quantity": QUANTITY, "idempotency_key": _KEY, "csrf": _CSRF},
    required=["sku", "idempotency_key", "csrf"],
)
# Where a player goes on: a page of this shop, so never another site's.
_BACK = {"type": "string", "pattern": "^/[a-z]{1,40}$"}
PLAY_AS = closed({"customer": CUSTOMER, "csrf": _CSRF, "back": _BACK}, required=["customer", "csrf"])
SIGN_IN = closed({"token": {"type": "string", "maxLength": 4096}, "csrf": _CSRF}, required=["token", "csrf"])
# Links to pages are shared and collect parameters of others on their way: these are passed over.
SHOP_QUERY = {
    **closed(
        {
            "purchase": {"type": "string", "maxLength": 40},
            "note": {"type": "string", "maxLength": 40},
            "sku": {"type": "string", "maxLength": 100},
            "currency": {"type": "string", "maxLength": 64},
            "referral": {"type": "string", "maxLength": 100},
        }
    ),
    "additionalProperties": True,
}
CURRENCY_COOKIE = "storefront_currency"
RETURN_QUERY = {
    **closed(
        {"purchase": {"type": "string", "maxLength": 40}, "canceled": {"type": "string", "maxLength": 1}},
        required=["purchase"],
    ),
    "additionalProperties": True,
}


@routes.get("/", allow=Role.PUBLIC, page=True)
async def open_shop(call: Call) -> web.StreamResponse:
    """Lead whoever types the bare address to the shop."""
    return web.Response(status=303, headers={"Location": "/shop"})


@routes.get("/shop", allow=Role.PUBLIC, query=SHOP_QUERY, page=True)
async def show_shop(call: Call) -> web.StreamResponse:
    """Show the shop page."""
    services, browser = call.app[SERVICES], Browser.of(call)
    customer_id = call.principal.customer_id
    state = None if customer_id is None else await services.states.document(customer_id)
    response = browser.answer_with_forms(renderer_of(browser).render_shop(await _view(call, services, browser, state)))
    if is_real(call.query.get("currency", "")):
        browser.keep(response, CURRENCY_COOKIE, call.query["currency"])
    keep_invitation(call, services, browser, response)
    if state is not None:
        keep_playing(call, response, state["customer"])
    return response


@routes.post("/shop/session", allow=Role.PUBLIC, body=SIGN_IN, page=True, limit="sign_in")
async def sign_in(call: Call) -> web.StreamResponse:
    """Exchange the session token of the page's address for an HttpOnly cookie."""
    check_csrf(call)
    claims = call.app[TOKENS].verify(call.body["token"])
    response = respond({"status": "signed_in"})
    set_session(call, response, claims.customer_id, claims.external_id, token=call.body["token"])
    return response


@routes.post("/shop/play-as", allow=Role.PUBLIC, form=PLAY_AS, page=True, limit="sign_in")
async def play_as(call: Call) -> web.StreamResponse:
    """Sign in as anybody: in a sandbox alone."""
    services = call.app[SERVICES]
    if services.is_live:
        raise NotFound("There is nothing at this address.")
    check_csrf(call)
    external_id = call.body["customer"].strip()
    if not external_id:
        raise Invalid("A player has a name.", errors=[FieldError("/customer", "must not be blank")])
    customer_id = await services.customers.ensure(external_id, actor="shop page")
    response = _see_other(call.body.get("back", "/shop"))
    set_session(call, response, customer_id, external_id)
    return response


@routes.post("/shop/buy", allow=Role.PUBLIC, form=BUY, page=True, limit="checkout")
async def buy_from_page(call: Call) -> web.StreamResponse:
    """Buy one offer and go on: to the payment page, or back to the shop."""
    services, customer_id = call.app[SERVICES], call.principal.customer_id
    if customer_id is None:
        return _session_ended(call)
    check_csrf(call)
    try:
        with entering_codes(call, typed_codes(call.body), customer_id):
            bought = await buy(services, _wanted(call, customer_id))
    except StorefrontError as refusal:
        return await _refuse(call, services, refusal, card=call.body["sku"])
    response = await _after_buying(call, services, bought.answer)
    if "save_payment_method" in call.body:
        # It is saved once; from then on the saved card is what one pays with.
        response.del_cookie(CHOICE_COOKIE)
    return response


@routes.get("/shop/return", allow=Role.PUBLIC, query=RETURN_QUERY, page=True)
async def return_from_payment(call: Call) -> web.StreamResponse:
    """Take the buyer back from the payment page: settle the purchase, or cancel it if they walked away."""
    services, purchase_id = call.app[SERVICES], call.query["purchase"]
    customer_id, has_left = call.principal.customer_id, bool(call.query.get("canceled"))
    if customer_id is None:
        return _see_other("/shop", note=LEFT_PAYMENT if has_left else UNSEEN_PAYMENT)
    act = cancel if has_left else finalize
    try:
        await act(services, purchase_id, owner=customer_id)
    except NotFound:
        return _see_other("/shop")
    except PaymentProcessing:
        return _see_other("/shop", purchase=purchase_id)
    except StorefrontError:
        # The gateway is away. The sweep and its webhook do the rest; the page shows how far it is.
        return _see_other("/shop", note=LEFT_PAYMENT) if has_left else _see_other("/shop", purchase=purchase_id)
    return _see_other("/shop", purchase=purchase_id)


@routes.post("/shop/consume", allow=Role.PUBLIC, form=CONSUME, page=True)
async def consume_from_page(call: Call) -> web.StreamResponse:
    """Use up an item."""
    services, customer_id = call.app[SERVICES], call.principal.customer_id
    if customer_id is None:
        return _session_ended(call)
    check_csrf(call)
    body = call.body
    sku, quantity = body["sku"], body.get("quantity", 1)
    terms = {"sku": sku, "quantity": quantity}
    key = idempotency_key(call.principal.caller, "POST /shop/consume", body["idempotency_key"], terms)
    try:
        answer, _ = await consume_item(services, ConsumeRequest(key, customer_id, sku, quantity))
    except StorefrontError as refusal:
        return await _refuse(call, services, refusal)
    if wants_json(call.request):
        left, notices = shop_json(answer.body)["remaining"], await _notices(call, services)
        return respond({"status": "completed", "notice": notices.used(sku, left), "see": False})
    return _see_other("/shop", note=USED, sku=sku)


async def _view(call: Call, services: Services, browser: Browser, state: dict[str, Any] | None) -> ShopView:
    notices, owner = Notices(services, browser.language, state), call.principal.customer_id
    may_look = state is not None or services.config.web.anonymous_catalog
    country = call.principal.country or (None if owner is None else await services.customers.country(owner))
    currency = call.query.get("currency") or call.request.cookies.get(CURRENCY_COOKIE)
    looker = Looker(country, browser.language, owner, currency)
    shelves = await read_catalog(services, looker) if may_look else {"offers": []}
    shelves["offers"] = [one for one in shelves["offers"] if not isinstance(services.kinds[one["kind"]], HasPage)]
    told = call.query.get("purchase")
    promo, used = await read_promo(call, services, country)
    return build_shop_view(
        prices_with_code(services, shelves, country, used),
        state,
        page=page_frame(call, services, browser),
        assets=asset_names(services, browser.language),
        now=to_datetime(services.clock.now()),
        new_key=lambda: secrets.token_urlsafe(18),
        currency=currency,
        notice=await notices.of_query(call.query, owner=owner),
        prices_note=prices_note(services, country) if may_look else "",
        payment=await read_choice(call, services),
        promo=promo,
        invitation=await read_invitation(call, services),
        menu=call.app[MENU],
        purchases=() if owner is None else await last_purchases(services, browser.language, owner, told=told),
    )


def _chosen(services: Services, body: dict[str, Any]) -> int | None:
    """Return what the buyer wants to pay, in minor units: they write it in whole ones."""
    if "amount" not in body:
        return None
    code = body["currency"]
    virtual = services.catalogs.active.assets.get(code)
    exponent = virtual.exponent if virtual is not None else exponent_of(code) if is_real(code) else 0
    minor = Decimal(body["amount"].replace(",", ".")).scaleb(exponent)
    if minor != minor.to_integral_value() or minor > MAX_AMOUNT:
        wrong = FieldError("/amount", f"must have at most {exponent} decimals")
        raise Invalid("That is no amount of this currency.", errors=[wrong])
    return int(minor)


def _wanted(call: Call, customer_id: str) -> PurchaseRequest:
    body = call.body
    terms: dict[str, Any] = {name: body[name] for name in _TERMS if name in body}
    expected = body.get("expected_price")
    return PurchaseRequest(
        idempotency=idempotency_key(call.principal.caller, OPERATION, body["idempotency_key"], terms),
        customer_id=customer_id,
        sku=body["sku"],
        currency=body["currency"],
        pay_with=body.get("pay_with"),
        expected_price=None if expected is None else Money(expected, body["currency"]),
        address=call.address,
        network=network_of(call.address),
        country=call.principal.country,
        payment_method=body.get("payment_method"),
        saves_method="save_payment_method" in body,
        amount=_chosen(call.app[SERVICES], body),
        promo_codes=typed_codes(body),
    )


async def _after_buying(call: Call, services: Services, answer: Answer) -> web.StreamResponse:
    purchase = shop_json(answer.body)
    redirect_url = purchase["payment"].get("redirect_url")
    if not wants_json(call.request):
        if redirect_url is not None:
            return web.Response(status=303, headers={"Location": redirect_url})
        return _see_other("/shop", purchase=purchase["id"])
    shown: dict[str, Any] = {"status": purchase["status"], "redirect_url": redirect_url}
    if purchase["status"] == Status.COMPLETED:
        shown["notice"] = (await _notices(call, services)).bought(purchase)
    elif redirect_url is None:
        is_on_its_way = purchase["payment"]["state"] == PaymentState.PROCESSING
        shown["notice"] = ON_ITS_WAY if is_on_its_way else WAITING
    return respond(shown)


async def _refuse(
    call: Call, services: Services, refusal: StorefrontError, *, card: str | None = None
) -> web.StreamResponse:
    """Send a refused customer back to the shop, which says why; the script gets the words with the problem.

    ``card`` is the SKU of the card to say it on, else it is said at the top.
    """
    if not wants_json(call.request):
        if card is None:
            return _see_other("/shop", note=note_of(refusal))
        # To that card: without script nothing else would bring it into sight.
        return _see_other("/shop", f"offer-{card}", note=note_of(refusal), sku=card)
    notices = await _notices(call, services)
    refusal.facts = {**refusal.facts, "notice": notices.refusal(refusal, card)}
    raise refusal


def _session_ended(call: Call) -> web.StreamResponse:
    if wants_json(call.request):
        raise Unauthorized("This session has ended.", redirect_url=f"/shop?note={SESSION_ENDED}")
    return _see_other("/shop", note=SESSION_ENDED)


async def _notices(call: Call, services: Services) -> Notices:
    customer_id = call.principal.customer_id
    assert customer_id is not None, "only somebody who is signed in buys and uses"
    return Notices(services, Browser.of(call).language, await services.states.document(customer_id))


def _see_other(path: str, place: str = "", **query: str) -> web.Response:
    return web.Response(status=303, headers={"Location": str(URL(path).with_query(query).with_fragment(place))})
