"""The page that a browser source of OBS opens: static, the same for everybody; what it shows it asks for itself."""

from pathlib import Path

from aiohttp import web

from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.routing import Call, Routes

_FOLDER = Path(__file__).parent / "overlay"
_TYPES = {"overlay.css": "text/css", "overlay.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def add_overlay_pages(routes: Routes) -> None:
    """Add the alerts' page and what it loads."""
    page = (_FOLDER / "alerts.html").read_text()
    files = {name: (_FOLDER / name).read_text() for name in _TYPES}

    @routes.get("/overlay/alerts", allow=Role.PUBLIC, page=True)
    async def show_alerts(call: Call) -> web.StreamResponse:
        """Open a creator's alerts over a stream; the token stands behind the # and never reaches the server here."""
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    @routes.get("/overlay/{name}", allow=Role.PUBLIC, page=True)
    async def show_file(call: Call) -> web.StreamResponse:
        """Load the style sheet or the script of an overlay."""
        name = call.path("name")
        if name not in files:
            raise NotFound("There is nothing at this address.")
        return web.Response(text=files[name], content_type=_TYPES[name])
