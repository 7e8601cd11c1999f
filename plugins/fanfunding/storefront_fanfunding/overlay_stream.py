"""What an overlay's page hears and says: its alerts as server-sent events, and that it has shown one.

The stream tells what is on screen, not what has happened: whoever comes late, or back after a cut, hears what holds.
So nothing is told twice and nothing is missed; ``Last-Event-ID`` only spares what was heard already.
"""

import asyncio
from typing import Any

import msgspec
from aiohttp import hdrs, web

from storefront.core.clock import SECOND_MS
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import closed, table
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.alert_queue import DONE, SHOWN, Screen, acknowledge, look
from storefront_fanfunding.alert_shapes import on_screen
from storefront_fanfunding.config import Settings
from storefront_fanfunding.overlay_tokens import note_seen, overlay_of_ticket
from storefront_fanfunding.shared_looks import SharedLooks

MOST_OVERLAYS = 300
"""Streams of one creator in one process."""
HEARTBEAT_SECONDS = 10.0
LONGEST_SECONDS = 60 * 60.0
WRITE_SECONDS = 20.0
TICKET_HEADER = "Overlay-Ticket"
_ACK = closed(
    {
        "ticket": {"type": "string", "minLength": 1, "maxLength": 200},
        "sequence": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
        "state": {"type": "string", "enum": [SHOWN, DONE]},
    },
    required=["ticket", "sequence", "state"],
)


def add_stream(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the stream, and what answers it."""

    async def look_once(creator_id: str) -> tuple[Screen, str, bytes]:
        screen = await look(services, settings, creator_id)
        await note_seen(services, screen.overlay)
        name = _name(screen)
        return screen, name, _event(services, screen, name)

    looks = SharedLooks(look_once)

    @routes.get("/v1/fanfunding/overlay/stream", allow=Role.PUBLIC, answers={200: None}, refusals=["too_many_streams"])
    async def stream_alerts(call: Call) -> web.StreamResponse:
        """Tell an overlay what is on screen, as server-sent events; its ticket stands in `Overlay-Ticket`.

        `alert`: show this one (its state says whether an overlay has begun to); `clear`: show none. Other events may
        come to be. The stream ends at once when the overlay's link is made anew.
        """
        overlay = await overlay_of_ticket(services, call.request.headers.get(TICKET_HEADER, ""))
        creator_id, digest = overlay["creator_id"], overlay["digest"]
        loop = asyncio.get_running_loop()
        until, told = loop.time() + LONGEST_SECONDS, call.request.headers.get(hdrs.LAST_EVENT_ID)
        with services.watchers.watch(queue_anchor(creator_id), at_most=MOST_OVERLAYS) as watch:
            screen, name, event = await looks.now(creator_id)
            stream = await call.stream("text/event-stream")
            while not watch.is_over and loop.time() < until and screen.overlay["digest"] == digest:
                async with asyncio.timeout(WRITE_SECONDS):
                    await stream.write(b": \n\n" if name == told else event)
                told = name
                await watch.wait(_pause(services, screen))
                screen, name, event = await looks.now(creator_id)
            await stream.write_eof()
        return stream

    @routes.post("/v1/fanfunding/overlay/ack", allow=Role.PUBLIC, body=_ACK, answers={200: table({})}, limit="read")
    async def acknowledge_alert(call: Call) -> web.StreamResponse:
        """Say that an overlay has begun, or ended, to show an alert. Safe to repeat; 409 if it is not its turn."""
        body: dict[str, Any] = call.body
        overlay = await overlay_of_ticket(services, body["ticket"])
        await acknowledge(services, settings, overlay["creator_id"], body["sequence"], body["state"])
        return respond({})


def _name(screen: Screen) -> str:
    """Name what is on screen; a replay is another event than its first showing."""
    alert = screen.alert
    return "0" if alert is None else f"{alert['sequence']}-{alert['state']}-{alert['updated_at']}"


def _event(services: Services, screen: Screen, name: str) -> bytes:
    alert = on_screen(services, screen)
    kind, data = (b"clear", b"{}") if alert is None else (b"alert", msgspec.json.encode(alert))
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (name.encode(), kind, data)


def _pause(services: Services, screen: Screen) -> float:
    if screen.look_at is None:
        return HEARTBEAT_SECONDS
    return min(HEARTBEAT_SECONDS, max(0.02, (screen.look_at - services.clock.now()) / SECOND_MS))
