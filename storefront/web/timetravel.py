"""Moving a sandbox's clock over HTTP."""

import re
from collections.abc import Sequence

from aiohttp import web

from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, iso
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.core.timetravel import Due, Emulator, travel
from storefront.routing import Call, Routes, respond
from storefront.web.shapes import CLOCK, MOVE_CLOCK

UNITS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


def make_routes(services: Services, works: Sequence[Due], emulator: Emulator) -> Routes:
    """Declare ``POST /sandbox/clock``; a live shop has no such route."""
    routes = Routes("core", tags=["sandbox"])

    @routes.post("/sandbox/clock", allow=Role.SERVER | Role.OPERATOR, body=MOVE_CLOCK, answers={200: CLOCK, 202: CLOCK})
    async def move_clock(call: Call) -> web.StreamResponse:
        """Move business time forward, step by step, so that everything due on the way happens on its day.

        `advance` is a span, or several together, which are added up: `45d`, `47h30m`.
        Answers 200 when the target is reached and all is quiet, else 202: ask again with what is left; `0s` only waits.
        """
        spans = re.findall("([0-9]+)([smhd])", call.body["advance"])
        target = services.clock.now() + sum(int(count) * UNITS[unit] for count, unit in spans)
        journey = await travel(services.clock, services.engine, works, emulator, target)
        body = {"now": iso(journey.now), "steps": journey.steps, "done": journey.is_there}
        return respond(body, status=200 if journey.is_there else 202)

    return routes
