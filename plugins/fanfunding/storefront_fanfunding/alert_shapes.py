"""Alerts as overlays and those who steer them see them."""

from typing import Any

from storefront.core.clock import iso
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.design.money import format_money, format_virtual
from storefront.pages.amounts import asset_names
from storefront.shapes import INTEGER, MONEY, TEXT, TIME, nullable, table
from storefront_fanfunding.alert_queue import DONE, HELD, SHOWN, Screen, waiting
from storefront_fanfunding.alert_styles import AlertStyle
from storefront_fanfunding.moderating import blocked_senders
from storefront_fanfunding.rows import QUEUED, UNSETTLED

ALERT = table(
    {
        "sequence": INTEGER,
        "state": {"type": "string", "enum": [QUEUED, SHOWN, DONE, "skipped", HELD, UNSETTLED]},
        "test": {"type": "boolean"},
        "tip": nullable(TEXT),
        "name": nullable(TEXT),
        "message": TEXT,
        "amount": nullable(MONEY),
        "tier": nullable(TEXT),
        "held_for": nullable(TEXT),
        "queued_at": TIME,
    }
)
_MANY = {"type": "array", "items": ALERT}
QUEUE = table(
    {
        "paused": {"type": "boolean"},
        "hidden": {"type": "boolean"},
        "on_screen": _MANY,
        "queued": _MANY,
        "held": _MANY,
        "unsettled": _MANY,
        "blocked": {"type": "array", "items": table({"sequence": INTEGER, "name": nullable(TEXT), "since": TIME})},
    }
)


async def show_queue(services: Services, overlay: Row) -> dict[str, Any]:
    """Return a creator's queue as those see it who steer it."""

    async def of(state: str) -> list[dict[str, Any]]:
        return [show_alert(row) for row in await waiting(services, overlay["creator_id"], state)]

    return {
        "paused": bool(overlay["is_paused"]),
        "hidden": bool(overlay["is_hidden"]),
        "on_screen": await of(SHOWN),
        "queued": await of(QUEUED),
        "held": await of(HELD),
        "unsettled": await of(UNSETTLED),
        "blocked": [
            {
                "sequence": row["sequence"],
                "name": None if row["is_anonymous"] else row["name"],
                "since": iso(row["created_at"]),
            }
            for row in await blocked_senders(services, overlay["creator_id"])
        ],
    }


def show_alert(row: Row) -> dict[str, Any]:
    is_test = bool(row["is_test"])
    return {
        "sequence": row["sequence"],
        "state": row["state"],
        "test": is_test,
        "tip": row["tip_id"],
        "name": "Test" if is_test else None if row["is_anonymous"] else row["name"],
        "message": "This is what a tip looks like." if is_test else "" if row["is_name_only"] else row["message"],
        "amount": None if is_test else {"amount": row["amount"], "currency": row["currency"]},
        "tier": row["tier"],
        "held_for": row["held_for"],
        "queued_at": iso(row["created_at"]),
    }


def on_screen(services: Services, screen: Screen) -> dict[str, Any] | None:
    """Return what an overlay shows: words and how they look; ``left_ms`` of its time are left.

    ``since`` tells a replay from an alert whose overlay could not say yet that it has shown it.
    """
    row, style = screen.alert, screen.style
    if row is None or style is None:
        return None
    shown, left = show_alert(row), style.duration_ms
    if row["state"] == SHOWN:
        left = max(0, row["shown_at"] + style.duration_ms - services.clock.now())
    names = ("sequence", "state", "test", "name", "message", "amount", "tier")
    return {
        **{name: shown[name] for name in names},
        "words": words_of(services, row),
        "badges": style.badges,
        **looks(style),
        "left_ms": left,
        "since": iso(row["updated_at"]),
    }


def looks(style: AlertStyle) -> dict[str, Any]:
    """Return how an alert looks and sounds, as an overlay's page draws it."""
    return {"template": style.template, "sound": style.sound, "color": style.color, "duration_ms": style.duration_ms}


def words_of(services: Services, row: Row) -> str:
    """Return the amount of an alert's tip in words of the shop's language."""
    if row["is_test"]:
        return "Test"
    return amount_words_of(services, row["amount"], row["currency"])


def amount_words_of(services: Services, amount: int, currency: str) -> str:
    """Return an amount in words of the shop's language."""
    language = services.catalogs.active.default_language
    asset = asset_names(services, language).get(currency)
    if asset is None:
        return format_money(amount, currency, language)
    return format_virtual(amount, asset.name, language, exponent=asset.exponent)
