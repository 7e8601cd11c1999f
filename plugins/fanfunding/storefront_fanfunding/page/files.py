"""Style sheets and scripts of this plugin's pages, whose addresses change when they do."""

from pathlib import Path

from aiohttp import web

from storefront.core.principals import Role
from storefront.routing import Call, Routes
from storefront.shapes import closed

_KINDS = {".css": "text/css", ".js": "text/javascript"}
# Links to pages are shared and collect parameters of others on their way: these are passed over.
_QUERY = {**closed({"v": {"type": "string", "maxLength": 100}}), "additionalProperties": True}


def add_file(routes: Routes, mount: str, path: Path) -> None:
    """Serve a file below ``mount``: for ever where its address names the version."""
    text, kind = path.read_text(), _KINDS[path.suffix]

    async def show(call: Call) -> web.StreamResponse:
        """Answer a file of a page, whose address changes when it does."""
        caching = {"Cache-Control": "public, max-age=31536000, immutable" if "v" in call.query else "no-cache"}
        return web.Response(text=text, content_type=kind, headers=caching)

    show.__name__ = show.__qualname__ = f"show_{path.name.replace('.', '_')}"
    routes.get(f"{mount}/{path.name}", allow=Role.PUBLIC, page=True, tags=["pages"], query=_QUERY)(show)
