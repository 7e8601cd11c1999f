"""JSON Schemas of the routes about outgoing webhooks."""

from storefront.core.outgoing.guard import LONGEST_URL
from storefront.core.outgoing_webhooks.endpoints import MOST_TYPES
from storefront.shapes import INTEGER, TEXT, TIME, JsonSchema, closed, listing, nullable, table
from storefront.web.shapes import PAGE

_STATES = ["waiting", "delivered", "dead"]
_URL: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_URL,
    "description": "An https:// address on the public internet, or one of an origin in `webhooks.allow`.",
    "examples": ["https://game.example/hooks"],
}
_DESCRIPTION: JsonSchema = {"type": "string", "maxLength": 200, "examples": ["game server"]}
_EVENT_TYPES: JsonSchema = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 100},
    "maxItems": MOST_TYPES,
    "description": "What it gets: types, or `purchase.*` for all that begin so. Empty for everything.",
    "examples": [["purchase.*", "hold.expired"]],
}
CREATE_ENDPOINT: JsonSchema = closed(
    {"url": _URL, "description": {**_DESCRIPTION, "default": ""}, "event_types": {**_EVENT_TYPES, "default": []}},
    required=["url"],
)
UPDATE_ENDPOINT: JsonSchema = {
    **closed({"url": _URL, "description": _DESCRIPTION, "event_types": _EVENT_TYPES}),
    "minProperties": 1,
}
ENDPOINT: JsonSchema = table(
    {
        "id": TEXT,
        "url": TEXT,
        "description": TEXT,
        "event_types": {"type": "array", "items": TEXT},
        "state": {"enum": ["enabled", "paused", "disabled"]},
        "reason": nullable(TEXT),
        "previous_secret_until": nullable(TIME),
        "deliveries": table(dict.fromkeys(_STATES, INTEGER)),
        "created_at": TIME,
    }
)
ENDPOINT_WITH_SECRET: JsonSchema = table(
    {**ENDPOINT["properties"], "secret": {"type": "string", "description": "Shown once: `whsec_…`"}}
)
ENDPOINTS: JsonSchema = listing(ENDPOINT)
DELIVERY: JsonSchema = table(
    {
        "event": TEXT,
        "type": TEXT,
        "state": {"enum": _STATES},
        "attempts": INTEGER,
        "due_at": nullable(TIME),
        "created_at": TIME,
        "closed_at": nullable(TIME),
    }
)
ATTEMPT: JsonSchema = table(
    {
        "at": TIME,
        "status": nullable(INTEGER),
        "latency_ms": nullable(INTEGER),
        "error": nullable(TEXT),
        "excerpt": TEXT,
    }
)
DELIVERY_WITH_HISTORY: JsonSchema = table({**DELIVERY["properties"], "history": {"type": "array", "items": ATTEMPT}})
DELIVERIES: JsonSchema = listing(DELIVERY)
DELIVERIES_QUERY: JsonSchema = closed(
    {**PAGE["properties"], "state": {"enum": _STATES, "description": "Only those in this state."}}
)
REPLAY: JsonSchema = {
    **closed(
        {
            "since": {**TIME, "description": "From this business time on."},
            "after": {"type": "string", "maxLength": 500, "description": "Behind this cursor of GET /v1/events."},
        }
    ),
    "minProperties": 1,
    "maxProperties": 1,
}
QUEUED: JsonSchema = table({"queued": {"type": "boolean"}, "type": TEXT})
