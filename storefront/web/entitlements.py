"""The entitlement check: "may I?", answered from memory."""

from aiohttp import web

from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.services import SERVICES
from storefront.web.shapes import CHECK, CHECK_QUERY

routes = Routes("core", tags=["entitlements"])


@routes.get(
    "/v1/entitlements/{key:[^/]+}",
    allow=Role.CUSTOMER | Role.SERVER,
    query=CHECK_QUERY,
    answers={200: CHECK},
    scope="entitlements:read",
)
async def check_entitlement(call: Call) -> web.StreamResponse:
    """Say whether a customer may do something, why, and what would help.

    An unknown key is answered `allowed: false, reason: "unknown"`, never with an error: a game loop asks.
    """
    services = call.app[SERVICES]
    principal = call.principal
    named = call.query.get("customer")
    own = principal.customer_id if named is None else None
    customer_id = own or await services.customer_of(principal, named)
    amount, seen = call.query["amount"], call.version_seen
    return respond(await services.states.check(customer_id, call.path("key"), amount, at_least=seen))
