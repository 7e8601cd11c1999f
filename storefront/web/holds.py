"""Holds over HTTP: set funds aside, capture, release, look at them."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import IdempotencyKey
from storefront.core.holding import (
    HoldRequest,
    capture_hold,
    describe_hold,
    place_hold,
    release_hold,
    show_hold,
)
from storefront.core.holding import list_holds as read_holds
from storefront.core.idempotency import idempotency_key
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond, respond_once
from storefront.web.services import SERVICES
from storefront.web.wallet_shapes import CAPTURE_HOLD, CREATE_HOLD, HOLD, HOLDS, HOLDS_QUERY

routes = Routes("core", tags=["holds"])
PATH = "/v1/holds"


@routes.post(
    PATH,
    allow=Role.SERVER,
    body=CREATE_HOLD,
    answers={201: HOLD},
    idempotent=True,
    scope="holds:write",
    refusals=["insufficient_funds", "debt_open", "too_many_holds"],
)
async def create_hold(call: Call) -> web.StreamResponse:
    """Set funds of a wallet aside until they are captured or released, or the time is over.

    What is held is still in the balance, but no longer available; it does not expire while it is held.
    """
    services, body = call.app[SERVICES], call.body
    wanted = HoldRequest(
        idempotency=_key(call, f"POST {PATH}", body),
        customer_id=await services.customers.need(body["customer"]),
        asset=body["asset"],
        amount=body["amount"],
        expires_in_seconds=body["expires_in_seconds"],
        reason=body["reason"],
    )
    return _answer(*await place_hold(services, wanted))


@routes.post(
    PATH + "/{id}/capture",
    allow=Role.SERVER,
    body=CAPTURE_HOLD,
    may_lack_body=True,
    answers={200: HOLD},
    idempotent=True,
    scope="holds:write",
    refusals=["hold_not_open", "hold_too_small", "hold_of_usage", "hold_of_review", "hold_of_plugin"],
)
async def capture(call: Call) -> web.StreamResponse:
    """Take what is held for good, or a part of it: the rest is available again at once.

    Without a body, or without an amount, all of it is taken. A hold is captured once. A hold whose time is over
    cannot be captured.
    """
    hold_id = call.path("id")
    key = _key(call, f"POST {PATH}/{{id}}/capture", {**call.body, "id": hold_id})
    return _answer(*await capture_hold(call.app[SERVICES], key, hold_id, call.body.get("amount")))


@routes.post(
    PATH + "/{id}/release",
    allow=Role.SERVER,
    answers={200: HOLD},
    idempotent=True,
    scope="holds:write",
    refusals=["hold_not_open", "hold_of_usage", "hold_of_review", "hold_of_plugin"],
)
async def release(call: Call) -> web.StreamResponse:
    """Give back all that is held."""
    hold_id = call.path("id")
    key = _key(call, f"POST {PATH}/{{id}}/release", {"id": hold_id})
    return _answer(*await release_hold(call.app[SERVICES], key, hold_id))


@routes.get(PATH, allow=Role.SERVER | Role.OPERATOR, query=HOLDS_QUERY, answers={200: HOLDS}, scope="holds:read")
async def list_holds(call: Call) -> web.StreamResponse:
    """List holds, newest first: one customer's or everybody's, in any state or in one."""
    services, query = call.app[SERVICES], call.query
    named = query.get("customer")
    customer_id = None if named is None else await services.customers.need(named)
    rows, following = await read_holds(
        services, customer_id, query.get("state"), limit=query["limit"], after=query.get("after")
    )
    return respond({"data": [await describe_hold(services, row) for row in rows], "next": following})


@routes.get(PATH + "/{id}", allow=Role.SERVER | Role.OPERATOR, answers={200: HOLD}, scope="holds:read")
async def get_hold(call: Call) -> web.StreamResponse:
    """Show a hold as it is now."""
    return respond(await show_hold(call.app[SERVICES], call.path("id")))


def _key(call: Call, operation: str, body: Mapping[str, Any]) -> IdempotencyKey:
    return idempotency_key(call.principal.caller, operation, call.key, body)


def _answer(answer: Answer, is_replay: bool) -> web.StreamResponse:
    return respond_once(answer, is_replay=is_replay)
