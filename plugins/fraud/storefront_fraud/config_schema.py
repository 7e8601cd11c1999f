"""The JSON Schema of this plugin's section."""

from typing import Any

from storefront.core.kinds import JsonSchema
from storefront_fraud.expressions import LONGEST

RATE_PATTERN = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?$"
NAME_PATTERN = "^[a-z][a-z0-9_-]{0,63}$"
MOST_RULES, MOST_VALUES = 200, 10_000

_RULE: JsonSchema = {
    "type": "object",
    "description": "One rule: when its condition holds, it does what `do` says.",
    "properties": {
        "id": {
            "type": "string",
            "description": "Its name in decisions; two rules never share one.",
            "pattern": NAME_PATTERN,
            "patternErrorMessage": "must be 1 to 64 lower-case letters, digits, `-` or `_`, starting with a letter",
            "examples": ["velocity-card"],
        },
        "do": {
            "type": "string",
            "description": "What it does. `allow` comes before `block`, that before `review`; `challenge` asks for "
            "3-D Secure beside any of them.",
            "enum": ["challenge", "allow", "block", "review"],
            "examples": ["block"],
        },
        "when": {
            "type": "string",
            "description": "The condition, in CEL, over the attributes of the plugin's README.",
            "minLength": 1,
            "maxLength": LONGEST,
            "examples": ["velocity.card.count_1h > 5"],
        },
        "mode": {
            "type": "string",
            "description": "`shadow`: it is only written down that it would have matched.",
            "enum": ["enforce", "shadow"],
            "default": "enforce",
            "examples": ["shadow"],
        },
        "on_missing": {
            "type": "string",
            "description": "What it does where an attribute that it reads is not known: `skip` it, count as a `match`, "
            "or `block`.",
            "enum": ["match", "skip", "block"],
            "default": "skip",
            "examples": ["skip"],
        },
    },
    "required": ["id", "do", "when"],
    "additionalProperties": False,
    "examples": [{"id": "velocity-card", "do": "block", "when": "velocity.card.count_1h > 5"}],
}


RULES: JsonSchema = {
    "type": "array",
    "description": "The rules; their order does not matter.",
    "items": _RULE,
    "maxItems": MOST_RULES,
    "examples": [[{"id": "velocity-card", "do": "block", "when": "velocity.card.count_1h > 5"}]],
}


def _breaker(says: str, many: int, do: str) -> JsonSchema:
    return {
        "type": "object",
        "description": says,
        "properties": {
            "declines": {
                "type": "integer",
                "description": "From so many declined cards in this hour of the clock, or the one before, on.",
                "minimum": 2,
                "maximum": 1_000_000,
                "examples": [many],
            },
            "do": {
                "type": "string",
                "description": "What is done with every purchase through a gateway then.",
                "enum": ["challenge", "block", "review"],
                "default": do,
                "examples": [do],
            },
        },
        "required": ["declines"],
        "additionalProperties": False,
        "examples": [{"declines": many, "do": do}],
    }


def _days(says: str, least: int, most: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "description": says, "minimum": least, "maximum": most, "default": default,
            "examples": [default]}  # fmt: skip


SCHEMA: JsonSchema = {
    "type": "object",
    "description": "Fraud rules: what is challenged, allowed, blocked or reviewed, and why.",
    "properties": {
        "rules": RULES,
        "lists": {
            "type": "object",
            "description": "Lists that rules ask by `in_list(attribute, 'list')`; more is put on them by `storefront "
            "fraud lists add`.",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
            "additionalProperties": {
                "type": "array",
                "description": "What is on the list for good.",
                "items": {"type": "string", "description": "A value.", "minLength": 1, "maxLength": 200,
                          "examples": ["KP"]},
                "maxItems": MOST_VALUES,
                "examples": [["KP"]],
            },
            "maxProperties": 100,
            "examples": [{"blocked_countries": ["KP"], "trusted_customers": []}],
        },
        "fail": {
            "type": "string",
            "description": "What becomes of a purchase for which an enforced rule ends in an error.",
            "enum": ["review", "block", "allow"],
            "default": "review",
            "examples": ["review"],
        },
        "reference": {
            "type": "string",
            "description": "The currency that amounts of all currencies are compared in; it names `amount_usd`.",
            "pattern": "^[A-Z]{3}$",
            "patternErrorMessage": "must be a currency like USD",
            "default": "USD",
            "examples": ["USD"],
        },
        "rates": {
            "type": "object",
            "description": "How much of the reference currency one of another is worth, in quotes.",
            "additionalProperties": {
                "type": "string",
                "description": "So many of the reference currency.",
                "pattern": RATE_PATTERN,
                "patternErrorMessage": 'must be a number in quotes, like "1.08"',
                "examples": ["1.08"],
            },
            "x-keys": "asset",
            "examples": [{"EUR": "1.08"}],
        },
        "device": {
            "type": "string",
            "description": "The key of a purchase's metadata that holds the device's id.",
            "minLength": 1,
            "maxLength": 40,
            "default": "device",
            "examples": ["device"],
        },
        "ip_countries": {
            "type": "string",
            "description": "A CSV file of `first address,last address,country`, beside the YAML, for `ip.country`.",
            "minLength": 1,
            "maxLength": 1000,
            "examples": ["ip-countries.csv"],
        },
        "breaker": {
            "type": "object",
            "description": "What trips where many cards are tried out.",
            "properties": {
                "ip": _breaker("For one address.", 10, "block"),
                "shop": _breaker("For the whole shop.", 300, "challenge"),
            },
            "minProperties": 1,
            "additionalProperties": False,
            "examples": [{"ip": {"declines": 10}, "shop": {"declines": 300}}],
        },
        "keep_days": _days("For how long decisions are kept.", 8, 3650, 400),
        "reported_days": _days("For how long whom a bank has warned of, or disputed, stays on the lists `reported_…`.",
                               1, 3650, 365),
    },
    "additionalProperties": False,
    "examples": [{"rules": [{"id": "velocity-card", "do": "block", "when": "velocity.card.count_1h > 5"}]}],
}  # fmt: skip
