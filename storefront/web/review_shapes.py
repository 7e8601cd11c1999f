"""JSON Schemas of reviews: what waits for a person, and the reason that they give."""

from storefront.core.reviews import STATES, Decision
from storefront.shapes import ANY_OBJECT, INTEGER, MONEY, TEXT, TIME, JsonSchema, closed, listing, nullable, table
from storefront.web.shapes import PAGE

_NAMED = table({"id": TEXT})
_REVIEW: JsonSchema = table(
    {
        "purchase": TEXT,
        "customer": _NAMED,
        "recipient": {**nullable(_NAMED), "description": "Who receives a gift."},
        "sku": TEXT,
        "quantity": INTEGER,
        "total": MONEY,
        "pay_with": TEXT,
        "status": {**TEXT, "description": "The purchase's real status; its buyer reads `in_review` as `pending`."},
        "state": {
            "enum": list(STATES),
            "description": "`awaiting` its payment, `open`, `deciding` while the gateway is asked, `closed`.",
        },
        "money": {
            "enum": ["none", "hold", "authorized", "received"],
            "description": "What waits: a hold in the wallet, or money at the gateway.",
        },
        "reasons": {"type": "array", "items": TEXT, "description": "Why it waits, as plugins say."},
        "decision": nullable({"enum": [str(one) for one in Decision]}),
        "decided_by": nullable(TEXT),
        "reason": nullable(TEXT),
        "opened_at": nullable(TIME),
        "expires_at": {**nullable(TIME), "description": "When it is rejected by itself."},
        "decided_at": nullable(TIME),
        "closed_at": nullable(TIME),
        "created_at": TIME,
    }
)
REVIEW: JsonSchema = table(
    {
        **_REVIEW["properties"],
        "card": {**ANY_OBJECT, "description": "What the gateway says of the card and its risk, once it was used."},
    }
)
REVIEWS: JsonSchema = listing(_REVIEW)
REVIEWS_QUERY: JsonSchema = closed(
    {
        **PAGE["properties"],
        "state": {"enum": list(STATES), "description": "Only these; `open` is what waits for you."},
        "customer": {"type": "string", "minLength": 1, "maxLength": 128, "description": "Only this customer's."},
    }
)
DECISION: JsonSchema = closed(
    {
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 500,
            "description": "Why, for whoever asks later. The buyer never sees it.",
            "examples": ["card and address belong to a customer of years"],
        }
    },
    required=["reason"],
)
