"""JSON Schemas of wallets in depth: holds, lots, what filled them and what drew on them."""

from storefront.core.holding import STATES
from storefront.core.money import MAX_AMOUNT
from storefront.shapes import (
    CHANGED,
    CUSTOMER,
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
from storefront.web.shapes import PAGE

LONGEST_HOLD_SECONDS = 30 * 24 * 60 * 60
_AMOUNT: JsonSchema = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_AMOUNT,
    "description": "In the smallest unit.",
    "examples": [120],
}
CREATE_HOLD: JsonSchema = closed(
    {
        "customer": CUSTOMER,
        "asset": {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["gems"]},
        "amount": _AMOUNT,
        "expires_in_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": LONGEST_HOLD_SECONDS,
            "description": "From one second to 30 days; then the funds are free again by themselves.",
            "examples": [300],
        },
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "Your own reference, such as an auction's id. Nothing personal: it stays in the books.",
            "examples": ["auction 42"],
        },
    },
    required=["customer", "asset", "amount", "expires_in_seconds", "reason"],
)
CAPTURE_HOLD: JsonSchema = closed(
    {"amount": {**_AMOUNT, "description": "At most what is held, in the smallest unit; all of it if absent."}}
)
HOLD: JsonSchema = table(
    {
        "id": TEXT,
        "customer": {
            "type": "object",
            "properties": {"id": TEXT, "from_version": INTEGER, "version": INTEGER, "changed": CHANGED},
            "required": ["id"],
        },
        "asset": TEXT,
        "amount": INTEGER,
        "captured": INTEGER,
        "state": {"enum": list(STATES)},
        "reason": TEXT,
        "expires_at": TIME,
        "created_at": TIME,
        "closed_at": nullable(TIME),
    }
)
HOLDS: JsonSchema = listing(HOLD)
HOLDS_QUERY: JsonSchema = closed(
    {
        **PAGE["properties"],
        "customer": {**CUSTOMER, "description": "Whose; everybody's if absent."},
        "state": {"enum": list(STATES)},
    }
)
_LOT = {
    "id": TEXT,
    "source": TEXT,
    "payment": nullable(TEXT),
    "cost": {
        **nullable(MONEY),
        "description": "What `amount` cost: the sum over the lot's credits, what refunds gave back included.",
    },
    "priority": INTEGER,
    "amount": {
        **INTEGER,
        "description": "All that was ever put in, what refunds gave back included: 500 bought, 120 spent and refunded "
        "are 620. In `credits` of a lot, what refunds gave back has the kind `refund`.",
    },
    "remaining": {**INTEGER, "description": "What is left to spend or held, out of `amount`."},
    "held": INTEGER,
    "frozen": INTEGER,
    "opened_at": TIME,
    "expires_at": nullable(TIME),
}
_ENTRY = {"entry": TEXT, "kind": TEXT, "about": TEXT, "amount": INTEGER, "occurred_at": TIME}
CREDIT: JsonSchema = table({**_ENTRY, "payment": nullable(TEXT), "cost": nullable(MONEY)})
LOTS: JsonSchema = listing(table(_LOT))
LOT: JsonSchema = table({**_LOT, "credits": {"type": "array", "items": CREDIT}})
DRAWS: JsonSchema = listing(table(_ENTRY))
HISTORY: JsonSchema = listing(
    table(
        {
            "entry": TEXT,
            "kind": TEXT,
            "about": TEXT,
            "amount": {**INTEGER, "description": "What came into the wallet; what went out of it is negative."},
            "owed": {**INTEGER, "description": "How what is owed changed: negative where a credit paid it off."},
            "occurred_at": TIME,
        }
    )
)
