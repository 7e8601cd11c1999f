"""The shop page's handlers: everything works by plain forms; the page's script asks for JSON instead.

A browser's session is an HttpOnly cookie that holds a session token. Forms carry a CSRF token that must
equal a cookie's, and the idempotency key that was made with the page.
"""

import hmac
import secrets
from typing import Any

from aiohttp import web
from yarl import URL

from storefront.core.catalog import text_in
from storefront.core.clock import to_datetime
from storefront.core.commit.outcome import Answer
from storefront.core.consuming import ConsumeRequest, consume_item
from storefront.core.errors import Forbidden, NotFound, StorefrontError, Unauthorized
from storefront.core.idempotency import idempotency_key
from storefront.core.money import Money
from storefront.core.principals import Role
from storefront.core.purchases import PurchaseRequest, buy, show_purchase
from storefront.core.purchasing import OPERATION, Status
from storefront.core.services import Services
from storefront.core.settlement import cancel, finalize
from storefront.routing import Call, Routes, respond
from storefront.shapes import CUSTOMER, QUANTITY, SKU, closed
from storefront.web.browsing import Browser, page_frame, set_session, shop_json
from storefront.web.catalog import catalog_json
from storefront.web.pages import (
    NOT_PAID,
    NOT_TAKEN,
    PRICE_CHANGED,
    WAITING,
    AssetName,
    Notice,
    ShopView,
    Tone,
    bought_notice,
    build_shop_view,
)
from storefront.web.services import SERVICES, TOKENS

routes = Routes("core", tags=["pages"])

_CSRF = {"type": "string", "maxLength": 100}
_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
BUY = closed(
    {
        "sku": SKU,
        "currency": {"type": "string", "maxLength": 64},
        "pay_with": {"type": "string", "maxLength": 64},
        "expected_price": {"type": "integer", "minimum": 0},
        "idempotency_key": _KEY,
        "csrf": _CSRF,
    },
    required=["sku", "currency", "idempotency_key", "csrf"],
)
CONSUME = closed(
    {"sku": SKU, "quantity": QUANTITY, "idempotency_key": _KEY, "csrf": _CSRF},
    required=["sku", "idempotency_key", "csrf"],
)
PLAY_AS = closed({"customer": CUSTOMER, "csrf": _CSRF}, required=["customer", "csrf"])
SIGN_IN = closed({"token": {"type": "string", "maxLength": 4096}, "csrf": _CSRF}, required=["token", "csrf"])
SHOP_QUERY = closed(
    {
        "purchase": {"type": "string", "maxLength": 40},
        "note": {"type": "string", "maxLength": 40},
        "sku": {"type": "string", "maxLength": 100},
    }
)
RETURN_QUERY = closed(
    {"purchase": {"type": "string", "maxLength": 40}, "canceled": {"type": "string", "maxLength": 1}},
    required=["purchase"],
)


@routes.get("/shop", allow=Role.PUBLIC, query=SHOP_QUERY, page=True)
async def show_shop(call: Call) -> web.StreamResponse:
    """Show the shop page."""
    services, browser = call.app[SERVICES], Browser.of(call)
    customer_id = call.principal.customer_id
    state = None if customer_id is None else services.states.document(customer_id)
    view = _view(call, services, browser, state)
    response = browser.render_shop(view)
    if customer_id is not None and state is not None and not services.is_live:
        # A sandbox player stays signed in while they look around; a live session ends when its token does.
        set_session(call, response, customer_id, state["customer"])
    return response


@routes.post("/shop/session", allow=Role.PUBLIC, body=SIGN_IN, page=True, limit="sign_in")
async def sign_in(call: Call) -> web.StreamResponse:
    """Exchange the session token of the page's address for an HttpOnly cookie."""
    _check_csrf(call)
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
    _check_csrf(call)
    external_id = call.body["customer"].strip()
    customer_id = await services.customers.ensure(external_id, actor="shop page")
    response = _see_other("/shop")
    set_session(call, response, customer_id, external_id)
    return response


@routes.post("/shop/buy", allow=Role.PUBLIC, form=BUY, page=True, limit="checkout")
async def buy_from_page(call: Call) -> web.StreamResponse:
    """Buy one offer and go on: to the payment page, or back to the shop."""
    services = call.app[SERVICES]
    customer_id = _signed_in(call)
    _check_csrf(call)
    body = call.body
    terms: dict[str, Any] = {
        name: body[name] for name in ("sku", "currency", "pay_with", "expected_price") if name in body
    }
    expected = body.get("expected_price")
    wanted = PurchaseRequest(
        idempotency=idempotency_key(call.principal.caller, OPERATION, body["idempotency_key"], terms),
        customer_id=customer_id,
        sku=body["sku"],
        currency=body["currency"],
        pay_with=body.get("pay_with"),
        expected_price=None if expected is None else Money(expected, body["currency"]),
        address=call.address,
        country=call.principal.country,
    )
    try:
        bought = await buy(services, wanted)
    except StorefrontError as refusal:
        if _wants_json(call):
            raise
        return _see_other("/shop", note=refusal.code, sku=body["sku"])
    return _after_buying(call, services, bought.answer)


@routes.get("/shop/return", allow=Role.PUBLIC, query=RETURN_QUERY, page=True)
async def return_from_payment(call: Call) -> web.StreamResponse:
    """Take the buyer back from the payment page: settle the purchase, or cancel it if they walked away."""
    services, purchase_id = call.app[SERVICES], call.query["purchase"]
    customer_id = call.principal.customer_id
    if customer_id is None:
        return _see_other("/shop", note="signed_out")
    act = cancel if call.query.get("canceled") else finalize
    try:
        await act(services, purchase_id, owner=customer_id)
    except NotFound:
        return _see_other("/shop")
    except StorefrontError:
        return _see_other("/shop", note="waiting")
    return _see_other("/shop", purchase=purchase_id)


