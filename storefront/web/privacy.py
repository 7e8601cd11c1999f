"""All that is held about one customer, over HTTP: for whoever answers a request for access (GDPR, article 15)."""

from contextlib import aclosing

from aiohttp import hdrs, web

from storefront.core.principals import Role
from storefront.core.privacy.exporting import find_person, stream_customer
from storefront.routing import Call, Routes
from storefront.web.exports import send_piece
from storefront.web.services import SERVICES

SCOPE = "privacy:read"

routes = Routes("core", tags=["privacy"])


@routes.get("/v1/customers/{customer}/export", allow=Role.SERVER | Role.OPERATOR, answers={200: None}, scope=SCOPE)
async def export_customer(call: Call) -> web.StreamResponse:
    """Send everything that is held about a customer as one JSON document, streamed: a section for each table.

    `{"customer", "id", "exported_at", "sections": {table: [row]}}`; plugins' tables are among them, and a table that
    holds nothing is an empty list. `customer` is the game's id or ours. It is written into the audit trail. A
    connection that breaks off before the end means that the document is not whole. It may name others (who gave a
    gift) and how fraud is told: read it before you hand it out.
    """
    return await send_person(call, call.principal.caller)


async def send_person(call: Call, actor: str) -> web.StreamResponse:
    """Send everything that is held about the customer whom the address names; raises ``NotFound``."""
    services = call.app[SERVICES]
    person = await find_person(services, call.path("customer"))
    headers: dict[str, str] = {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{person.id}.json"',
        hdrs.CACHE_CONTROL: "no-store",
    }
    response = await call.stream("application/json", headers=headers)
    if call.request.method != hdrs.METH_HEAD:
        async with aclosing(stream_customer(services, person, actor=actor)) as pieces:
            async for piece in pieces:
                await send_piece(response, piece)
    await response.write_eof()
    return response
