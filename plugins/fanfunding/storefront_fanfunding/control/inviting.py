"""Who lets creators in, and out again: the operator's server by HTTP, or their shell (``storefront creators``)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from storefront.core.clock import iso
from storefront.core.hooks import Operations
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import INTEGER, TEXT, TIME, table
from storefront_fanfunding.config import Settings
from storefront_fanfunding.control.sessions import end_all, invite
from storefront_fanfunding.creators import creator_id, need_creator
from storefront_fanfunding.overlay_routes import CREATOR_PATH

SCOPE = "fanfunding:invite"
SHELL = "operator:shell"
_INVITATION = table({"creator": TEXT, "code": TEXT, "url": TEXT, "expires_at": TIME})
_ENDED = table({"creator": TEXT, "signed_out": INTEGER})
Asked = Mapping[str, Any]


def add_inviting(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the routes that let a creator in."""

    @routes.post(CREATOR_PATH + "/invitations", allow=Role.SERVER, answers={201: _INVITATION}, scope=SCOPE)
    async def invite_creator(call: Call) -> web.StreamResponse:
        """Make a link that signs a creator in to `/creator`, once, within a day; one of before stops unless used."""
        told = await invite_to_page(services, settings, call.path("creator"), actor=call.principal.caller)
        return respond(told, status=201)

    @routes.delete(CREATOR_PATH + "/sessions", allow=Role.SERVER, answers={200: _ENDED}, scope=SCOPE)
    async def sign_creator_out_everywhere(call: Call) -> web.StreamResponse:
        """Sign a creator out everywhere, and stop links that were not used."""
        return respond(await sign_out_everywhere(services, settings, call.path("creator"), actor=call.principal.caller))


def operations_of(services: Services, settings: Settings) -> Operations:
    """Return what an operator's shell may ask."""
    found: dict[str, Callable[[Asked], Awaitable[dict[str, Any]]]] = {
        "creators.invite": lambda asked: invite_to_page(services, settings, asked["creator"], actor=SHELL),
        "creators.sign_out": lambda asked: sign_out_everywhere(services, settings, asked["creator"], actor=SHELL),
    }
    return found


async def invite_to_page(services: Services, settings: Settings, name: str, *, actor: str) -> dict[str, Any]:
    """Make a link that signs a creator in once, and answer it this once; raises ``NotFound``."""
    creator = need_creator(services, settings, name)
    made = await invite(services, await creator_id(services, creator.name), actor=actor)
    url = f"{services.public_url.rstrip('/')}/creator#code={made.code}"
    return {"creator": creator.name, "code": made.code, "url": url, "expires_at": iso(made.expires_at)}


async def sign_out_everywhere(services: Services, settings: Settings, name: str, *, actor: str) -> dict[str, Any]:
    """Sign a creator out everywhere, and answer how many sessions that were; raises ``NotFound``."""
    creator = need_creator(services, settings, name)
    ended = await end_all(services, await creator_id(services, creator.name), actor=actor)
    return {"creator": creator.name, "signed_out": ended}
