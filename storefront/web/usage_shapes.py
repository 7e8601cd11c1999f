"""JSON Schemas of pay per use."""

from storefront.shapes import (
    ANY_OBJECT,
    CUSTOMER,
    CUSTOMER_CHANGE,
    INTEGER,
    TEXT,
    TIME,
    JsonSchema,
    closed,
    listing,
    table,
)

EXACT: JsonSchema = {"type": "string", "description": "An exact decimal.", "examples": ["0.05"]}
USAGE_EVENT: JsonSchema = {
    "type": "object",
    "description": "A CloudEvent 1.0. Extension attributes are not looked at.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**TEXT, "maxLength": 256, "description": "With `source`, what makes the event count once."},
        "source": {**TEXT, "maxLength": 256, "examples": ["/game/eu-1"]},
        "type": {**TEXT, "maxLength": 256, "description": "A meter's `event_type`.", "examples": ["api.call"]},
        "subject": CUSTOMER,
        "time": {**TIME, "description": "When it was; when it comes in, if absent."},
        "data": ANY_OBJECT,
    },
    "required": ["specversion", "id", "source", "type", "subject"],
}
USAGE_EVENTS: JsonSchema = {"type": "array", "items": USAGE_EVENT, "minItems": 1, "maxItems": 1_000}
INGESTED: JsonSchema = table(
    {
        "accepted": {**INTEGER, "description": "How many count now."},
        "duplicates": {**INTEGER, "description": "How many had counted before, by their (source, id)."},
        "rejected": {
            "type": "array",
            "items": table(
                {
                    "index": {**INTEGER, "description": "The event's place in the request, from 0."},
                    "reason": {"enum": ["invalid", "unknown_type", "in_the_future", "too_old", "exhausted"]},
                    "detail": TEXT,
                }
            ),
        },
    }
)
USAGE_QUERY: JsonSchema = closed(
    {
        "customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."},
        "meter": {"type": "string", "maxLength": 64, "examples": ["voice_minutes"]},
        "from": {
            "type": "string",
            "maxLength": 40,
            "description": "If absent: the beginning of the meter's period, of a lifetime thirty days before `until`.",
            "examples": ["2026-11-01T00:00:00Z"],
        },
        "until": {
            "type": "string",
            "maxLength": 40,
            "description": "If absent: now.",
            "examples": ["2026-12-01T00:00:00Z"],
        },
        "step": {"enum": ["hour", "day"], "type": "string", "default": "hour"},
    },
    required=["meter"],
)
USAGE_SUMS: JsonSchema = table(
    {
        "meter": TEXT,
        "quantity": EXACT,
        "events": INTEGER,
        "data": {
            "type": "array",
            "items": table({"start": TIME, "end": TIME, "events": INTEGER, "quantity": EXACT}),
        },
        "accounts": {
            "type": "array",
            "description": "What the meter charged to the wallet over all time, in the asset's smallest unit: "
            "metered = billed + unbilled + pending.",
            "items": table(
                {"feature": TEXT, "asset": TEXT, "metered": EXACT, "billed": EXACT, "unbilled": EXACT, "pending": EXACT}
            ),
        },
    }
)
USAGE_LINE: JsonSchema = table(
    {
        "id": TEXT,
        "customer": table({"id": TEXT}),
        "feature": TEXT,
        "kind": {"enum": ["period", "correction"]},
        "number": INTEGER,
        "period": table({"start": TIME, "end": TIME}),
        "quantity": EXACT,
        "cost": EXACT,
        "amount": {**INTEGER, "description": "The cost in the smallest unit; a correction's may be below zero."},
        "currency": TEXT,
        "created_at": TIME,
    }
)
USAGE_LINES: JsonSchema = listing(USAGE_LINE)
CONSUME: JsonSchema = closed(
    {
        "customer": {**CUSTOMER, "description": "Who uses it up."},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000_000_000, "default": 1},
    },
    required=["customer"],
)
CONSUMED: JsonSchema = table({"feature": TEXT, "consumed": INTEGER, "customer": CUSTOMER_CHANGE})
