"""The schemas of this plugin: its own section, and its kinds' part of an offer."""

from collections.abc import Mapping
from typing import Any

from storefront_microtransactions import durations
from storefront_microtransactions.deliveries.config import SECTION

ART = (
    "sword", "potion", "boots", "cloak", "crown", "key", "lantern", "chest", "flag", "shield", "book", "flame", "gem",
)  # fmt: skip
HEAVIEST = 1_000_000

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Virtual items, bundles, containers and currency packs.",
    "properties": {
        "customers_may_consume": {
            "type": "boolean",
            "default": True,
            "description": "Whether a customer's own session may use up items, or only the game's server.",
            "examples": [False],
        },
        "customers_may_open": {
            "type": "boolean",
            "default": True,
            "description": "Whether a customer's own session may open containers, or only the game's server.",
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
DURATION: Mapping[str, Any] = {
    "type": "string",
    "pattern": durations.PATTERN,
    "patternErrorMessage": durations.SAYS,
    "examples": ["30d"],
}
ART_OF: Mapping[str, Any] = {
    "description": "What is drawn for it where it has no picture.",
    "type": "string",
    "enum": list(ART),
    "examples": ["sword"],
}

CURRENCY_PACK: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "contents": {"description": "What it puts into the wallet: virtual asset -> amount.", **AMOUNTS},
        "bonus": {"description": "What comes on top, shown as such.", **AMOUNTS, "examples": [{"gems": 100}]},
        "bonus_expires_after": {
            "description": "How long the bonus can be spent; for ever if absent.",
            **DURATION,
        },
        "bonus_priority": {
            "description": "When the bonus is spent: before what has a higher number. What is bought has 100.",
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "default": 100,
            "examples": [50],
        },
    },
    "required": ["prices", "contents"],
    "dependentRequired": {"bonus_expires_after": ["bonus"], "bonus_priority": ["bonus"]},
    "examples": [
        {"kind": "currency_pack", "title": "500 gems", "contents": {"gems": 500}, "prices": {"USD": 499, "EUR": 499}}
    ],
}

ITEM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "type": {
            "description": "`durable` is owned once, `consumable` in any number and used up, `timed` for a `duration`.",
            "type": "string",
            "enum": ["durable", "consumable", "timed"],
            "examples": ["durable"],
        },
        "duration": {
            "description": "How long a `timed` item lasts; buying it again adds to its end.",
            **DURATION,
        },
        "max_count": {
            "description": "How many of a consumable can be owned at a time.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1_000_000_000,
            "examples": [99],
        },
        "on_full": {
            "description": "What becomes of a purchase that would pass `max_count`: `reject` refuses it, `clip` "
            "sells (and charges) only what fits.",
            "type": "string",
            "enum": ["reject", "clip"],
            "default": "reject",
            "examples": ["clip"],
        },
        "unique": {
            "description": "Whether every unit is a thing of its own, with an id and a serial number.",
            "type": "boolean",
            "default": False,
            "examples": [True],
        },
        "art": ART_OF,
    },
    "required": ["prices", "type"],
    "if": {"properties": {"type": {"const": "durable"}}, "required": ["type"]},
    "then": {"properties": {"max_count": {"const": 1}}},
    "examples": [
        {"kind": "item", "type": "durable", "title": "Sword of Dawn", "art": "sword", "prices": {"gems": 120}}
    ],
}

_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": 1_000_000, "examples": [1]}
BUNDLE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "contents": {
            "description": "What is in it: other offers, which are given as if they had been bought.",
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "type": "object",
                "properties": {
                    "sku": {
                        "description": "Another offer.",
                        "type": "string",
                        "x-ref": "offer",
                        "examples": ["gems-500"],
                    },
                    "quantity": {"description": "How many of it.", **_COUNT, "default": 1},
                    "worth": {
                        "description": "What one of it is worth here, where it has no price of its own in a currency "
                        "that the bundle is sold in: its share of the price, which a refund of it gives back.",
                        "type": "object",
                        "additionalProperties": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": 9_007_199_254_740_991,
                            "examples": [300],
                        },
                        "minProperties": 1,
                        "x-keys": "asset",
                        "examples": [{"USD": 300}],
                    },
                },
                "required": ["sku"],
                "additionalProperties": False,
                "examples": [{"sku": "health-potion", "quantity": 5}],
            },
            "examples": [[{"sku": "gems-500"}, {"sku": "health-potion", "quantity": 5, "worth": {"USD": 20}}]],
        },
        "art": ART_OF,
    },
    "required": ["prices", "contents"],
    "examples": [
        {
            "kind": "bundle",
            "title": "Starter kit",
            "contents": [{"sku": "gems-500"}, {"sku": "gems-100", "quantity": 2}],
            "prices": {"USD": 599},
        }
    ],
}

GIVES: Mapping[str, Any] = {
    "description": "What comes out: an item's or container's SKU, or a virtual asset -> how much.",
    "type": "object",
    "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991, "examples": [1]},
    "minProperties": 1,
    "maxProperties": 10,
    "x-names": ["offer", "virtual-asset"],
    "examples": [{"health-potion": 2}],
}
INSTEAD: Mapping[str, Any] = {
    "description": "What comes out instead of what its owner can have no more of.",
    **AMOUNTS,
    "examples": [{"gems": 20}],
}
CONTAINER: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "drops": {
            "description": "The table that is drawn from: the chance of a drop is its weight among all weights.",
            "type": "array",
            "minItems": 1,
            "maxItems": 200,
            "items": {
                "type": "object",
                "properties": {
                    "weight": {
                        "description": "How likely it is, beside the others.",
                        "type": "integer",
                        "minimum": 1,
                        "maximum": HEAVIEST,
                        "examples": [60],
                    },
                    "gives": GIVES,
                    "instead": INSTEAD,
                },
                "required": ["weight", "gives"],
                "additionalProperties": False,
                "examples": [{"weight": 60, "gives": {"health-potion": 2}}],
            },
            "examples": [[{"weight": 9, "gives": {"health-potion": 2}}, {"weight": 1, "gives": {"gems": 200}}]],
        },
        "guaranteed": {
            "description": "What comes out of every one, beside what is drawn.",
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "type": "object",
                "properties": {"gives": GIVES, "instead": INSTEAD},
                "required": ["gives"],
                "additionalProperties": False,
                "examples": [{"gives": {"gems": 5}}],
            },
            "examples": [[{"gives": {"gems": 5}}]],
        },
        "draws": {
            "description": "How many times is drawn when it is opened.",
            "type": "integer",
            "minimum": 1,
            "maximum": 20,
            "default": 1,
            "examples": [3],
        },
        "max_repeats": {
            "description": "How many times in a row one customer can draw the same; then the next draw leaves it out.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "examples": [3],
        },
        "art": ART_OF,
    },
    "required": ["prices", "drops"],
    "examples": [
        {
            "kind": "container",
            "title": "Tide chest",
            "art": "chest",
            "prices": {"gems": 60},
            "drops": [
                {"weight": 9, "gives": {"health-potion": 2}},
                {"weight": 1, "gives": {"gems": 200}},
            ],
        }
    ],
}
