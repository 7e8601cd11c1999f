"""The shapes of deliveries on the wire."""

from storefront.shapes import BOOLEAN, CUSTOMER, INTEGER, TEXT, TIME, closed, listing, nullable, table
from storefront_microtransactions.deliveries.rows import STATES

_SERVER = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,31}$", "examples": ["survival"]}
_LEASE = {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{8,100}$", "examples": ["lease_01k9x3v2m7q8r5t4w6y1z0abcd"]}
_SECONDS = {"type": "integer", "minimum": 1, "maximum": 3600, "examples": [60]}
_IDS = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 40},
    "minItems": 1,
    "maxItems": 100,
    "uniqueItems": True,
    "examples": [["dlv_01k9x3v2m7q8r5t4w6y1z0abcd"]],
}
LEASE = closed(
    {
        "server": {**_SERVER, "description": "Whose commands: the `to` of the offers."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "lease_seconds": {**_SECONDS, "default": 60},
        "online": {
            "type": "array",
            "items": CUSTOMER,
            "maxItems": 2000,
            "description": "The players that are online here, by the game's own ids.",
        },
        "wait_seconds": {"type": "integer", "minimum": 0, "maximum": 30, "default": 0},
        "lease": {
            **_LEASE,
            "description": "An id of your own for this lease, unguessable; without it the shop makes one.",
        },
    },
    required=["server"],
)
_COMMAND = {
    "id": TEXT,
    "server": TEXT,
    "player": TEXT,
    "command": nullable(TEXT),
    "online_only": BOOLEAN,
    "stage": TEXT,
    "sku": TEXT,
    "purchase": nullable(TEXT),
    "opening": {**nullable(TEXT), "description": "What it came out of, if it was drawn from a container."},
    "event": TEXT,
    "created_at": TIME,
}
LEASED_COMMANDS = table(
    {
        "lease": TEXT,
        "expires_at": nullable(TIME),
        "seconds_left": {**INTEGER, "description": "How long the lease lasts from now on, rounded down."},
        "data": {"type": "array", "items": table({**_COMMAND, "command": TEXT, "attempt": INTEGER})},
    }
)
OF_LEASE = closed({"lease": _LEASE, "ids": _IDS}, required=["lease", "ids"])
ACKNOWLEDGED = table({"lease": TEXT, "acknowledged": {"type": "array", "items": TEXT}})
FAIL = closed(
    {
        "lease": _LEASE,
        "ids": _IDS,
        "reason": {"type": "string", "minLength": 1, "maxLength": 500, "examples": ["the world is not loaded"]},
        "retry_after": {
            "type": "integer",
            "minimum": 0,
            "maximum": 86_400,
            "description": "In so many seconds, instead of later and later.",
        },
    },
    required=["lease", "ids", "reason"],
)
FAILED = table(
    {
        "lease": TEXT,
        "data": {"type": "array", "items": table({"id": TEXT, "state": TEXT, "retry_at": nullable(TIME)})},
    }
)
EXTEND = closed({"lease": _LEASE, "ids": _IDS, "lease_seconds": _SECONDS}, required=["lease", "ids", "lease_seconds"])
EXTENDED = table({"lease": TEXT, "expires_at": TIME})
DELIVERY = table(
    {
        **_COMMAND,
        "state": {"type": "string", "enum": list(STATES)},
        "attempts": INTEGER,
        "template": TEXT,
        "leased_by": nullable(TEXT),
        "lease_until": nullable(TIME),
        "due_at": TIME,
        "last_error": nullable(TEXT),
        "canceled_for": nullable(TEXT),
        "resend_of": nullable(TEXT),
        "closed_at": nullable(TIME),
    }
)
DELIVERIES = listing(DELIVERY)
DELIVERIES_QUERY = closed(
    {
        "state": {"type": "string", "enum": list(STATES)},
        "server": {"type": "string", "maxLength": 32},
        "customer": CUSTOMER,
        "purchase": {"type": "string", "maxLength": 40},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "after": {"type": "string", "maxLength": 200},
    }
)
