"""JSON Schemas of payouts and their statements."""

from storefront.core.money import MAX_AMOUNT
from storefront.shapes import (
    BOOLEAN,
    CURRENCY,
    INTEGER,
    MONEY,
    TEXT,
    TIME,
    JsonSchema,
    closed,
    listing,
    nullable,
    table,
)
from storefront_fanfunding.payout_rows import STATES

CREATOR_NAME: JsonSchema = {"type": "string", "pattern": "^[a-z0-9-]{1,40}$", "examples": ["luna"]}
_STATE: JsonSchema = {"type": "string", "enum": list(STATES)}
PAYOUT = table(
    {
        "id": TEXT,
        "creator": TEXT,
        "state": _STATE,
        "amount": MONEY,
        "returned": INTEGER,
        "pay_with": TEXT,
        "account": nullable(TEXT),
        "reference": nullable(TEXT),
        "reason": nullable(TEXT),
        "four_eyes": BOOLEAN,
        "created_by": TEXT,
        "approved_by": nullable(TEXT),
        "created_at": TIME,
        "approved_at": nullable(TIME),
        "paid_at": nullable(TIME),
        "failed_at": nullable(TIME),
        "approvable_from": nullable(TIME),
    }
)
PAYOUTS = listing(PAYOUT)
PAYABLE = table({"data": {"type": "array", "items": table({
    "creator": TEXT, "currency": TEXT, "payable": INTEGER, "debt": INTEGER, "minimum": INTEGER, "pay_with": TEXT,
})}})  # fmt: skip
CREATE = closed(
    {
        "creator": CREATOR_NAME,
        "currency": CURRENCY,
        "amount": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
            "description": "In the smallest unit; without it, all that can be paid.",
            "examples": [2000],
        },
    },
    required=["creator", "currency"],
)
_SAID: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f\x7f]*$"}
MARK_PAID = closed(
    {"reference": {**_SAID, "description": "What the bank calls it.", "examples": ["SEPA 2026-11-28 17"]}},
    required=["reference"],
)
MARK_FAILED = closed(
    {"reason": {**_SAID, "description": "Kept for ever, so nothing personal.", "examples": ["account closed"]}},
    required=["reason"],
)
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
LIST = closed(
    {
        "creator": CREATOR_NAME,
        "state": {**_STATE, "description": "Only these."},
        "limit": _LIMIT,
        "after": {"type": "string", "maxLength": 80, "description": "The `next` of the page before."},
    }
)
STATEMENT_PAGE = closed(
    {
        "limit": {**_LIMIT, "maximum": 1000, "default": 100},
        "after": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_AMOUNT,
            "description": "The `next` of the page before.",
        },
    }
)
_STAND = table({"payable": INTEGER, "debt": INTEGER})
STATEMENT = table(
    {
        "payout": PAYOUT,
        "opening": _STAND,
        "lines": {
            "type": "array",
            "items": table(
                {
                    "line": INTEGER,
                    "at": TIME,
                    "kind": TEXT,
                    "about": TEXT,
                    "tip": nullable(INTEGER),
                    "share": nullable(INTEGER),
                    "amount": INTEGER,
                    "owed": INTEGER,
                    "balance": INTEGER,
                    "debt": INTEGER,
                    "entry": TEXT,
                }
            ),
        },
        "closing": _STAND,
        "next": nullable(TEXT),
    }
)
