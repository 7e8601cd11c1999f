"""JSON Schemas of refunds: what they take and what they answer."""

from storefront.core.money import MAX_AMOUNT
from storefront.shapes import (
    BOOLEAN,
    CUSTOMER_CHANGE,
    INTEGER,
    MONEY,
    QUANTITY,
    SKU,
    TEXT,
    TIME,
    JsonSchema,
    closed,
    listing,
    nullable,
    table,
)
from storefront.web.shapes import REASON

CREATE_REFUND: JsonSchema = closed(
    {
        "amount": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
            "description": "How much, in the purchase's currency. Alone it takes no goods back, unless it is all that "
            "is left.",
        },
        "quantity": {
            **QUANTITY,
            "description": "Of how many the goods are taken back; without an amount, their share of the price.",
        },
        "lines": {
            "type": "array",
            "items": closed({"sku": SKU, "quantity": {**QUANTITY, "default": 1}}, required=["sku"]),
            "minItems": 1,
            "maxItems": 100,
            "description": "Of a bundle: which of its contents go back, for what they cost of it. No `quantity` then.",
            "examples": [[{"sku": "sword-of-dawn", "quantity": 1}]],
        },
        "reason": REASON,
        "strategy": {
            "enum": ["fail", "floor", "debt"],
            "default": "fail",
            "description": "What to do about goods that are gone: refuse the refund, write them off, or let the "
            "customer owe them (gateway purchases only).",
        },
        "dry_run": {"type": "boolean", "default": False, "description": "Show what would be done, and write nothing."},
    },
    required=["reason"],
)
REFUND: JsonSchema = table(
    {
        "id": nullable(TEXT),
        "purchase": TEXT,
        "number": INTEGER,
        "cause": TEXT,
        "state": TEXT,
        "amount": MONEY,
        "quantity": INTEGER,
        "lines": {"type": "array", "items": table({"sku": TEXT, "quantity": INTEGER, "amount": MONEY})},
        "strategy": TEXT,
        "taken_back": table(
            {
                "items": {
                    "type": "array",
                    "items": table({"sku": TEXT, "demanded": INTEGER, "taken": INTEGER, "written_off": INTEGER}),
                },
                "credits": {
                    "type": "array",
                    "items": table(
                        {
                            "asset": TEXT,
                            "source": TEXT,
                            "demanded": INTEGER,
                            "taken": INTEGER,
                            "written_off": INTEGER,
                            "owed": INTEGER,
                        }
                    ),
                },
                "entitlements": {"type": "array", "items": TEXT},
                "openings": {
                    "type": "array",
                    "items": TEXT,
                    "description": "Openings whose goods were taken instead of the containers, where there are some.",
                },
            },
            required=["items", "credits", "entitlements"],
        ),
        "reason": TEXT,
        "actor": TEXT,
        "created_at": nullable(TIME),
        "dry_run": BOOLEAN,
    }
)
REFUND_MADE: JsonSchema = table({**REFUND["properties"], "customer": CUSTOMER_CHANGE})
REFUNDS: JsonSchema = listing(REFUND)