@routes.post("/shop/consume", allow=Role.PUBLIC, form=CONSUME, page=True)
async def consume_from_page(call: Call) -> web.StreamResponse:
    """Use up an item."""
    services = call.app[SERVICES]
    customer_id = _signed_in(call)
    _check_csrf(call)
    body = call.body
    quantity = body.get("quantity", 1)
    key = idempotency_key(
        call.principal.caller, "POST /shop/consume", body["idempotency_key"], {"sku": body["sku"], "quantity": quantity}
    )
    try:
        await consume_item(services, ConsumeRequest(key, customer_id, body["sku"], quantity))
    except StorefrontError as refusal:
        if _wants_json(call):
            raise
        return _see_other("/shop", note=refusal.code)
    if _wants_json(call):
        return respond({"status": "completed", "notice": f"{_title(services, body['sku'])} used."})
    return _see_other("/shop", note="used", sku=body["sku"])


def _view(call: Call, services: Services, browser: Browser, state: dict[str, Any] | None) -> ShopView:
    return build_shop_view(
        catalog_json(services, browser.language),
        state,
        page=page_frame(call, services, browser),
        assets=_assets(services, browser.language),
        now=to_datetime(services.clock.now()),
        new_key=lambda: secrets.token_urlsafe(18),
        notice=_notice(call, services, browser, state),
        prices_note="",
    )


def _notice(call: Call, services: Services, browser: Browser, state: dict[str, Any] | None) -> Notice | None:
    """Word what the last request did; the address says which purchase or refusal it was about."""
    note, sku = call.query.get("note"), call.query.get("sku")
    purchase_id = call.query.get("purchase")
    if purchase_id is not None and state is not None:
        try:
            purchase = show_purchase(services, purchase_id, owner=call.principal.customer_id)
        except NotFound:
            return None
        return _purchase_notice(services, browser, purchase, state)
    known = {
        "waiting": Notice(Tone.INFO, WAITING),
        "price_changed": Notice(Tone.BAD, PRICE_CHANGED, sku),
        "signed_out": Notice(Tone.INFO, "Your payment is being handled. Open the shop from the game to see it."),
    }
    if note == "used":
        return Notice(Tone.GOOD, f"{_title(services, sku or '')} used.")
    return None if note is None else known.get(note, Notice(Tone.BAD, NOT_TAKEN, sku))


def _purchase_notice(
    services: Services, browser: Browser, purchase: dict[str, Any], state: dict[str, Any]
) -> Notice | None:
    if purchase["status"] == Status.COMPLETED:
        return Notice(Tone.GOOD, _bought_words(services, browser.language, purchase, state))
    if purchase["status"] in (Status.PENDING, Status.PAID):
        return Notice(Tone.INFO, WAITING)
    return Notice(Tone.INFO, NOT_PAID)


def _bought_words(services: Services, language: str, purchase: dict[str, Any], state: dict[str, Any]) -> str:
    offers = {offer["sku"]: offer for offer in catalog_json(services, language)["offers"]}
    offer = offers.get(purchase["sku"])
    if offer is None:
        return "It is yours."
    currency = purchase["total"]["currency"]
    paid_in = currency if services.catalogs.active.is_virtual(currency) else None
    return bought_notice(offer, state, assets=_assets(services, language), paid_in=paid_in, locale=language)


def _after_buying(call: Call, services: Services, answer: Answer) -> web.StreamResponse:
    purchase = shop_json(answer.body)
    redirect_url = purchase["payment"].get("redirect_url")
    if _wants_json(call):
        shown: dict[str, Any] = {"status": purchase["status"], "redirect_url": redirect_url}
        if purchase["status"] == Status.COMPLETED:
            assert call.principal.customer_id is not None, "only somebody who is signed in buys"
            state = services.states.document(call.principal.customer_id)
            shown["notice"] = _bought_words(services, Browser.of(call).language, purchase, state)
        elif redirect_url is None:
            shown["notice"] = WAITING
        return respond(shown)
    if redirect_url is not None:
        return web.Response(status=303, headers={"Location": redirect_url})
    return _see_other("/shop", purchase=purchase["id"])


def _assets(services: Services, language: str) -> dict[str, AssetName]:
    catalog = services.catalogs.active
    return {
        code: AssetName.titled(code, text_in(asset.title, language, catalog.default_language) or code, asset.exponent)
        for code, asset in catalog.assets.items()
    }


def _title(services: Services, sku: str) -> str:
    offer = services.catalogs.active.offers.get(sku)
    return sku if offer is None else text_in(offer.title, None, services.catalogs.active.default_language) or sku


def _signed_in(call: Call) -> str:
    if call.principal.customer_id is None:
        raise Unauthorized("Open the shop from the game again: this session has ended.")
    return call.principal.customer_id


def _check_csrf(call: Call) -> None:
    cookie = Browser.of(call).csrf_cookie
    if cookie is None or not hmac.compare_digest(cookie.encode(), call.body["csrf"].encode()):
        raise Forbidden("This page is too old. Load it again and try once more.")


def _wants_json(call: Call) -> bool:
    return "application/json" in call.request.headers.get("Accept", "")


def _see_other(path: str, **query: str) -> web.Response:
    return web.Response(status=303, headers={"Location": str(URL(path).with_query(query))})
