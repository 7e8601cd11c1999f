"""A promo code on the shop page: entered once, kept in a cookie of the browser's, and shown on every price it lowers.

Works by plain forms. What the page shows is only what it shows: the code is judged again when something is bought.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.errors import StorefrontError
from storefront.core.money import Money
from storefront.core.principals import Role
from storefront.core.promos.codes import PromoCodeInvalid, UsedCode, shown_code
from storefront.core.promos.finding import Use, refuse_offer, usable_code
from storefront.core.quotes import discounted
from storefront.core.services import Services
from storefront.pages.browser import Browser, reader_of
from storefront.routing import Call, Routes
from storefront.shapes import closed
from storefront.web.catalog import prices_to_pay
from storefront.web.entering_codes import entering_codes
from storefront.web.notices import note_of
from storefront.web.pages import PromoChoice
from storefront.web.services import SERVICES

routes = Routes("core", tags=["pages"])
CODE_COOKIE = "storefront_promo_code"
PLACE = "/shop#promo"
_CSRF = {"type": "string", "maxLength": 100}
ENTER = closed({"code": {"type": "string", "maxLength": 100}, "csrf": _CSRF}, required=["csrf"])


@routes.post("/shop/promo-code", allow=Role.PUBLIC, form=ENTER, page=True)
async def enter_code(call: Call) -> web.StreamResponse:
    """Take a promo code for what is bought on this page, or take it away again."""
    services, customer_id = call.app[SERVICES], reader_of(call)
    typed = call.body.get("code", "").strip()
    response = web.Response(status=303, headers={"Location": PLACE})
    if not typed:
        response.del_cookie(CODE_COOKIE)
        return response
    try:
        used = await _judge(call, services, customer_id, typed, call.principal.country)
    except StorefrontError as refusal:
        return web.Response(status=303, headers={"Location": f"/shop?note={note_of(refusal)}"})
    Browser.of(call).keep(response, CODE_COOKIE, used.code)
    return response


async def read_promo(call: Call, services: Services, country: str | None) -> tuple[PromoChoice | None, UsedCode | None]:
    """Return what the page says of promo codes, and the one that was entered, if it may be used still.

    Nothing is said to visitors, and where the shop has no codes.
    """
    customer_id = call.principal.customer_id
    if customer_id is None or not services.catalogs.active.promo_codes:
        return None, None
    typed = call.request.cookies.get(CODE_COOKIE)
    if not typed:
        return PromoChoice(), None
    try:
        used = await _judge(call, services, customer_id, typed[:100], country)
    except StorefrontError:
        return PromoChoice(), None
    label = used.terms.label and used.label(services.catalogs.active.default_language)
    return PromoChoice(shown_code(used.code), label or None), used


def prices_with_code(
    services: Services, shelves: Mapping[str, Any], country: str | None, used: UsedCode | None
) -> dict[str, Any]:
    """Return the catalog with the prices that a buyer pays; those that the code lowers say what they were."""
    listed = prices_to_pay(services, shelves, country)
    if used is None:
        return listed
    lowered = {**shelves, "offers": [_lowered(services, offer, used) for offer in shelves["offers"]]}
    offers = []
    for offer, before in zip(prices_to_pay(services, lowered, country)["offers"], listed["offers"], strict=True):
        prices = [
            {**price, "list_amount": was["amount"]} if "promo_code" in price else price
            for price, was in zip(offer["prices"], before["prices"], strict=True)
        ]
        offers.append({**offer, "prices": prices})
    return {**listed, "offers": offers}


def _lowered(services: Services, offer: Mapping[str, Any], used: UsedCode) -> dict[str, Any]:
    known = services.catalogs.active.offer(offer["sku"])
    prices = []
    for price in offer["prices"]:
        list_price = Money(price["amount"], price["currency"])
        try:
            refuse_offer(used.terms, known, list_price)
        except PromoCodeInvalid:
            prices.append(price)
        else:
            amount = discounted(used.terms, list_price).amount_minor
            prices.append({**price, "amount": amount, "promo_code": used.code})
    return {**offer, "prices": prices}


async def _judge(call: Call, services: Services, customer_id: str, typed: str, country: str | None) -> UsedCode:
    where = country or await services.customers.country(customer_id)
    use = Use(customer_id, services.catalogs.active, services.clock.now(), where)
    with entering_codes(call, [typed], customer_id):
        return await usable_code(services, typed, use)
