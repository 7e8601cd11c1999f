"""HTTP of goals and leaderboards: for everybody, and as streams for overlays.

A stream tells how things stand, first at once and then when that changes; so whoever comes late or back misses nothing.
"""

import asyncio
from hashlib import sha256
from typing import Any

import msgspec
from aiohttp import hdrs, web

from storefront.core.errors import FieldError, Invalid
from storefront.core.principals import Role
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import CURRENCY, closed
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.board_shapes import BOARD, GOALS, show_goal, show_lines
from storefront_fanfunding.boards import MOST_LINES, SPANS, top
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, creator_name, find_creator_id, need_creator
from storefront_fanfunding.goals import progress_of
from storefront_fanfunding.overlay_routes import CREATOR_PATH
from storefront_fanfunding.overlay_stream import LONGEST_SECONDS, MOST_OVERLAYS, TICKET_HEADER, WRITE_SECONDS
from storefront_fanfunding.overlay_tokens import find_overlay, overlay_of_ticket
from storefront_fanfunding.shapes import LANGUAGE
from storefront_fanfunding.train_shapes import show_train

LOOK_SECONDS = 3.0
"""A board is looked at again at least so often: days end, files are saved and links are made anew without a tip."""
ON_OVERLAY = 5
SHOWS = ("goal", "leaderboard", "train")
_SPAN = {"type": "string", "enum": list(SPANS)}
_BOARD_QUERY = closed(
    {
        "span": {**_SPAN, "default": "all", "description": "Of all time, or of this month or day (UTC)."},
        "currency": {**CURRENCY, "description": "Without it, the first in which tips are taken."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": 10},
        **LANGUAGE["properties"],
    }
)
_STREAM_QUERY = closed({"span": {**_SPAN, "default": "day"}, "currency": CURRENCY})


def add_boards(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the routes of goals and boards."""

    @routes.get(CREATOR_PATH + "/goals", allow=Role.PUBLIC, query=LANGUAGE, answers={200: GOALS})
    async def list_goals(call: Call) -> web.StreamResponse:
        """List a creator's goals and how they stand, in the order of their file.

        What goes back lowers them, and so does a dispute until it is won. `aim` is what is collected for now: the goal
        or, once that is there, what comes after it.
        """
        creator = need_creator(services, settings, call.path("creator"))
        found = await progress_of(services, creator)
        return respond({"data": [show_goal(services, one, call.query.get("language")) for one in found]})

    @routes.get(CREATOR_PATH + "/leaderboard", allow=Role.PUBLIC, query=_BOARD_QUERY, answers={200: BOARD})
    async def show_board(call: Call) -> web.StreamResponse:
        """Show who gave a creator most. Tips in other currencies count by their rate; what went back does not.

        Who gave anonymously has no name, nor has whoever waits to be read.
        """
        creator = need_creator(services, settings, call.path("creator"))
        query = {"currency": call.query.get("currency"), "span": call.query["span"]}
        return respond(await _board(services, creator, **query, most=call.query["limit"],
                                    language=call.query.get("language")))  # fmt: skip

    @routes.get("/v1/fanfunding/overlay/stream/{show}", allow=Role.PUBLIC, query=_STREAM_QUERY, answers={200: None},
                refusals=["too_many_streams"])  # fmt: skip
    async def stream_board(call: Call) -> web.StreamResponse:
        """Tell an overlay how `goal`, `leaderboard` or `train` stands, as server-sent events.

        The ticket is in `Overlay-Ticket`; each event is the whole of it. The stream ends within seconds when the
        overlay's link is made anew.
        """
        show = call.path("show")
        if show not in SHOWS:
            raise Invalid("There is no such overlay.", errors=[FieldError("/show", f"must be one of {SHOWS}")])
        overlay = await overlay_of_ticket(services, call.request.headers.get(TICKET_HEADER, ""))
        return await _stream(services, settings, call, show=show, opened=overlay)


async def _stream(services: Services, settings: Settings, call: Call, *, show: str, opened: Row) -> web.StreamResponse:
    creator_id, loop = opened["creator_id"], asyncio.get_running_loop()
    until, told = loop.time() + LONGEST_SECONDS, call.request.headers.get(hdrs.LAST_EVENT_ID)
    with services.watchers.watch(board_anchor(creator_id), at_most=MOST_OVERLAYS) as watch:
        stream = await call.stream("text/event-stream")
        while not watch.is_over and loop.time() < until:
            overlay = await find_overlay(services, creator_id)
            if overlay is None or overlay["digest"] != opened["digest"]:
                break
            snapshot = await _snapshot(services, settings, show, creator_id, call.query)
            data = msgspec.json.encode(snapshot)
            # That time passes is no news.
            name = sha256(msgspec.json.encode({**snapshot, "left_ms": 0})).hexdigest()[:16]
            event = b"id: %b\nevent: %b\ndata: %b\n\n" % (name.encode(), show.encode(), data)
            async with asyncio.timeout(WRITE_SECONDS):
                await stream.write(b": \n\n" if name == told else event)
            told = name
            await watch.wait(LOOK_SECONDS)
        await stream.write_eof()
    return stream


async def _snapshot(
    services: Services, settings: Settings, show: str, creator_id: str, query: dict[str, Any]
) -> dict[str, Any]:
    """Return what an overlay shows now; nothing of a creator who is no longer there."""
    if show == "train":
        return await show_train(services, creator_id)
    name = await creator_name(services, creator_id)
    if name not in services.catalogs.active.creators:
        return {"data": []}
    creator = need_creator(services, settings, name)
    if show == "goal":
        found = [one for one in await progress_of(services, creator) if one.goal.is_active]
        return {"data": [show_goal(services, one, None) for one in found]}
    return await _board(services, creator, currency=query.get("currency"), span=query["span"], most=ON_OVERLAY,
                        language=None)  # fmt: skip


async def _board(
    services: Services, creator: Creator, *, currency: str | None, span: str, most: int, language: str | None
) -> dict[str, Any]:
    code = currency or next(iter(creator.least()), None)
    if code is None:
        return {"span": span, "currency": None, "data": []}
    identity = await find_creator_id(services, creator.name)
    lines = await top(services, identity, currency=code, span=span, most=most)
    return {"span": span, "currency": code, "data": await show_lines(services, creator, lines, code, language)}
