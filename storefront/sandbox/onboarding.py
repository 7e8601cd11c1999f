"""The hosted onboarding form of a connected account: two buttons, which curl can press too."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from storefront.sandbox import account_links
from storefront.sandbox.page_view import View
from storefront.sandbox.pages import Pages, page_headers, posted_fields, see_other
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.store import Body
from storefront.sandbox.world import World

ACTIONS = ("finish", "refuse")


class Onboarding:
    """Handlers of ``/onboard/<link>``."""

    def __init__(self, sandbox: Sandbox, pages: Pages) -> None:
        self._sandbox = sandbox
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """The form and its answer."""
        return [web.get("/onboard/{link}", self.show), web.post("/onboard/{link}", self.submit)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form; a link that was used or ran out redirects (303) to where a new one is made."""
        return await self._respond(request, None)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Finish or refuse: 303 to the ``return_url``; anything else shows the form again with 400."""
        action = (await posted_fields(request)).get("action")
        return await self._respond(request, action if action in ACTIONS else "")

    async def _respond(self, request: web.Request, action: str | None) -> web.StreamResponse:
        token = request.match_info["link"]

        def work(world: World) -> tuple[Body | None, str | None, list[str]]:
            account, way = account_links.answer(world, token, action or None)
            hidden = world.records.hidden(token)
            ways = [hidden[name] for name in ("return_url", "refresh_url") if hidden.get(name)]
            return account, way, ways

        account, way, ways = await self._sandbox.act(work)
        if way is not None:
            return see_other(way)
        origins = tuple({"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in ways})
        view = View("open" if account else "unknown", 0, return_origins=origins)
        template, status = ("onboarding.html", 400 if action == "" else 200) if account else ("closed.html", 404)
        text = self._pages.render(template, view=view, shop=self._sandbox.shop_name, account=account, session=None)
        return web.Response(status=status, text=text, content_type="text/html", headers=page_headers(origins))
