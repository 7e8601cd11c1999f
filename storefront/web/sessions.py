"""Sessions: the game's server vouches for a customer and gets a short-lived token for its client."""

from aiohttp import web

from storefront.core.clock import iso
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.browsing import MENU
from storefront.web.services import SERVICES, TOKENS
from storefront.web.shapes import CREATE_SESSION, SESSION

routes = Routes("core", tags=["sessions"])


@routes.post("/v1/sessions", allow=Role.SERVER, body=CREATE_SESSION, answers={201: SESSION}, scope="sessions:write")
async def create_session(call: Call) -> web.StreamResponse:
    """Mint a session for a customer.

    The customer is made on first sight. The token goes to the game's client; it cannot be refreshed: mint
    another. It is answered once and never stored, so this route takes no Idempotency-Key.
    """
    services = call.app[SERVICES]
    external_id, country = call.body["customer"], call.body.get("country")
    customer_id = await services.customers.ensure(external_id, actor=call.principal.caller, country=country)
    token, expires_at = call.app[TOKENS].mint(
        customer_id, external_id, ttl_seconds=call.body.get("ttl_seconds", 900), country=country
    )
    pages = ["/shop", *(link.url for link in call.app[MENU])]
    return respond(
        {
            "token": token,
            "customer": external_id,
            "expires_at": iso(expires_at),
            "links": {page.strip("/"): f"{services.public_url}{page}#token={token}" for page in pages},
        },
        status=201,
    )
