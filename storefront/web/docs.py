"""The API's documentation: ``/openapi.json``, a page at ``/docs`` that needs no CDN, the list of errors."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec
from aiohttp import web
from markupsafe import escape

from storefront.core.errors import NotFound
from storefront.core.principals import Role
from storefront.routing import Call, ErrorDoc, Routes, respond_bytes
from storefront.shapes import ANY_OBJECT
from storefront.web.errors import ERRORS
from storefront.web.openapi import build_openapi

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_START = """window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json", dom_id: "#docs", deepLinking: true, displayRequestDuration: true,
    tryItOutEnabled: true, persistAuthorization: false, validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:24px}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:8px;border-top:1px solid #d8e0dd;"
    "vertical-align:top}code{font-family:ui-monospace,monospace}@media(prefers-color-scheme:dark)"
    "{body{background:#0d1413;color:#e8f0ee}td,th{border-color:#293432}a{color:#5cc9d1}}"
)


def docs_routes(registries: Sequence[Routes], *, shop_name: str) -> Routes:
    """Declare the documentation of these registries, and of itself."""
    routes = Routes("core", tags=["documentation"])
    folder = Path(str(files("swagger_ui"))) / "static"

    @routes.get("/openapi.json", allow=Role.PUBLIC, answers={200: ANY_OBJECT})
    async def show_openapi(call: Call) -> web.StreamResponse:
        """Answer the OpenAPI 3.1 document of every route."""
        return respond_bytes(document())

    @routes.get("/docs", allow=Role.PUBLIC, page=True)
    async def show_docs(call: Call) -> web.StreamResponse:
        """Show the documentation, with a form to try every route."""
        return _page(_docs_html(shop_name))

    @routes.get("/docs/errors", allow=Role.PUBLIC, page=True)
    async def show_errors(call: Call) -> web.StreamResponse:
        """List every error code and what to do about it."""
        docs = [*ERRORS, *(doc for registry in registries for doc in registry.errors)]
        return _page(_errors_html(docs))

    @routes.get("/docs/assets/{name}", allow=Role.PUBLIC, page=True)
    async def show_asset(call: Call) -> web.StreamResponse:
        """Answer a file of the documentation page."""
        name = call.path("name")
        if name == "start.js":
            return web.Response(text=_START, content_type="text/javascript")
        if name == "docs.css":
            return web.Response(text=_STYLE, content_type="text/css")
        if name not in ASSETS:
            raise NotFound("There is nothing at this address.")
        body = (folder / name).read_bytes()
        return web.Response(body=body, content_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})

    @cache
    def document() -> bytes:
        """Write the document when somebody first asks for it: starting does not wait for that."""
        return msgspec.json.encode(build_openapi([*registries, routes], shop_name=shop_name))

    return routes


def _page(html: str) -> web.Response:
    return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": _POLICY})


def _docs_html(shop_name: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(shop_name)}: API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">'
        '<link rel="icon" href="/docs/assets/favicon-32x32.png">'
        '<script src="/docs/assets/swagger-ui-bundle.js" defer></script>'
        '<script src="/docs/assets/start.js" defer></script></head>'
        '<body><div id="docs"></div><noscript>This page needs JavaScript. The same is at '
        '<a href="/openapi.json">/openapi.json</a>.</noscript></body></html>'
    )


def _errors_html(docs: Sequence[ErrorDoc]) -> str:
    rows = "".join(
        f'<tr id="{escape(doc.code)}"><td><code>{escape(doc.code)}</code></td><td>{doc.status}</td>'
        f"<td>{escape(doc.title)}</td><td>{escape(doc.advice)}</td></tr>"
        for doc in docs
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Errors</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/docs/assets/docs.css">'
        '<link rel="icon" href="/docs/assets/favicon-32x32.png"></head><body><h1>Errors</h1>'
        "<p>Every error is a problem document (RFC 9457). Its <code>code</code> never changes its meaning.</p>"
        "<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th><th>What to do</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    )
