"""A customer's wallets as the game's server and the operator see them: entries, lots, and what lots bought."""

from aiohttp import web

from storefront.core.history import wallet_history
from storefront.core.principals import Role
from storefront.core.provenance import list_draws, list_lots, show_lot
from storefront.routing import Call, Routes, respond
from storefront.web.services import SERVICES
from storefront.web.shapes import PAGE
from storefront.web.wallet_shapes import DRAWS, HISTORY, LOT, LOTS

routes = Routes("core", tags=["wallets"])
WALLET = "/v1/customers/{customer:[^/]+}/wallets/{asset:[^/]+}"
READERS = Role.SERVER | Role.OPERATOR


@routes.get(f"{WALLET}/entries", allow=READERS, query=PAGE, answers={200: HISTORY}, scope="customers:read")
async def show_entries(call: Call) -> web.StreamResponse:
    """List what went into and out of a wallet, newest first; what pays off a debt never comes in."""
    services, customer_id, asset = call.app[SERVICES], await _customer(call), call.path("asset")
    limit, after = call.query["limit"], call.query.get("after")
    return respond(await wallet_history(services, customer_id, asset, limit=limit, after=after))


@routes.get(f"{WALLET}/lots", allow=READERS, query=PAGE, answers={200: LOTS}, scope="customers:read")
async def show_lots(call: Call) -> web.StreamResponse:
    """List the lots that a wallet consists of, newest first: what paid for each, what it cost, when it expires.

    Lots that are used up are not listed; their ids (in draws, in items) can still be asked for.
    """
    services, customer_id, asset = call.app[SERVICES], await _customer(call), call.path("asset")
    limit, after = call.query["limit"], call.query.get("after")
    return respond(await list_lots(services, customer_id, asset, limit=limit, after=after))


@routes.get(f"{WALLET}/lots/{{lot}}", allow=READERS, answers={200: LOT}, scope="customers:read")
async def show_one_lot(call: Call) -> web.StreamResponse:
    """Show a lot with the credits that filled it: backward to the money it came from."""
    services, customer_id = call.app[SERVICES], await _customer(call)
    return respond(await show_lot(services, customer_id, call.path("asset"), call.path("lot")))


@routes.get(f"{WALLET}/lots/{{lot}}/draws", allow=READERS, query=PAGE, answers={200: DRAWS}, scope="customers:read")
async def show_draws(call: Call) -> web.StreamResponse:
    """List what a lot was spent on, newest first: forward to what it bought."""
    services, customer_id = call.app[SERVICES], await _customer(call)
    limit, after = call.query["limit"], call.query.get("after")
    lot_id, asset = call.path("lot"), call.path("asset")
    return respond(await list_draws(services, customer_id, asset, lot_id, limit=limit, after=after))


async def _customer(call: Call) -> str:
    return await call.app[SERVICES].customers.need(call.path("customer"))
