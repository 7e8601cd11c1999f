"""The JSON Schema of this plugin's section: the operator's part, which alone decides about money."""

from typing import Any

from storefront.core.kinds import JsonSchema
from storefront.core.money import MAX_AMOUNT
from storefront_fanfunding.accounts import MANUAL
from storefront_fanfunding.importing.finding import importers

TRANSFERRING = ("sandbox", "stripe")
"""The gateways that transfer payouts."""

SHARE_PATTERN = r"^(100|[0-9]{1,2}(\.[0-9]{1,2})?)%$"
RATE_PATTERN = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?$"

_TERMS: dict[str, Any] = {
    "share": {
        "type": "string",
        "description": "What of a tip is the creator's, before fees and after tax; the rest is the shop's.",
        "pattern": SHARE_PATTERN,
        "patternErrorMessage": "must be a percentage like 90% or 92.5%, at most 100%",
        "default": "100%",
        "examples": ["90%"],
    },
    "hold_days": {
        "type": "integer",
        "description": "For how long what was earned waits in reserve before it can be paid out.",
        "minimum": 0,
        "maximum": 365,
        "default": 7,
        "examples": [7],
    },
    "payout": {
        "type": "string",
        "description": "How creators are paid: by hand, or by a transfer of a gateway's to their `account` there.",
        "enum": [MANUAL, *TRANSFERRING],
        "default": MANUAL,
        "examples": [MANUAL],
    },
    "payout_min": {
        "type": "object",
        "description": "The least that is paid out at once, by currency, in its smallest unit; without it, anything.",
        "additionalProperties": {"type": "integer", "description": "The least, in the smallest unit.", "minimum": 1,
                                 "maximum": MAX_AMOUNT, "examples": [2000]},
        "x-keys": "asset",
        "minProperties": 1,
        "examples": [{"USD": 2000}],
    },
    "currencies": {
        "type": "array",
        "description": "In what tips are taken; without it, in whatever the creator's minimum is said in.",
        "items": {"type": "string", "description": "A currency, or one of the shop's own.", "x-ref": "asset",
                  "examples": ["USD"]},
        "minItems": 1,
        "maxItems": 50,
        "uniqueItems": True,
        "examples": [["USD", "EUR"]],
    },
    "may_grant": {
        "type": "array",
        "description": "What tiers and goals may give of the game: items, currency and rights of these offers.",
        "items": {
            "type": "object",
            "description": "An offer and how much of it.",
            "properties": {
                "sku": {"type": "string", "description": "The offer.", "x-ref": "offer", "examples": ["wave-emote"]},
                "per_tip": {"type": "integer", "description": "How many one tip may give, or a goal to each fan.",
                            "minimum": 1, "maximum": 1000, "examples": [1]},
                "per_day": {"type": "integer", "description": "How many all tips and goals of a day (UTC) may give.",
                            "minimum": 1, "maximum": 1_000_000, "examples": [100]},
            },
            "required": ["sku", "per_tip", "per_day"],
            "additionalProperties": False,
            "examples": [{"sku": "wave-emote", "per_tip": 1, "per_day": 100}],
        },
        "maxItems": 50,
        "examples": [[{"sku": "wave-emote", "per_tip": 1, "per_day": 100}]],
    },
}  # fmt: skip

_ACCOUNT = {
    "type": "string",
    "description": "The creator's account at the gateway that transfers their payouts.",
    "pattern": "^acct_[A-Za-z0-9]{1,64}$",
    "patternErrorMessage": "must be the account as the gateway calls it, like acct_1NkR4aBcDeFgHiJk",
    "examples": ["acct_1NkR4aBcDeFgHiJk"],
}
_FILE = {
    "type": "string",
    "description": "The creator's own file, relative to this one; it may stand in `include` instead.",
    "minLength": 1,
    "maxLength": 500,
    "examples": ["creators/luna.yaml"],
}

_IMPORTS = {
    "type": "object",
    "description": "Other services that tell of what fans gave there, at `…/creators/<creator>/imports/<service>`.",
    "properties": {name: dict(one.schema) for name, one in importers().items()},
    "additionalProperties": False,
    "minProperties": 1,
    "examples": [{"kofi": {"token": "${KOFI_TOKEN}"}}],
}

SCHEMA: JsonSchema = {
    "type": "object",
    "description": "Tips for creators.",
    "properties": {
        **_TERMS,
        "tax_class": {
            "type": "string",
            "description": "The class under `tax:` that tips are of; without a rate for it they carry no tax.",
            "pattern": "^[a-z][a-z0-9_-]{0,31}$",
            "patternErrorMessage": "must be 1 to 32 lower-case letters, digits, `-` or `_`, starting with a letter",
            "default": "tips",
            "examples": ["tips"],
        },
        "rates": {
            "type": "object",
            "description": "What one of a currency is worth in others, as text: by that a tip finds its tier where the "
            "creator's file has no minimum in its own currency. No money is converted by it.",
            "additionalProperties": {
                "type": "object",
                "description": "Currency -> how many of it.",
                "additionalProperties": {
                    "type": "string",
                    "description": "A decimal number in quotes.",
                    "pattern": RATE_PATTERN,
                    "patternErrorMessage": 'must be a decimal number in quotes, like "1.08"',
                    "examples": ["1.08"],
                },
                "x-keys": "asset",
                "minProperties": 1,
                "examples": [{"USD": "1.08"}],
            },
            "x-keys": "asset",
            "examples": [{"EUR": {"USD": "1.08"}}],
        },
        "payouts": {
            "type": "object",
            "description": "How payouts are made, whoever they are for.",
            "properties": {
                "four_eyes": {
                    "type": "boolean",
                    "description": "Whether another person than the one who creates a payout has to approve it.",
                    "default": False,
                    "examples": [True],
                },
                "new_account_days": {
                    "type": "integer",
                    "description": "How long a payout to another account than before waits, before it may be approved.",
                    "minimum": 0,
                    "maximum": 90,
                    "default": 3,
                    "examples": [3],
                },
            },
            "additionalProperties": False,
            "examples": [{"four_eyes": True}],
        },
        "creators": {
            "type": "object",
            "description": "Creators by their id, with what is other for each than what stands above.",
            "propertyNames": {
                "pattern": "^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$",
                "patternErrorMessage": "must be 1 to 40 lower-case letters, digits or `-` (it stands in the address)",
            },
            "additionalProperties": {
                "type": "object",
                "description": "What the operator says of a creator.",
                "properties": {"file": _FILE, "account": _ACCOUNT, **_TERMS, "imports": _IMPORTS},
                "additionalProperties": False,
                "examples": [{"file": "creators/luna.yaml", "share": "90%"}],
            },
            "examples": [{"luna": {"file": "creators/luna.yaml", "share": "90%", "hold_days": 7}}],
        },
    },
    "additionalProperties": False,
    "examples": [{"share": "90%", "creators": {"luna": {"file": "creators/luna.yaml"}}}],
}
