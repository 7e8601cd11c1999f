"""The schemas of this plugin: its own section, and its kinds' part of an offer."""

from collections.abc import Mapping
from typing import Any

from storefront_microtransactions.deliveries.config import SECTION

ART = (
    "sword", "potion", "boots", "cloak", "crown", "key", "lantern", "chest", "flag", "shield", "book", "flame", "gem",
)  # fmt: skip

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Virtual items and currency packs.",
    "properties": {
        "customers_may_consume": {
            "type": "boolean",
            "default": True,
            "description": "Whether a customer's own session may use up items, or only the game's server.",
            "examples": [False],
        },
        "deliveries": SECTION,
    },
    "additionalProperties": False,
    "examples": [{}],
}

AMOUNTS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991, "examples": [500]},
    "minProperties": 1,
    "x-keys": "virtual-asset",
    "examples": [{"gems": 500}],
}

CURRENCY_PACK: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "contents": {"description": "What it puts into the wallet: virtual asset -> amount.", **AMOUNTS},
        "bonus": {"description": "What comes on top, shown as such.", **AMOUNTS, "examples": [{"gems": 100}]},
    },
    "required": ["prices", "contents"],
    "examples": [
        {"kind": "currency_pack", "title": "500 gems", "contents": {"gems": 500}, "prices": {"USD": 499, "EUR": 499}}
    ],
}

ITEM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "type": {
            "description": "`durable` is owned once, `consumable` in any number and used up.",
            "type": "string",
            "enum": ["durable", "consumable"],
            "examples": ["durable"],
        },
        "max_count": {
            "description": "How many of a consumable can be owned at a time.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1_000_000_000,
            "examples": [99],
        },
        "art": {
            "description": "What is drawn for it where it has no picture.",
            "type": "string",
            "enum": list(ART),
            "examples": ["sword"],
        },
    },
    "required": ["prices", "type"],
    "if": {"properties": {"type": {"const": "durable"}}, "required": ["type"]},
    "then": {"properties": {"max_count": {"const": 1}}},
    "examples": [
        {"kind": "item", "type": "durable", "title": "Sword of Dawn", "art": "sword", "prices": {"gems": 120}}
    ],
}
