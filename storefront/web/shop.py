"""The shop page's handlers: everything works by plain forms; the page's script asks for JSON instead.

A browser's session is an HttpOnly cookie that holds a session token. Forms carry a CSRF token that belongs to
the browser and to its customer, and the idempotency key that was made with the page.
"""

import secrets
from decimal import Decimal
from typing import Any

from aiohttp import web

from storefront.core.clock import to_datetime
from storefront.core.commit.outcome import Answer
from storefront.core.errors import FieldError, Invalid, NotFound, StorefrontError
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
from storefront.design.money import is_real
from storefront.networks import network_of
from storefront.pages.amounts import asset_names
from storefront.pages.browser import Browser, check_csrf, keep_playing, page_frame, set_session
from storefront.routing import Call, Routes, respond
from storefront.shapes import CUSTOMER, PROMO_CODE, SKU, closed
from storefront.web.browsing import MENU, renderer_of, shop_json, wants_json
from storefront.web.catalog import Looker, prices_note, read_catalog
from storefront.web.entering_codes import entering_codes, typed_codes
from storefront.web.invitation_page import keep_invitation, read_invitation
from storefront.web.last_purchases import last_purchases
from storefront.web.notices import LEFT_PAYMENT, MUST_BE_ASKED, UNSEEN_PAYMENT, Notices
from storefront.web.page_answers import CSRF, KEY, notices_of, refuse, see_other, session_ended
from storefront.web.pages import ON_ITS_WAY, WAITING, ShopView, build_shop_view
from storefront.web.paying import CHOICE_COOKIE, METHOD, read_choice
from storefront.web.promo_page import prices_with_code, read_promo
from storefront.web.services import SERVICES, TOKENS
from storefront.web.using_page import read_opening, with_things

routes = Routes("core", tags=["pages"])

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
        "idempotency_key": KEY,
        "csrf": CSRF,
    },
    required=["sku", "currency", "idempotency_key", "csrf"],
)
_TERMS = ("sku", "currency", "pay_with", "expected_price", "amount", "payment_method", "save_payment_method",
          "promo_code")  # fmt: skip
# Where a player goes on: a page of this shop, so never another site's.
_BACK = {"type": "string", "pattern": "^/[a-z]{1,40}$"}
PLAY_AS = closed({"customer": CUSTOMER, "csrf": CSRF, "back": _BACK}, required=["customer", "csrf"])
SIGN_IN = closed({"token": {"type": "string", "maxLength": 4096}, "csrf": CSRF}, required=["token", "csrf"])
# Links to pages are shared and collect parameters of others on their way: these are passed over.
SHOP_QUERY = {
    **closed(
        {
            "purchase": {"type": "string", "maxLength": 40},
            "note": {"type": "string", "maxLength": 40},
            "sku": {"type": "string", "maxLength": 100},
            "currency": {"type": "string", "maxLength": 64},
            "referral": {"type": "string", "maxLength": 100},
            "opened": {"type": "string", "maxLength": 40},
            "number": {"type": "string", "maxLength": 19},
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
    response = see_other(call.body.get("back", "/shop"))
    set_session(call, response, customer_id, external_id)
    return response


@routes.post("/shop/buy", allow=Role.PUBLIC, form=BUY, page=True, limit="checkout")
async def buy_from_page(call: Call) -> web.StreamResponse:
    """Buy one offer and go on: to the payment page, or back to the shop."""
    services, customer_id = call.app[SERVICES], call.principal.customer_id
    if customer_id is None:
        return session_ended(call)
    check_csrf(call)
    try:
        with entering_codes(call, typed_codes(call.body), customer_id):
            bought = await buy(services, _wanted(call, customer_id))
    except StorefrontError as refusal:
        return await refuse(call, services, refusal, card=call.body["sku"])
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
        return see_other("/shop", note=LEFT_PAYMENT if has_left else UNSEEN_PAYMENT)
    act = cancel if has_left else finalize
    try:
        await act(services, purchase_id, owner=customer_id)
    except NotFound:
        return see_other("/shop")
    except PaymentProcessing:
        return see_other("/shop", purchase=purchase_id)
    except StorefrontError:
        # The gateway is away. The sweep and its webhook do the rest; the page shows how far it is.
        return see_other("/shop", note=LEFT_PAYMENT) if has_left else see_other("/shop", purchase=purchase_id)
    return see_other("/shop", purchase=purchase_id)


async def _view(call: Call, services: Services, browser: Browser, state: dict[str, Any] | None) -> ShopView:
    notices, owner = Notices(services, browser.language, state), call.principal.customer_id
    may_look = state is not None or services.config.web.anonymous_catalog
    country = call.principal.country or (None if owner is None else await services.customers.country(owner))
    currency = call.query.get("currency") or call.request.cookies.get(CURRENCY_COOKIE)
    looker = Looker(country, browser.language, owner, currency)
    shelves = await read_catalog(services, looker) if may_look else {"offers": []}
    shelves["offers"] = [one for one in shelves["offers"] if not isinstance(services.kinds[one["kind"]], HasPage)]
    shelves = with_things(services, shelves, browser.language)
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
        opening=await read_opening(services, call.query.get("opened"), owner),
        asked=call.query.get("sku") if call.query.get("note") == MUST_BE_ASKED else None,
    )


def _chosen(services: Services, body: dict[str, Any]) -> int | None:
    """Return what the buyer wants to pay, in minor units: they write it in whole ones."""
    if "amount" not in body:
        return None
    exponent = services.catalogs.active.exponent(body["currency"])
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
        if redirect_url is not None and Browser.of(call).may_lead_to(redirect_url):
            return web.Response(status=303, headers={"Location": redirect_url})
        # A bank's own page may lie where this form must not lead: the page that comes has a link there.
        return see_other("/shop", purchase=purchase["id"])
    shown: dict[str, Any] = {"status": purchase["status"], "redirect_url": redirect_url}
    if purchase["status"] == Status.COMPLETED:
        shown["notice"] = (await notices_of(call, services)).bought(purchase)
    elif redirect_url is None:
        is_on_its_way = purchase["payment"]["state"] == PaymentState.PROCESSING
        shown["notice"] = ON_ITS_WAY if is_on_its_way else WAITING
    return respond(shown)
