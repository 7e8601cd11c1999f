"""The pages that a browser source of OBS opens: static, the same for everybody; what they show they ask for."""

from pathlib import Path

from aiohttp import web

from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.routing import Call, Routes

_FOLDER = Path(__file__).parent / "overlay"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def add_overlay_pages(routes: Routes) -> None:
    """Add the overlays' pages and what they load."""
    files = {path.name: (path.read_text(), _KINDS[path.suffix]) for path in _FOLDER.iterdir() if path.suffix in _KINDS}

    @routes.get("/overlay/{name}", allow=Role.PUBLIC, page=True)
    async def show_overlay(call: Call) -> web.StreamResponse:
        """Open an overlay (`alerts`, `goal`, `leaderboard`, `train`), or load its style sheet or script.

        The token stands behind the # and never reaches the server here.
        """
        name = call.path("name")
        if f"{name}.html" in files:
            text, kind = files[f"{name}.html"]
            return web.Response(text=text, content_type=kind, headers={"Content-Security-Policy": _POLICY})
        if name not in files or name.endswith(".html"):
            raise NotFound("There is nothing at this address.")
        text, kind = files[name]
        return web.Response(text=text, content_type=kind)
