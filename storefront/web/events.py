"""The events feed: everything that happened, in commit order, behind a cursor that never loses one."""

from aiohttp import web

from storefront.core.events import START, read_cursor, read_events, write_cursor
from storefront.core.principals import Role
from storefront.routing import Call, Routes, respond
from storefront.web.services import SERVICES
from storefront.web.shapes import EVENTS, PAGE

routes = Routes("core", tags=["events"])


@routes.get("/v1/events", allow=Role.SERVER | Role.OPERATOR, query=PAGE, answers={200: EVENTS}, scope="events:read")
async def list_events(call: Call) -> web.StreamResponse:
    """List events after a cursor, as CloudEvents 1.0; `next` is the cursor to go on with.

    Unlike in other lists `next` is never null: ask again with it later for what has happened since.
    """
    services = call.app[SERVICES]
    text = call.query.get("after")
    cursor = START if text is None else read_cursor(text)
    events = await read_events(services.reader, cursor, call.query["limit"])
    if events:
        cursor = events[-1].cursor
    data = [event.to_json(services.public_url) for event in events]
    return respond({"data": data, "next": write_cursor(cursor)})
