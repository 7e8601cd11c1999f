"""HTTP of link previews: the picture of a creator's tip page, drawn once for each of its versions."""

import asyncio
from collections import OrderedDict
from typing import Any

from aiohttp import web

from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.design.accent import OURS, fit_accent
from storefront.routing import Call, Routes
from storefront.shapes import closed
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, need_creator
from storefront_fanfunding.page.preview_image import SIZE, PreviewWords, draw_preview
from storefront_fanfunding.page.view import initials
from storefront_fanfunding.shapes import show_creator

PATH = "/tip/{creator}/preview.png"
MOST_KEPT = 100
"""Pictures that a process keeps; each has some tens of kilobytes."""
_QUERY = {**closed({"v": {"type": "string", "maxLength": 100}}), "additionalProperties": True}


def add_previews(routes: Routes, services: Services, settings: Settings) -> None:
    """Declare the picture of a tip page's link preview."""
    kept: OrderedDict[str, bytes] = OrderedDict()
    one_at_a_time = asyncio.Lock()

    async def picture_of(words: PreviewWords) -> bytes:
        async with one_at_a_time:
            found = kept.get(words.version)
            if found is None:
                found = kept[words.version] = await asyncio.to_thread(draw_preview, words)
            kept.move_to_end(words.version)
            while len(kept) > MOST_KEPT:
                kept.popitem(last=False)
            return found

    @routes.get(PATH, allow=Role.PUBLIC, query=_QUERY, page=True, tags=["pages"])
    async def show_preview(call: Call) -> web.StreamResponse:
        """Answer the picture that a link to a tip page is shown with; its address changes when it does."""
        words = _words(services, need_creator(services, settings, call.path("creator")))
        is_this = call.query.get("v") == words.version
        caching = {"Cache-Control": "public, max-age=31536000, immutable" if is_this else "no-cache"}
        return web.Response(body=await picture_of(words), content_type="image/png", headers=caching)


def preview_of(services: Services, creator: Creator) -> dict[str, Any]:
    """Return what a tip page says for link previews: the addresses, and the picture's size and words."""
    words, base = _words(services, creator), services.public_url.rstrip("/")
    address = f"{base}/tip/{creator.name}"
    alt = f"{words.heading}. {words.title}" if words.title else words.heading
    return {"url": address, "image": f"{address}/preview.png?v={words.version}", "size": SIZE, "alt": alt}


def _words(services: Services, creator: Creator) -> PreviewWords:
    told = show_creator(creator, None)
    shade = (OURS if told["accent"] is None else fit_accent(told["accent"])).light
    return PreviewWords(
        heading=f"Tip {creator.shown_name}",
        title=told["title"] or "",
        initials=initials(creator.shown_name),
        shop=services.config.shop.name,
        accent=shade.accent,
        on_accent=shade.on_accent,
    )
