"""How a customer pays on the shop page: with a card that they have saved, with another one, and saved or not.

The choice is a cookie of the browser's. It only decides what the page shows: the forms carry it with them, so what
is bought is bought as the page said. Works by plain forms.
"""

from aiohttp import web

from storefront.core.gateways import SavesMethods
from storefront.core.payment_methods import forget_method, list_methods
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.pages.browser import Browser, reader_of
from storefront.routing import Call, Routes
from storefront.shapes import closed
from storefront.web.pages import PaymentChoice, choose_payment
from storefront.web.services import SERVICES

routes = Routes("core", tags=["pages"])
CHOICE_COOKIE = "storefront_pay_with"
PLACE = "/shop#paying"
METHOD = {"type": "string", "pattern": "^pmt_[a-z2-7]{26}$"}
_CSRF = {"type": "string", "maxLength": 100}
CHOOSE = closed({"choice": {"type": "string", "maxLength": 40}, "csrf": _CSRF}, required=["choice", "csrf"])
FORGET = closed({"method": METHOD, "csrf": _CSRF}, required=["method", "csrf"])


async def read_choice(call: Call, services: Services) -> PaymentChoice | None:
    """Return the ways to pay in money, the chosen one first said; None for visitors and where no card is kept."""
    customer_id, gateway = call.principal.customer_id, services.default_gateway
    if customer_id is None or gateway is None or not isinstance(services.gateways[gateway], SavesMethods):
        return None
    saved = [one for one in await list_methods(services, customer_id) if one["gateway"] == gateway]
    return choose_payment(saved, call.request.cookies.get(CHOICE_COOKIE))


@routes.post("/shop/pay-with", allow=Role.PUBLIC, form=CHOOSE, page=True)
async def choose_how_to_pay(call: Call) -> web.StreamResponse:
    """Remember in this browser how its customer wants to pay."""
    reader_of(call)
    response = web.Response(status=303, headers={"Location": PLACE})
    Browser.of(call).keep(response, CHOICE_COOKIE, call.body["choice"])
    return response


@routes.post("/shop/forget-card", allow=Role.PUBLIC, form=FORGET, page=True)
async def forget_card(call: Call) -> web.StreamResponse:
    """Forget a saved card, here and at its gateway."""
    customer_id = reader_of(call)
    services = call.app[SERVICES]
    await forget_method(services, customer_id, call.body["method"], actor=call.principal.caller)
    return web.Response(status=303, headers={"Location": PLACE})
