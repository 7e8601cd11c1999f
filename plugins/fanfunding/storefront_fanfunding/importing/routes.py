"""Where other services tell of what fans gave there."""

from aiohttp import web

from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import BOOLEAN, table
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import need_creator
from storefront_fanfunding.importing.finding import importers
from storefront_fanfunding.importing.taking import take
from storefront_fanfunding.overlay_routes import CREATOR_PATH


def add_importing(routes: Routes, services: Services, settings: Settings) -> None:
    """Add the address that other services call."""

    @routes.post(CREATOR_PATH + "/imports/{importer}", allow=Role.PUBLIC, raw_body=True, limit="webhook",
                 answers={200: table({"received": BOOLEAN})}, refusals=["unauthorized"])  # fmt: skip
    async def import_contribution(call: Call) -> web.StreamResponse:
        """Take what another service tells of: shown and counted like a tip, once, and never in the shop's books."""
        creator, name = need_creator(services, settings, call.path("creator")), call.path("importer")
        section = settings.imports(creator.name).get(name)
        if section is None:
            raise NotFound("Nothing is taken from there.")
        given = importers()[name](section).read(call.request.headers, call.raw)
        if given is not None:
            await take(services, creator, name, given)
        return respond({"received": True})
