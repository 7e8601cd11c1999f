"""JSON Schemas of gifts and transfers between customers."""

from storefront.core.money import MAX_AMOUNT
from storefront.shapes import (
    CURRENCY,
    CUSTOMER,
    CUSTOMER_CHANGE,
    INTEGER,
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

_NAMED: JsonSchema = table({"id": TEXT})
GIFTS: JsonSchema = listing(
    table(
        {
            "id": {**TEXT, "description": "The purchase that it came with."},
            "from": {**nullable(_NAMED), "description": "Who bought it; told to servers and operators only."},
            "sku": TEXT,
            "quantity": INTEGER,
            "refunded": TEXT,
            "dispute": TEXT,
            "received_at": TIME,
        }
    )
)
CREATE_TRANSFER: JsonSchema = closed(
    {
        "from": {**CUSTOMER, "description": "Who passes on: required with a server key, absent with a session."},
        "to": {**CUSTOMER, "description": "Who receives."},
        "asset": {**CURRENCY, "description": "A virtual currency; with `amount`.", "examples": ["gems"]},
        "amount": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
            "description": "What leaves the sender, the fee included, in the smallest unit.",
        },
        "sku": {**SKU, "description": "Instead of a currency: an item."},
        "quantity": {**QUANTITY, "description": "How many of the item; 1 if absent."},
        "instance": {
            "type": "string",
            "maxLength": 64,
            "description": "Which one, of items whose units have numbers; the oldest if absent.",
        },
    },
    required=["to"],
)
TRANSFER: JsonSchema = table(
    {
        "id": TEXT,
        "from": _NAMED,
        "to": _NAMED,
        "asset": nullable(TEXT),
        "amount": nullable(INTEGER),
        "fee": {**nullable(INTEGER), "description": "What of the amount was kept back; the rest was received."},
        "sku": nullable(TEXT),
        "quantity": nullable(INTEGER),
        "instances": {
            **nullable({"type": "array", "items": table({"instance": TEXT, "number": INTEGER})}),
            "description": "Which units went, of an item: those that are things of their own.",
        },
        "created_at": TIME,
    }
)
TRANSFER_MADE: JsonSchema = table({**TRANSFER["properties"], "customer": CUSTOMER_CHANGE})
TRANSFERS: JsonSchema = listing(TRANSFER)
