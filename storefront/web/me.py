"""The customer state, and the history of a wallet."""

from aiohttp import web

from storefront.core.history import wallet_history
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, not_modified, respond
from storefront.web.services import SERVICES
from storefront.web.shapes import PAGE, STATE
from storefront.web.wallet_shapes import HISTORY

routes = Routes("core", tags=["customers"])


@routes.get("/v1/me", allow=Role.CUSTOMER, answers={200: STATE})
async def show_me(call: Call) -> web.StreamResponse:
    """Answer everything a client needs to know of its customer, in one document.

    `version` only grows; `fresh_until` is the next instant at which anything in it changes by itself.
    """
    services = call.app[SERVICES]
    return await _state(call, services, await services.customer_of(call.principal, None))


@routes.get("/v1/customers/{customer:[^/]+}", allow=Role.SERVER, answers={200: STATE}, scope="customers:read")
async def show_customer(call: Call) -> web.StreamResponse:
    """Answer the state of one customer to the game's server."""
    services = call.app[SERVICES]
    return await _state(call, services, await services.customers.need(call.path("customer")))


@routes.get("/v1/me/wallets/{asset:[^/]+}/entries", allow=Role.CUSTOMER, query=PAGE, answers={200: HISTORY})
async def show_history(call: Call) -> web.StreamResponse:
    """List what went into and out of a wallet, newest first; what pays off a debt never comes in."""
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, None)
    limit, after = call.query["limit"], call.query.get("after")
    return respond(await wallet_history(services, customer_id, call.path("asset"), limit=limit, after=after))


async def _state(call: Call, services: Services, customer_id: str) -> web.StreamResponse:
    seen = call.version_seen
    state = await services.states.get(customer_id, at_least=seen)
    etag = services.states.etag(customer_id, state)
    if call.matches(etag):
        return not_modified(etag)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "X-Customer-Version": str(state.version)}
    return respond(await services.states.leased(customer_id, at_least=seen), headers=headers)
