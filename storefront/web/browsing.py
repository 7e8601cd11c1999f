"""How the core's own pages are answered: rendered, or as JSON to their script; and pages of what went wrong."""

from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import web

from storefront.pages.browser import Browser, frame_of
from storefront.pages.frame import Link
from storefront.pages.rendering import answer_page
from storefront.web.errors import ErrorView
from storefront.web.pages import Renderer, error_page_words, refusal_words
from storefront.web.services import SERVICES

RENDERER = web.AppKey("RENDERER", Renderer)
MENU: web.AppKey[tuple[Link, ...]] = web.AppKey("MENU")
"""Pages of plugins that the shop's menu leads to."""


def renderer_of(browser: Browser) -> Renderer:
    """Return what renders the core's pages."""
    return browser.app[RENDERER]


def wants_json(request: web.Request) -> bool:
    """Tell whether the page's script asks, which does not want a page."""
    return "application/json" in request.headers.get("Accept", "")


def error_page(request: web.Request, view: ErrorView, request_id: str) -> web.Response:
    """Answer an error as a page in words for customers, or as a problem document with them for the page's script."""
    if wants_json(request):
        return replace(view, facts={"notice": refusal_words(view.code), **view.facts}).answer(request_id)
    title, detail = error_page_words(view.code, view.status)
    html = request.app[RENDERER].render_error(
        frame_of(request, request.app[SERVICES], csrf=""),
        title=title,
        detail=detail,
        request_id=request_id if view.status >= 500 else "",
    )
    return answer_page(request.app, html, status=view.status)


def shop_json(body: bytes) -> dict[str, Any]:
    """Read a stored answer's body."""
    document: dict[str, Any] = msgspec.json.decode(body)
    return document
