"""JSON Schemas of what an operator looks at: the inbox, disputes, reconciliations, alarms, jobs."""

from storefront.core.operating.disputes import STATES as DISPUTE_STATES
from storefront.core.operating.inbox import STATES as INBOX_STATES
from storefront.shapes import ANY_OBJECT, INTEGER, MONEY, TEXT, TIME, JsonSchema, closed, listing, nullable, table
from storefront.web.shapes import PAGE

_GATEWAY: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["stripe"]}
_ACCOUNT: JsonSchema = {
    "type": "string",
    "maxLength": 255,
    "description": "Whose, where two of the gateway's accounts told an event of the same id.",
}
INBOX_EVENT: JsonSchema = table(
    {
        "gateway": TEXT,
        "account": TEXT,
        "event": TEXT,
        "type": TEXT,
        "reference": nullable(TEXT),
        "state": {"enum": list(INBOX_STATES)},
        "note": nullable(TEXT),
        "received_at": TIME,
        "processed_at": nullable(TIME),
    }
)
INBOX: JsonSchema = listing(INBOX_EVENT)
INBOX_QUERY: JsonSchema = closed(
    {**PAGE["properties"], "gateway": _GATEWAY, "state": {"enum": list(INBOX_STATES), "description": "Only these."}}
)
_JOB_OF_EVENT = table({"id": TEXT, "state": TEXT, "attempts": INTEGER, "last_error": nullable(TEXT)})
INBOX_EVENT_IN_FULL: JsonSchema = table(
    {
        **INBOX_EVENT["properties"],
        "body": {"description": "What the gateway wrote; null once it is forgotten."},
        "job": nullable(_JOB_OF_EVENT),
    }
)
OF_ACCOUNT: JsonSchema = closed({"account": _ACCOUNT})

DISPUTE: JsonSchema = table(
    {
        "id": TEXT,
        "purchase": TEXT,
        "gateway": TEXT,
        "reference": nullable(TEXT),
        "state": {"enum": list(DISPUTE_STATES)},
        "amount": MONEY,
        "reason": TEXT,
        "evidence_due_by": nullable(TIME),
        "strategy": TEXT,
        "quantity": INTEGER,
        "taken_back": ANY_OBJECT,
        "created_at": TIME,
        "updated_at": TIME,
        "closed_at": nullable(TIME),
    }
)
DISPUTES: JsonSchema = listing(DISPUTE)
_NAMED: JsonSchema = table({"id": TEXT})
LOSS: JsonSchema = table(
    {
        "purchase": TEXT,
        "dispute": {**nullable(TEXT), "description": "Null while there is none."},
        "amount": MONEY,
        "strategy": TEXT,
        "quantity": INTEGER,
        "taken_back": ANY_OBJECT,
        "lots": {
            "description": "What currency would be taken from which lots, and whose they are; undone purchases aside.",
            "type": "array",
            "items": table({"lot": TEXT, "customer": _NAMED, "source": TEXT, "amount": INTEGER}),
        },
        "owed": {"type": "array", "items": table({"customer": _NAMED, "asset": TEXT, "amount": INTEGER})},
        "undone": {
            "description": "Purchases that the missing currency paid for, and whose goods are all still there.",
            "type": "array",
            "items": table({"purchase": TEXT, "sku": TEXT, "quantity": INTEGER, "amount": MONEY}),
        },
        "dry_run": {"const": True},
    }
)
DISPUTES_QUERY: JsonSchema = closed({**PAGE["properties"], "state": {"enum": list(DISPUTE_STATES)}})
EVIDENCE: JsonSchema = closed(
    {
        "texts": {
            "type": "object",
            "description": "The gateway's own names of the fields. What is not named stays as it was.",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
            "additionalProperties": {"type": "string", "maxLength": 20_000},
            "minProperties": 1,
            "maxProperties": 40,
            "examples": [{"product_description": "500 gems for a game account", "uncategorized_text": "…"}],
        },
        "submit": {
            "type": "boolean",
            "default": False,
            "description": "Send all that is staged to the bank, once and for all. Without it, it is only staged.",
        },
    },
    required=["texts"],
)

_DIFFERENCE = table(
    {
        "kind": {
            "enum": ["missing_here", "missing_there", "amount", "currency", "duplicate", "fee", "balance"],
        },
        "about": TEXT,
        "amount": INTEGER,
        "currency": TEXT,
        "since": TIME,
        "proposal": TEXT,
    }
)
REPORT: JsonSchema = table(
    {
        "gateway": TEXT,
        "since": TIME,
        "at": TIME,
        "movements": INTEGER,
        "explained": INTEGER,
        "explained_percent": {"type": "number"},
        "oldest_unexplained_seconds": nullable(INTEGER),
        "mended": INTEGER,
        "balances": {
            "type": "object",
            "description": "currency -> minor units: what the gateway says, what the ledger says, what is on its way.",
            "additionalProperties": table({"gateway": INTEGER, "ledger": INTEGER, "clearing": INTEGER}),
        },
        "differences": {"type": "array", "items": _DIFFERENCE},
    }
)
RECONCILIATIONS: JsonSchema = listing(
    table({"gateway": TEXT, "followed_at": nullable(TIME), "report": nullable(REPORT)})
)
RECONCILE: JsonSchema = closed(
    {"gateway": _GATEWAY, "since": {**TIME, "description": "Compare from then on; a week if absent."}},
    required=["gateway"],
)

ALARMS: JsonSchema = listing(
    table(
        {
            "id": TEXT,
            "kind": TEXT,
            "about": TEXT,
            "facts": ANY_OBJECT,
            "raised_at": TIME,
            "closed_at": nullable(TIME),
        }
    )
)
ALARMS_QUERY: JsonSchema = closed({**PAGE["properties"], "kind": {"type": "string", "maxLength": 100}})

JOB: JsonSchema = table(
    {
        "id": TEXT,
        "kind": TEXT,
        "state": {"enum": ["waiting", "dead"]},
        "attempts": INTEGER,
        "due_at": TIME,
        "last_error": nullable(TEXT),
        "payload": ANY_OBJECT,
        "created_at": TIME,
    }
)
JOBS: JsonSchema = listing(JOB)
JOBS_QUERY: JsonSchema = closed({**PAGE["properties"], "state": {"enum": ["waiting", "dead"]}})
