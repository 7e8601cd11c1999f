"""Gifts and transfers over HTTP: what one was given, and passing on what one has."""

from typing import Any

from aiohttp import web

from storefront.core.commit.outcome import Taken
from storefront.core.customers import Newcomer, is_introduced
from storefront.core.errors import FieldError, Invalid
from storefront.core.gifts import list_gifts
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Principal, Role
from storefront.core.services import Services
from storefront.core.transferring import (
    OPERATION,
    TransferNotPossible,
    TransferRequest,
    list_transfers,
    show_transfer,
    transfer,
)
from storefront.routing import Call, Routes, respond, respond_once
from storefront.web.giving_shapes import CREATE_TRANSFER, GIFTS, TRANSFER, TRANSFER_MADE, TRANSFERS
from storefront.web.services import SERVICES
from storefront.web.shapes import OF_CUSTOMER, PAGE

routes = Routes("core", tags=["giving"])


@routes.get("/v1/me/gifts", allow=Role.CUSTOMER, query=PAGE, answers={200: GIFTS})
async def show_my_gifts(call: Call) -> web.StreamResponse:
    """List what others bought for this customer, newest first; `from` is null: the game knows whom it may name."""
    services = call.app[SERVICES]
    customer_id = await services.customer_of(call.principal, None)
    return respond(await _gifts(call, services, customer_id, names_givers=False))


@routes.get(
    "/v1/customers/{customer:[^/]+}/gifts",
    allow=Role.SERVER | Role.OPERATOR,
    query=PAGE,
    answers={200: GIFTS},
    scope="customers:read",
)
async def show_gifts(call: Call) -> web.StreamResponse:
    """List what others bought for a customer, newest first, and who did."""
    services = call.app[SERVICES]
    return await _list_for(call, services, await services.customers.need(call.path("customer")))


async def _list_for(call: Call, services: Services, customer_id: str) -> web.StreamResponse:
    return respond(await _gifts(call, services, customer_id, names_givers=True))


async def _gifts(call: Call, services: Services, customer_id: str, *, names_givers: bool) -> dict[str, Any]:
    limit, after = call.query["limit"], call.query.get("after")
    return await list_gifts(services, customer_id, limit=limit, after=after, names_givers=names_givers)


@routes.post(
    "/v1/transfers",
    allow=Role.CUSTOMER | Role.SERVER,
    body=CREATE_TRANSFER,
    answers={201: TRANSFER_MADE},
    idempotent=True,
    scope="transfers:write",
    refusals=[
        "not_transferable",
        "transfer_not_possible",
        "transfer_limit_reached",
        "insufficient_funds",
        "not_enough_items",
        "debt_open",
        "already_owned",
        "limit_reached",
        "unknown_offer",
    ],
)
async def create_transfer(call: Call) -> web.StreamResponse:
    """Pass on a currency or items that a customer has to another one, as far as the shop's `transfers:` allow it.

    What frozen or held is not there to be passed on. Currency keeps its origin: what a payer's bank takes back later
    may be taken where it went. Units that are things of their own keep their id and number: `instances` says which.
    """
    services = call.app[SERVICES]
    _check_choice(call.body)
    while True:
        try:
            answer, is_replay = await transfer(services, await _wanted(services, call))
        except Taken as taken:
            if not is_introduced(taken):
                raise
            continue  # another request has just made the receiver, whom this one finds now
        return respond_once(answer, is_replay=is_replay)


async def _wanted(services: Services, call: Call) -> TransferRequest:
    """Return what is to be passed on; a newcomer who receives it is made with the transfer, or not at all."""
    body = call.body
    sender = await services.customer_of(call.principal, body.get("from"), pointer="/from")
    receiver = await _receiver(services, call.principal, sender, body["to"])
    return TransferRequest(
        idempotency=idempotency_key(call.principal.caller, OPERATION, call.key, body),
        customer_id=sender,
        recipient_id=receiver if isinstance(receiver, str) else receiver.id,
        newcomer=None if isinstance(receiver, str) else receiver,
        by_customer=call.principal.role is Role.CUSTOMER,
        asset=body.get("asset"),
        amount=body.get("amount", 0),
        sku=body.get("sku"),
        quantity=body.get("quantity", 1),
        instance=body.get("instance"),
    )


@routes.get(
    "/v1/transfers",
    allow=Role.SERVER | Role.OPERATOR,
    query={**PAGE, "properties": {**PAGE["properties"], **OF_CUSTOMER["properties"]}},
    answers={200: TRANSFERS},
    scope="customers:read",
)
async def list_all_transfers(call: Call) -> web.StreamResponse:
    """List transfers, newest first: of all customers, or those that one sent or received."""
    services, named = call.app[SERVICES], call.query.get("customer")
    customer_id = None if named is None else await services.customers.need(named)
    limit, after = call.query["limit"], call.query.get("after")
    shown, following = await list_transfers(services, customer_id, limit=limit, after=after)
    return respond({"data": shown, "next": following})


@routes.get("/v1/transfers/{id}", allow=Role.SERVER | Role.OPERATOR, answers={200: TRANSFER}, scope="customers:read")
async def get_transfer(call: Call) -> web.StreamResponse:
    """Show a transfer."""
    return respond(await show_transfer(call.app[SERVICES], call.path("id")))


async def _receiver(services: Services, principal: Principal, sender_id: str, named: str) -> str | Newcomer:
    """Return whom a caller means to pass on to; a server may name somebody who was never here."""
    found: str | Newcomer | None
    if principal.role is Role.CUSTOMER:
        found = await services.customers.find(named)
        if found is None:
            raise TransferNotPossible
    else:
        found = await services.customers.meet(named, pointer="/to")
    if found == sender_id:
        raise Invalid("Nobody passes on to themselves.", errors=[FieldError("/to", "must be somebody else")])
    return found


def _check_choice(body: dict[str, Any]) -> None:
    """Refuse what is neither a currency with its amount nor items, or is both."""
    is_currency, is_items = "asset" in body, "sku" in body
    if is_currency == is_items:
        raise Invalid(
            "A transfer is either of an asset or of a sku.", errors=[FieldError("/asset", "or /sku: give one")]
        )
    wanted, foreign = ("amount", ("quantity", "instance")) if is_currency else (None, ("amount",))
    errors = [FieldError(f"/{name}", "must be absent here") for name in foreign if name in body]
    if wanted is not None and wanted not in body:
        errors.append(FieldError(f"/{wanted}", "is missing"))
    if errors:
        raise Invalid("A currency has an amount, items have a quantity.", errors=errors)
