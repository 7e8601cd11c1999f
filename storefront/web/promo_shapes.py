"""JSON Schemas of promo codes as operators see them, and of referrals."""

from storefront.core.promos.generating import MOST_IN_A_BATCH, MOST_SHOWN
from storefront.shapes import (
    ANY_OBJECT,
    BOOLEAN,
    INTEGER,
    MONEY,
    PROMO_CODE,
    TEXT,
    TIME,
    JsonSchema,
    closed,
    listing,
    nullable,
    table,
)
from storefront.web.shapes import PAGE

_BATCH: JsonSchema = {
    "type": "string",
    "pattern": "^[a-z0-9][a-z0-9_-]{0,39}$",
    "description": "What you call these codes. Asking again for the same batch makes what is missing, never more.",
    "examples": ["newsletter-december"],
}
_TERMS: JsonSchema = table(
    {
        "percent": nullable(INTEGER),
        "amount": ANY_OBJECT,
        "uses": {**nullable(INTEGER), "description": "How often in all; of a bulk code each of its codes."},
        "per_customer": nullable(INTEGER),
        "from": nullable(TIME),
        "until": nullable(TIME),
        "offers": {"type": "array", "items": TEXT},
        "kinds": {"type": "array", "items": TEXT},
        "countries": {"type": "array", "items": TEXT},
        "minimum": ANY_OBJECT,
        "first_purchase": BOOLEAN,
        "stackable": BOOLEAN,
        "bulk": BOOLEAN,
        "restore_on_refund": BOOLEAN,
    }
)
LISTED_CODES: JsonSchema = listing(
    table({"code": TEXT, "terms": _TERMS, "generated": INTEGER, "used": INTEGER, "disabled_at": nullable(TIME)})
)
SHOWN_CODE: JsonSchema = table(
    {
        "code": TEXT,
        "campaign": nullable(TEXT),
        "batch": nullable(TEXT),
        "customer": nullable(TEXT),
        "terms": {**nullable(_TERMS), "description": "Null once it stands in the YAML no more."},
        "counted_uses": {**INTEGER, "description": "Uses that count against `uses`."},
        "disabled_at": nullable(TIME),
        "redemptions": {
            "type": "array",
            "description": "The last 100.",
            "items": table(
                {
                    "code": TEXT,
                    "purchase": TEXT,
                    "customer": TEXT,
                    "discount": MONEY,
                    "state": {"enum": ["reserved", "redeemed", "given_back"]},
                    "created_at": TIME,
                }
            ),
        },
    }
)
GENERATE: JsonSchema = closed(
    {
        "batch": _BATCH,
        "count": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_IN_A_BATCH,
            "description": "How many codes the batch shall have; at most 10,000 more are made per request.",
        },
    },
    required=["batch", "count"],
)
GENERATED: JsonSchema = table({"campaign": TEXT, "batch": TEXT, "made": INTEGER, "count": INTEGER})
GENERATED_CODES: JsonSchema = listing(
    table({"code": TEXT, "batch": TEXT, "number": INTEGER, "uses": INTEGER, "disabled_at": nullable(TIME)})
)
GENERATED_QUERY: JsonSchema = closed(
    {
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN, "default": 50},
        "after": PAGE["properties"]["after"],
        "batch": _BATCH,
    }
)
ENTER_REFERRAL: JsonSchema = closed(
    {"code": {**PROMO_CODE, "description": "The code of whoever brought this customer."}}, required=["code"]
)
_REWARD: JsonSchema = {
    "type": "object",
    "properties": {"asset": TEXT, "amount": INTEGER, "promo_code": TEXT},
    "description": "Either an amount of an asset, or a promo code of their own.",
}
_REWARDS: JsonSchema = {"type": "array", "items": _REWARD}
REFERRAL_STATE: JsonSchema = table(
    {
        "code": {**TEXT, "description": "The customer's own code, to give to others."},
        "link": TEXT,
        "referred": {**INTEGER, "description": "How many used it."},
        "rewarded": INTEGER,
        "referrals": {
            "type": "array",
            "description": "The newest 100 of them.",
            "items": table(
                {
                    "id": TEXT,
                    "state": {"enum": ["waiting", "qualified", "rewarded", "canceled", "clawed_back"]},
                    "created_at": TIME,
                    "rewards": {**_REWARDS, "description": "What it brought this customer."},
                }
            ),
        },
        "referred_by_code": {**BOOLEAN, "description": "Whether they have used somebody's code themselves."},
        "rewards": {**_REWARDS, "description": "What that brought them."},
    }
)
