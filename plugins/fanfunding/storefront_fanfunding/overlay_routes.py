"""HTTP of overlays: their link, for the operator's server, and the ticket that an overlay's page asks for.

Whoever may steer a creator's queue is decided in ``allow`` and ``scope`` alone: a creator's own sign-in joins there.
"""

from typing import Any

from aiohttp import web

from storefront.core.commit.outcome import Stale
from storefront.core.errors import Conflict
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import TEXT, closed, table
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import creator_id, need_creator
from storefront_fanfunding.overlay_tokens import make_ticket, rotate

CREATOR_PATH = "/v1/fanfunding/creators/{creator}"
SCOPE = "fanfunding:steer"
_TOKEN = closed({"token": {"type": "string", "minLength": 1, "maxLength": 128}}, required=["token"])
OVERLAYS = ("alerts", "goal", "leaderboard", "train")
_LINK = table({"token": TEXT, "url": TEXT, "urls": table(dict.fromkeys(OVERLAYS, TEXT))})
_TICKET = table({"ticket": TEXT})


def add_overlay_tokens(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the routes of links and tickets."""

    @routes.post(CREATOR_PATH + "/overlay/token", allow=Role.SERVER, answers={201: _LINK}, scope=SCOPE)
    async def rotate_token(call: Call) -> web.StreamResponse:
        """Make a creator's overlay links, shown this once. The links before stop at once, with what they opened.

        `url` is that of the alerts; `urls` has one for each overlay, all with the same token.
        """
        creator = need_creator(services, settings, call.path("creator"))
        identity = await creator_id(services, creator.name)
        try:
            token = await rotate(services, identity, actor=call.principal.caller)
        except Stale as error:
            raise Conflict("Another request has just made a new link.") from error
        urls = {name: f"{services.public_url.rstrip('/')}/overlay/{name}#token={token}" for name in OVERLAYS}
        return respond({"token": token, "url": urls["alerts"], "urls": urls}, status=201)

    @routes.post("/v1/fanfunding/overlay/ticket", allow=Role.PUBLIC, body=_TOKEN, answers={201: _TICKET},
                 limit="read")  # fmt: skip
    async def give_ticket(call: Call) -> web.StreamResponse:
        """Exchange an overlay's token for a ticket, which opens its stream within five minutes."""
        body: dict[str, Any] = call.body
        return respond({"ticket": await make_ticket(services, body["token"])}, status=201)
