"""JSON Schemas of automatic top-ups."""

from storefront.core.money import MAX_AMOUNT
from storefront.shapes import (
    INTEGER,
    MONEY,
    PRICE,
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

ASSET: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["gems"]}
AGREE: JsonSchema = closed(
    {
        "asset": {**ASSET, "description": "The virtual currency of the wallet."},
        "below": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
            "description": "Less than this available, after something was spent, begins a top-up.",
            "examples": [100],
        },
        "sku": {**SKU, "description": "What is bought then: an offer that fills the wallet.", "examples": ["gems-500"]},
        "quantity": {**QUANTITY, "default": 1},
        "payment_method": {
            "type": "string",
            "pattern": "^pmt_[a-z2-7]{26}$",
            "description": "A saved method of this customer's.",
        },
        "daily_cap": {**PRICE, "description": "What all top-ups of a UTC day may cost, tax and all."},
        "at_most": {**PRICE, "description": "What one may cost, tax and all; what it costs now if absent."},
        "consent": {
            "const": True,
            "description": "The customer agrees to be charged like this while they are away.",
        },
        "consent_text": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "description": "Which text they agreed to: your own name and version of it. Nothing personal: it is kept.",
            "examples": ["auto-top-up-2026-03"],
        },
    },
    required=["asset", "below", "sku", "payment_method", "daily_cap", "consent", "consent_text"],
)
AUTO_TOP_UP: JsonSchema = table(
    {
        "id": TEXT,
        "asset": TEXT,
        "state": {
            **TEXT,
            "description": "`on`, `waiting` (it failed, and is tried again at `retry_at`), `paused` (it waits for the "
            "customer, who agrees again) or `off`.",
        },
        "reason": {**nullable(TEXT), "description": "Why it waits, is paused or is off."},
        "retry_at": nullable(TIME),
        "below": INTEGER,
        "sku": TEXT,
        "quantity": INTEGER,
        "payment_method": TEXT,
        "at_most": MONEY,
        "daily_cap": MONEY,
        "spent_today": MONEY,
        "consent": table({"text": TEXT, "at": TIME}),
        "last": nullable(
            table(
                {
                    "id": TEXT,
                    "state": {
                        **TEXT,
                        "description": "`due`, `charging`, `action_required` (send the customer to `redirect_url`), "
                        "`completed` or `failed`.",
                    },
                    "reason": nullable(TEXT),
                    "purchase": nullable(TEXT),
                    "redirect_url": nullable(TEXT),
                    "created_at": TIME,
                    "closed_at": nullable(TIME),
                }
            )
        ),
    }
)
AUTO_TOP_UPS: JsonSchema = listing(AUTO_TOP_UP)
