"""Saved payment methods over HTTP: list them, save one without paying, forget one."""

from aiohttp import web

from storefront.core.buyer_caps import refuse_card_testing
from storefront.core.config.currencies import real_currencies
from storefront.core.errors import FieldError, Invalid
from storefront.core.gateways import SavesMethods
from storefront.core.payment_methods import forget_method, list_methods, open_setup, show_setup
from storefront.core.principals import Role
from storefront.core.returning import check_return
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.web.services import SERVICES
from storefront.web.shapes import CREATE_SETUP, OF_CUSTOMER, PAYMENT_METHODS, SETUP

routes = Routes("core", tags=["payment methods"])
OWNERS = Role.CUSTOMER | Role.SERVER


@routes.get(
    "/v1/payment-methods", allow=OWNERS, query=OF_CUSTOMER, answers={200: PAYMENT_METHODS}, scope="purchases:read"
)
async def list_payment_methods(call: Call) -> web.StreamResponse:
    """List the payment methods that a customer has saved."""
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, call.query.get("customer"))
    return respond({"data": await list_methods(services, customer_id), "next": None})


@routes.post(
    "/v1/payment-methods/setups",
    allow=OWNERS,
    body=CREATE_SETUP,
    answers={201: SETUP},
    limit="checkout",
    scope="purchases:write",
    refusals=["gateway_unavailable", "gateway_refused", "too_many_declines"],
)
async def create_setup(call: Call) -> web.StreamResponse:
    """Open a page of the gateway's on which the customer saves a payment method without paying.

    Send them to `redirect_url`; they come back with `setup=` in the address.
    """
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, call.body.get("customer"))
    check_return(services, call.body.get("return_url"))
    network = call.customers_network
    await refuse_card_testing(services, network)
    setup = await open_setup(
        services,
        customer_id,
        call.body.get("gateway") or _first_keeper(services),
        currency=_currency(services, call.body.get("currency")),
        return_url=call.body.get("return_url") or f"{services.public_url}/shop",
        network=network,
    )
    return respond(setup, status=201)


@routes.get(
    "/v1/payment-methods/setups/{id}",
    allow=OWNERS,
    query=OF_CUSTOMER,
    answers={200: SETUP},
    scope="purchases:read",
    refusals=["gateway_unavailable"],
)
async def get_setup(call: Call) -> web.StreamResponse:
    """Ask how the saving of a method ended; once it is `saved`, `payment_method` names it."""
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, call.query.get("customer"))
    return respond(await show_setup(services, customer_id, call.path("id")))


@routes.delete(
    "/v1/payment-methods/{id}",
    allow=OWNERS,
    query=OF_CUSTOMER,
    answers={204: None},
    scope="purchases:write",
    refusals=["gateway_unavailable"],
)
async def delete_payment_method(call: Call) -> web.StreamResponse:
    """Forget a saved method, here and at its gateway. What was paid with it stays paid."""
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, call.query.get("customer"))
    await forget_method(services, customer_id, call.path("id"), actor=call.principal.caller)
    return web.Response(status=204)


def _first_keeper(services: Services) -> str:
    found = next((name for name, gateway in services.gateways.items() if isinstance(gateway, SavesMethods)), None)
    if found is None:
        raise Invalid("No gateway here keeps payment methods.", errors=[FieldError("/gateway", "none keeps methods")])
    return found


def _currency(services: Services, wanted: str | None) -> str:
    """Return the currency of what will be paid; if none was said, one that something here costs.

    Some methods serve a single currency.
    """
    if wanted is not None:
        if wanted not in real_currencies():
            raise Invalid("A gateway keeps methods for real money.",
                          errors=[FieldError("/currency", "must be a currency of ISO 4217, like USD")])  # fmt: skip
        return wanted
    catalog = services.catalogs.active
    prices = (price for offer in catalog.offers.values() for price in offer.prices)
    return next((currency for currency in prices if currency not in catalog.assets), "USD")
