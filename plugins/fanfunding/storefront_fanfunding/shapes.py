"""JSON Schemas of what goes over the wire, and rows and creators in those shapes."""

from collections.abc import Mapping
from typing import Any

from storefront.core.catalog import text_in
from storefront.core.clock import iso
from storefront.shapes import CURRENCY, CUSTOMER, INTEGER, MONEY, TEXT, TIME, closed, listing, nullable, table
from storefront_fanfunding.creator_schema import MOST_CHARACTERS
from storefront_fanfunding.creators import Creator
from storefront_fanfunding.guests import SHAPE
from storefront_fanfunding.rows import PAID, REFUNDED

LANGUAGE = closed({"language": {"type": "string", "maxLength": 35, "examples": ["de"]}})
FAN_TOKEN = {
    "type": "string",
    "description": "A secret of the browser's own making: tips with the same one are the same guest's.",
    "minLength": 16,
    "maxLength": 128,
    "pattern": f"^{SHAPE}$",
    "examples": ["kT3vQ9xWm2Lr8sYc"],
}
GIVE = closed(
    {
        "amount": closed(
            {
                "amount": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1, "examples": [500]},
                "currency": CURRENCY,
            },
            required=["amount", "currency"],
        ),
        "name": {"type": "string", "maxLength": 400, "description": "2 to 25 characters.", "examples": ["Mio"]},
        "message": {
            "type": "string",
            "maxLength": 8_000,
            "description": "As many characters as the tier has room for.",
            "examples": ["For the cat"],
        },
        "anonymous": {"type": "boolean", "description": "The name is shown to nobody.", "default": False},
        "customer": {**CUSTOMER, "description": "Whom a server gives it for."},
        "fan": FAN_TOKEN,
        "pay_with": {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["stripe"]},
        "payment_method": {"type": "string", "minLength": 1, "maxLength": 200},
        "return_url": {"type": "string", "minLength": 1, "maxLength": 2_000},
    },
    required=["amount", "name"],
)
TIER = table(
    {
        "id": TEXT,
        "title": TEXT,
        "min": {"type": "object", "additionalProperties": INTEGER},
        "color": nullable(TEXT),
        "max_chars": INTEGER,
        "pin": nullable(TEXT),
        "sound": TEXT,
        "template": TEXT,
        "badge": nullable(TEXT),
    }
)
CREATOR = table(
    {
        "id": TEXT,
        "name": TEXT,
        "title": nullable(TEXT),
        "about": nullable(TEXT),
        "accent": nullable(TEXT),
        "links": {"type": "array", "items": table({"title": TEXT, "url": TEXT})},
        "min": {"type": "object", "additionalProperties": INTEGER},
        "max": {"type": "object", "additionalProperties": INTEGER},
        "presets": {"type": "object", "additionalProperties": {"type": "array", "items": INTEGER}},
        "tiers": {"type": "array", "items": TIER},
    }
)
CREATORS = table({"data": {"type": "array", "items": CREATOR}})
TIP = table(
    {
        "id": TEXT,
        "creator": TEXT,
        "state": {"type": "string", "enum": ["pending", "paid", "refunded", "void"]},
        "sequence": nullable(INTEGER),
        "name": nullable(TEXT),
        "message": nullable(TEXT),
        "anonymous": {"type": "boolean"},
        "held": {"type": "boolean"},
        "amount": MONEY,
        "tier": nullable(TEXT),
        "paid_at": nullable(TIME),
    }
)
RECENT = listing(TIP)
PAGE = closed({
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "before": {"type": "integer", "minimum": 1, "description": "Older than the tip of this sequence."},
})  # fmt: skip


def show_creator(creator: Creator, language: str | None) -> dict[str, Any]:
    """Return what everybody may see of a creator; texts in a language, else in the shop's."""
    told, default = creator.told, creator.catalog.default_language
    least = creator.least()

    def text(said: Any) -> str | None:
        return said if isinstance(said, str) or said is None else text_in(said, language, default)

    return {
        "id": creator.name,
        "name": creator.shown_name,
        "title": text(told.get("title")),
        "about": text(told.get("about")),
        "accent": told.get("accent"),
        "links": told.get("links", []),
        "min": least,
        "max": {code: most for code, most in creator.tips.get("max", {}).items() if code in least},
        "presets": {code: some for code, some in creator.tips.get("presets", {}).items() if code in least},
        "tiers": [
            {
                "id": tier["id"],
                "title": text(tier.get("title")) or tier["id"],
                "min": tier["min"],
                "color": tier.get("color"),
                "max_chars": tier.get("max_chars", MOST_CHARACTERS),
                "pin": tier.get("pin"),
                "sound": tier.get("sound", "none"),
                "template": tier.get("template", "card"),
                "badge": tier.get("badge"),
            }
            for tier in creator.tiers
        ],
    }


def show_tip(row: Mapping[str, Any], creator: str) -> dict[str, Any]:
    """Return what everybody may see of a tip: whoever is anonymous has no name, and what waits to be read no words.

    A blocked sender has neither.
    """
    is_public = row["state"] in (PAID, REFUNDED) and not row["is_held"] and not row["is_blocked"]
    return {
        "id": row["id"],
        "creator": creator,
        "state": row["state"],
        "sequence": row["sequence"],
        "name": row["name"] if is_public and not row["is_anonymous"] else None,
        "message": row["message"] if is_public and not row["is_name_only"] else None,
        "anonymous": bool(row["is_anonymous"]),
        "held": bool(row["is_held"]),
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "tier": row["tier"],
        "paid_at": None if row["paid_at"] is None else iso(row["paid_at"]),
    }
