"""Live push: a customer's own state changes as server-sent events."""

import asyncio

import msgspec
from aiohttp import hdrs, web

from storefront.core.clock import SECOND_MS
from storefront.core.errors import Unavailable
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.core.states import CustomerState
from storefront.routing import Call, Routes
from storefront.web.services import SERVICES

routes = Routes("core", tags=["customers"])

HEARTBEAT_SECONDS = 10.0
"""Also how late a change is told at the latest, should the word of another process's commit get lost."""
LONGEST_SECONDS = 15 * 60.0
"""No longer than a session token lives: the client comes back with a fresh one."""
WRITE_SECONDS = 20.0


@routes.get("/v1/stream", allow=Role.CUSTOMER, answers={200: None}, refusals=["too_many_streams"])
async def stream_changes(call: Call) -> web.StreamResponse:
    """Tell a customer's client at once that something of theirs has changed, as server-sent events.

    Each event is `change` with `{"version"}`; its id is that version. Ask `GET /v1/me` for what it is now.
    With `Last-Event-ID` (or `X-Customer-Version`) nothing is told that the client has seen already. The stream
    ends after a quarter of an hour at the latest: come back with a fresh session token.
    """
    services, customer_id = call.app[SERVICES], await call.app[SERVICES].customer_of(call.principal, None)
    loop = asyncio.get_running_loop()
    until, told = loop.time() + LONGEST_SECONDS, _last_seen(call)
    with services.watchers.watch(customer_id) as watch:
        # What can fail is asked before the stream begins: after that no status can be told.
        state = await services.states.get(customer_id, at_least=told)
        stream = await call.stream("text/event-stream")
        while not watch.is_over and loop.time() < until:
            async with asyncio.timeout(WRITE_SECONDS):
                await stream.write(_event(state) if state.version != told else b": \n\n")
            told = state.version
            await watch.wait(_pause(services, state))
            try:
                state = await services.states.get(customer_id, at_least=told)
            except Unavailable:
                break  # the client comes back, and is told when to
        await stream.write_eof()
    return stream


def _event(state: CustomerState) -> bytes:
    data = msgspec.json.encode({"version": state.version})
    return b"id: %d\nevent: change\ndata: %b\n\n" % (state.version, data)


def _pause(services: Services, state: CustomerState) -> float:
    """Return how long to wait: what changes by itself is looked at when it does."""
    if state.fresh_until is None:
        return HEARTBEAT_SECONDS
    return min(HEARTBEAT_SECONDS, max(0.05, (state.fresh_until - services.clock.now()) / SECOND_MS))


def _last_seen(call: Call) -> int:
    text = call.request.headers.get(hdrs.LAST_EVENT_ID, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else call.version_seen
