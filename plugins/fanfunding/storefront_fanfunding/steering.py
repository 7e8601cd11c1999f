"""HTTP for whoever steers a creator's queue: the operator's server.

Who that may be stands in ``allow`` and ``scope`` alone: a creator's own sign-in joins there.
"""

from aiohttp import web

from storefront.core.errors import FieldError, Invalid
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import closed
from storefront_fanfunding.alert_queue import need_overlay, queue_test, replay, skip, switch
from storefront_fanfunding.alert_shapes import QUEUE, show_queue
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import creator_id, need_creator
from storefront_fanfunding.moderating import Verdict, judge
from storefront_fanfunding.overlay_routes import CREATOR_PATH, SCOPE

SWITCHES = {
    "pause": {"is_paused": 1},
    "resume": {"is_paused": 0},
    "hide": {"is_hidden": 1},
    "show": {"is_hidden": 0},
}
_OF_ONE = ("replay", *Verdict)
_ACT = closed(
    {
        "act": {"type": "string", "enum": [*SWITCHES, "skip", "test", *_OF_ONE]},
        "sequence": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2**53 - 1,
            "description": "The alert that is replayed or judged, or whose sender is blocked or not any more.",
        },
    },
    required=["act"],
)


def add_steering(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the routes of the queue."""

    @routes.get(CREATOR_PATH + "/overlay", allow=Role.SERVER, answers={200: QUEUE}, scope=SCOPE)
    async def show(call: Call) -> web.StreamResponse:
        """Show a creator's queue: its switches, what is on screen, what waits and what must be read first."""
        creator = need_creator(services, settings, call.path("creator"))
        overlay = await need_overlay(services, await creator_id(services, creator.name))
        return respond(await show_queue(services, overlay))

    @routes.post(CREATOR_PATH + "/overlay", allow=Role.SERVER, body=_ACT, answers={200: QUEUE}, scope=SCOPE)
    async def act(call: Call) -> web.StreamResponse:
        """Steer a creator's queue: pause, skip, replay, hide everything, judge a tip or its sender."""
        creator = need_creator(services, settings, call.path("creator"))
        identity, wanted = await creator_id(services, creator.name), call.body["act"]
        sequence: int = call.body.get("sequence", 0)
        if bool(sequence) is not (wanted in _OF_ONE):
            says = "must be absent" if sequence else "is missing"
            raise Invalid("An act of one alert names it.", errors=[FieldError("/sequence", says)])
        match wanted:
            case "skip":
                await skip(services, settings, identity)
            case "test":
                await queue_test(services, identity)
            case "replay":
                await replay(services, identity, sequence)
            case _ if wanted in tuple(Verdict):
                await judge(services, identity, sequence, Verdict(wanted))
            case _:
                await switch(services, identity, SWITCHES[wanted])
        return respond(await show_queue(services, await need_overlay(services, identity)))
