"""The gallery of a creator's alerts: each look that their file describes, as an overlay would draw it."""

from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from storefront.core.principals import Role
from storefront.core.services import Services
from storefront.routing import Call, Routes, respond
from storefront.shapes import TEXT, listing, table
from storefront_fanfunding.alert_shapes import amount_words_of, looks
from storefront_fanfunding.alert_styles import AlertStyle, compose
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import Creator, creator_name, need_creator
from storefront_fanfunding.overlay_stream import TICKET_HEADER
from storefront_fanfunding.overlay_tokens import overlay_of_ticket
from storefront_fanfunding.shapes import show_creator

_SAMPLES = listing(table({"title": TEXT, "facts": TEXT, "alert": {"type": "object"}}))
_SAYS = "This is what a tip looks like."


def add_preview(routes: Routes, services: Services, settings: Settings) -> None:
    """Add what the gallery's page asks for."""

    @routes.get("/v1/fanfunding/overlay/preview", allow=Role.PUBLIC, answers={200: _SAMPLES})
    async def list_looks(call: Call) -> web.StreamResponse:
        """List every look of a creator's alerts as their file is now: a tier each, then each variation.

        The overlay's ticket stands in `Overlay-Ticket`.
        """
        overlay = await overlay_of_ticket(services, call.request.headers.get(TICKET_HEADER, ""))
        creator = need_creator(services, settings, await creator_name(services, overlay["creator_id"]))
        return respond({"data": list(_samples(services, creator))})


def _samples(services: Services, creator: Creator) -> Iterator[dict[str, Any]]:
    said: Mapping[str, Any] = creator.told.get("alerts", {})
    tiers: Mapping[Any, Mapping[str, Any]] = {tier["id"]: tier for tier in creator.tiers}
    titles = {one["id"]: one["title"] for one in show_creator(creator, None)["tiers"]}
    least = creator.least() or {"USD": 500}
    for tier in tiers.values() or ({},):
        title = f"Tier {titles[tier['id']]}" if tier else "Every tip"
        yield _sample(services, title, compose(said, tier, {}), tier.get("min", least), _SAYS)
    for number, one in enumerate(said.get("variations", ()), 1):
        tier = tiers.get(one.get("tier"), {})
        title = f"Variation {number}: {_rule(services, one, titles)}"
        text = one.get("text_contains")
        given = one.get("min") or tier.get("min") or least
        yield _sample(services, title, compose(said, tier, one), given, _SAYS if text is None else f"{_SAYS} {text}")


def _sample(
    services: Services, title: str, style: AlertStyle, given: Mapping[str, int], message: str
) -> dict[str, Any]:
    currency, amount = next(iter(given.items()))
    sound = "no sound" if style.sound == "none" else f"sound {style.sound}"
    alert = {"name": "Mio", "message": message, "words": amount_words_of(services, amount, currency), "badges": []}
    return {
        "title": title,
        "facts": f"Template {style.template}, {sound}, {style.duration_ms // 1000} seconds.",
        "alert": {**alert, **looks(style)},
    }


def _rule(services: Services, one: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Word which tips a variation is of."""
    parts = []
    if "tier" in one:
        parts.append(f"tier {titles.get(one['tier'], one['tier'])}")
    for name, word in (("min", "from"), ("max", "up to")):
        amounts = [amount_words_of(services, amount, code) for code, amount in one.get(name, {}).items()]
        parts += [f"{word} {' or '.join(amounts)}"] if amounts else []
    if "is_first" in one:
        parts.append("a fan's first" if one["is_first"] else "not a fan's first")
    if "text_contains" in one:
        parts.append(f"with “{one['text_contains']}”")
    return ", ".join(parts) or "every tip"
