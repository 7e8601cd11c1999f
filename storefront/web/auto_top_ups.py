"""Automatic top-ups over HTTP: agree, look, switch off; by the customer, or by the game's server for them."""

from typing import Any

from aiohttp import web

from storefront.core.auto_top_ups import Agreement, agree, end, show_all
from storefront.core.money import Money
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.auto_top_up_shapes import AGREE, AUTO_TOP_UP, AUTO_TOP_UPS
from storefront.web.services import SERVICES

routes = Routes("core", tags=["automatic top-ups"])
MINE = "/v1/me/auto-top-up"
OF_CUSTOMER = "/v1/customers/{customer:[^/]+}/auto-top-up"
REFUSALS = ["auto_top_up_not_offered", "unknown_offer", "offer_closed"]


@routes.get(MINE, allow=Role.CUSTOMER, answers={200: AUTO_TOP_UPS})
async def list_mine(call: Call) -> web.StreamResponse:
    """List what the customer has agreed to, also what is switched off, and how the last top-up went."""
    return await _list(call, await call.app[SERVICES].customer_of(call.principal, None))


@routes.put(MINE, allow=Role.CUSTOMER, body=AGREE, answers={200: AUTO_TOP_UP}, refusals=REFUSALS)
async def agree_mine(call: Call) -> web.StreamResponse:
    """Agree to an automatic top-up of a wallet, instead of what was agreed before.

    Whenever something is spent and too little is left, the offer is bought with the saved method while the customer is
    away. A wallet that has too little now is topped up at once. Safe to repeat.
    """
    return await _agree(call, await call.app[SERVICES].customer_of(call.principal, None))


@routes.delete(MINE + "/{asset:[^/]+}", allow=Role.CUSTOMER, answers={204: None})
async def end_mine(call: Call) -> web.StreamResponse:
    """Switch an automatic top-up off. What is being charged at this moment goes on; nothing is charged after it."""
    return await _end(call, await call.app[SERVICES].customer_of(call.principal, None))


@routes.get(OF_CUSTOMER, allow=Role.SERVER | Role.OPERATOR, answers={200: AUTO_TOP_UPS}, scope="customers:read")
async def list_of_customer(call: Call) -> web.StreamResponse:
    """List what a customer has agreed to, also what is switched off, and how the last top-up went."""
    return await _list(call, await call.app[SERVICES].customers.need(call.path("customer")))


@routes.put(
    OF_CUSTOMER, allow=Role.SERVER, body=AGREE, answers={200: AUTO_TOP_UP}, scope="purchases:write", refusals=REFUSALS
)
async def agree_for_customer(call: Call) -> web.StreamResponse:
    """Write down what a customer has agreed to in the game: the record says which key told us, when, and of which text.

    Otherwise as by the customer's own session. Safe to repeat.
    """
    return await _agree(call, await call.app[SERVICES].customers.need(call.path("customer")))


@routes.delete(
    OF_CUSTOMER + "/{asset:[^/]+}", allow=Role.SERVER | Role.OPERATOR, answers={204: None}, scope="purchases:write"
)
async def end_for_customer(call: Call) -> web.StreamResponse:
    """Switch a customer's automatic top-up off. What is being charged at this moment goes on."""
    return await _end(call, await call.app[SERVICES].customers.need(call.path("customer")))


async def _list(call: Call, customer_id: str) -> web.StreamResponse:
    return respond({"data": await show_all(call.app[SERVICES], customer_id), "next": None})


async def _agree(call: Call, customer_id: str) -> web.StreamResponse:
    body: dict[str, Any] = call.body
    at_most = body.get("at_most")
    wanted = Agreement(
        customer_id=customer_id,
        asset=body["asset"],
        below=body["below"],
        sku=body["sku"],
        quantity=body.get("quantity", 1),
        method=body["payment_method"],
        daily_cap=Money(body["daily_cap"]["amount"], body["daily_cap"]["currency"]),
        at_most=None if at_most is None else Money(at_most["amount"], at_most["currency"]),
        consent_text=body["consent_text"],
        actor=call.principal.caller,
    )
    return respond(await agree(call.app[SERVICES], wanted))


async def _end(call: Call, customer_id: str) -> web.StreamResponse:
    await end(call.app[SERVICES], customer_id, call.path("asset"), actor=call.principal.caller)
    return web.Response(status=204)
