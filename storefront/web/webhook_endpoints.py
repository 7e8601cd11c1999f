"""Outgoing webhooks over HTTP, for operators: endpoints, deliveries, replays."""

from aiohttp import web

from storefront.core.clock import parse_iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.events import Cursor, read_cursor
from storefront.core.outgoing_webhooks.endpoints import TEST
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.services import WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS
from storefront.web.webhook_shapes import (
    CREATE_ENDPOINT,
    DELIVERIES,
    DELIVERIES_QUERY,
    DELIVERY_WITH_HISTORY,
    ENDPOINT,
    ENDPOINT_WITH_SECRET,
    ENDPOINTS,
    QUEUED,
    REPLAY,
    UPDATE_ENDPOINT,
)

PATH = "/v1/webhook-endpoints"
SCOPE = "webhooks:write"
routes = Routes("core", tags=["webhooks"])


@routes.get(PATH, allow=Role.OPERATOR, answers={200: ENDPOINTS}, scope=SCOPE)
async def list_endpoints(call: Call) -> web.StreamResponse:
    """List the webhook endpoints, newest first; secrets are never shown again."""
    return respond({"data": await call.app[WEBHOOK_ENDPOINTS].all(), "next": None})


@routes.post(
    PATH,
    allow=Role.OPERATOR,
    body=CREATE_ENDPOINT,
    answers={201: ENDPOINT_WITH_SECRET},
    scope=SCOPE,
    refusals=["too_many_webhook_endpoints"],
)
async def create_endpoint(call: Call) -> web.StreamResponse:
    """Make an endpoint that gets what happens from now on.

    Its secret is answered once and is kept nowhere in the database, so this route takes no Idempotency-Key.
    """
    body = call.body
    made = await call.app[WEBHOOK_ENDPOINTS].create(
        body["url"],
        description=body.get("description", ""),
        event_types=body.get("event_types", []),
        actor=call.principal.caller,
    )
    return respond(made, status=201)


@routes.get(PATH + "/{id}", allow=Role.OPERATOR, answers={200: ENDPOINT}, scope=SCOPE)
async def get_endpoint(call: Call) -> web.StreamResponse:
    """Show an endpoint, and how many deliveries wait, arrived and died."""
    return respond(await call.app[WEBHOOK_ENDPOINTS].show(call.path("id")))


@routes.add("PATCH", PATH + "/{id}", allow=Role.OPERATOR, body=UPDATE_ENDPOINT, answers={200: ENDPOINT}, scope=SCOPE)
async def update_endpoint(call: Call) -> web.StreamResponse:
    """Change its address, description or types; what waits already goes to the new address."""
    body = call.body
    changed = await call.app[WEBHOOK_ENDPOINTS].update(
        call.path("id"),
        url=body.get("url"),
        description=body.get("description"),
        event_types=body.get("event_types"),
        actor=call.principal.caller,
    )
    return respond(changed)


@routes.delete(PATH + "/{id}", allow=Role.OPERATOR, answers={204: None}, scope=SCOPE)
async def delete_endpoint(call: Call) -> web.StreamResponse:
    """Take an endpoint away; what waits for it is not delivered any more."""
    await call.app[WEBHOOK_ENDPOINTS].delete(call.path("id"), actor=call.principal.caller)
    return web.Response(status=204)


@routes.post(
    PATH + "/{id}/pause",
    allow=Role.OPERATOR,
    answers={200: ENDPOINT},
    scope=SCOPE,
    refusals=["webhook_endpoint_state"],
)
async def pause_endpoint(call: Call) -> web.StreamResponse:
    """Send nothing until it is resumed; what happens meanwhile waits. Safe to repeat."""
    return respond(await call.app[WEBHOOK_ENDPOINTS].pause(call.path("id"), actor=call.principal.caller))


@routes.post(PATH + "/{id}/resume", allow=Role.OPERATOR, answers={200: ENDPOINT}, scope=SCOPE)
async def resume_endpoint(call: Call) -> web.StreamResponse:
    """Send what waits, in order, to an endpoint that was paused or disabled. Safe to repeat."""
    return respond(await call.app[WEBHOOK_ENDPOINTS].resume(call.path("id"), actor=call.principal.caller))


@routes.post(PATH + "/{id}/rotate-secret", allow=Role.OPERATOR, answers={200: ENDPOINT_WITH_SECRET}, scope=SCOPE)
async def rotate_secret(call: Call) -> web.StreamResponse:
    """Make a new secret, answered once. For 24 hours every delivery is signed with the one before as well."""
    return respond(await call.app[WEBHOOK_ENDPOINTS].rotate(call.path("id"), actor=call.principal.caller))


@routes.post(PATH + "/{id}/test", allow=Role.OPERATOR, answers={202: QUEUED}, scope=SCOPE)
async def send_test(call: Call) -> web.StreamResponse:
    """Make an event of the type `webhook_endpoint.test` that this endpoint alone gets, whatever its filter says."""
    await call.app[WEBHOOK_ENDPOINTS].test(call.path("id"), actor=call.principal.caller)
    return respond({"queued": True, "type": TEST}, status=202)


@routes.post(PATH + "/{id}/replay", allow=Role.OPERATOR, body=REPLAY, answers={202: ENDPOINT}, scope=SCOPE)
async def replay_since(call: Call) -> web.StreamResponse:
    """Send all events again since a time or behind a cursor, also those from before the endpoint was made.

    Every one is on a new schedule, under the same `webhook-id` as before.
    """
    answer = await call.app[WEBHOOK_DELIVERIES].replay_since(call.path("id"), _since(call), actor=call.principal.caller)
    return respond(answer, status=202)


@routes.get(
    PATH + "/{id}/deliveries", allow=Role.OPERATOR, query=DELIVERIES_QUERY, answers={200: DELIVERIES}, scope=SCOPE
)
async def list_deliveries(call: Call) -> web.StreamResponse:
    """List what became of events at this endpoint, newest first."""
    query = call.query
    data, following = await call.app[WEBHOOK_DELIVERIES].page(
        call.path("id"), state=query.get("state"), limit=query["limit"], after=query.get("after")
    )
    return respond({"data": data, "next": following})


@routes.get(PATH + "/{id}/deliveries/{event}", allow=Role.OPERATOR, answers={200: DELIVERY_WITH_HISTORY}, scope=SCOPE)
async def get_delivery(call: Call) -> web.StreamResponse:
    """Show one delivery with all its attempts."""
    return respond(await call.app[WEBHOOK_DELIVERIES].show(call.path("id"), call.path("event")))


@routes.post(
    PATH + "/{id}/deliveries/{event}/replay",
    allow=Role.OPERATOR,
    answers={202: DELIVERY_WITH_HISTORY},
    scope=SCOPE,
)
async def replay_delivery(call: Call) -> web.StreamResponse:
    """Send one event again at once, on a new schedule, whatever became of it."""
    answer = await call.app[WEBHOOK_DELIVERIES].replay(call.path("id"), call.path("event"), actor=call.principal.caller)
    return respond(answer, status=202)


def _since(call: Call) -> int | Cursor:
    if "after" in call.body:
        return read_cursor(call.body["after"])
    try:
        return parse_iso(call.body["since"])
    except ValueError as error:
        raise Invalid("This is not a time.", errors=[FieldError("/since", str(error))]) from error
