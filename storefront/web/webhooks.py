"""Webhooks in: raw bytes, signature first, stored once, answered at once."""

from aiohttp import web

from storefront.core.inbox import receive_webhook
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.shapes import BOOLEAN, table
from storefront.web.services import SERVICES

routes = Routes("core", tags=["gateways"])


@routes.post(
    "/webhooks/{gateway}",
    allow=Role.PUBLIC,
    raw_body=True,
    answers={200: table({"received": BOOLEAN})},
    limit="webhook",
    refusals=["bad_signature"],
)
async def receive(call: Call) -> web.StreamResponse:
    """Take a payment gateway's signed event; it is processed later, by asking the gateway."""
    await receive_webhook(call.app[SERVICES], call.path("gateway"), call.raw, call.request.headers)
    return respond({"received": True})
