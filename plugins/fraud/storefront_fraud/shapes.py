"""JSON Schemas of decisions, lists and back-tests over HTTP."""

from storefront.shapes import ANY_OBJECT, CUSTOMER, INTEGER, TEXT, TIME, JsonSchema, closed, listing, nullable, table
from storefront_fraud.attributes import Stage
from storefront_fraud.config_schema import RULES
from storefront_fraud.rules import VERDICT_OF, Phase

_VERDICT: JsonSchema = {"type": "string", "enum": list(VERDICT_OF)}
_STAGE: JsonSchema = {"type": "string", "enum": [str(one) for one in Stage]}
_OBJECTS: JsonSchema = {"type": "array", "items": ANY_OBJECT}
DECISION = table(
    {
        "purchase": TEXT,
        "stage": _STAGE,
        "customer_id": TEXT,
        "verdict": _VERDICT,
        "decided_by": TEXT,
        "outcome": {"type": "string", "enum": ["passed", "review", "refused"]},
        "matches": _OBJECTS,
        "attributes": ANY_OBJECT,
        "anomaly": nullable(
            table(
                {
                    "score": {"type": "number"},
                    "reasons": {
                        "type": "array",
                        "items": table({"feature": TEXT, "says": TEXT, "weight": {"type": "number"}}),
                    },
                }
            )
        ),
        "rules_version": TEXT,
        "catalog_version": TEXT,
        "created_at": TIME,
    }
)
DECISIONS = listing(DECISION)
EXPLAINED = table({"purchase": TEXT, "decisions": {"type": "array", "items": DECISION}})
LIST = closed(
    {
        "verdict": {**_VERDICT, "description": "Only these."},
        "customer": CUSTOMER,
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "after": {"type": "string", "maxLength": 120, "description": "The `next` of the page before."},
    }
)
SHOWN_RULES = table(
    {
        "rules_version": TEXT,
        "data": {
            "type": "array",
            "items": table(
                {
                    "id": TEXT,
                    "do": {"type": "string", "enum": [str(one) for one in Phase]},
                    "mode": {"type": "string", "enum": ["enforce", "shadow"]},
                    "stage": _STAGE,
                    "when": TEXT,
                    "on_missing": TEXT,
                    "matched": INTEGER,
                    "errors": INTEGER,
                    "last_error": nullable(TEXT),
                }
            ),
        },
    }
)
LISTS = table({"data": {"type": "array", "items": table({"list": TEXT, "values": INTEGER})}})
ONE_LIST = table(
    {
        "list": TEXT,
        "data": {
            "type": "array",
            "items": table(
                {
                    "value": TEXT,
                    "reason": TEXT,
                    "actor": TEXT,
                    "created_at": nullable(TIME),
                    "expires_at": nullable(TIME),
                }
            ),
        },
    }
)
_VALUES: JsonSchema = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f\x7f]*$"},
    "minItems": 1,
    "maxItems": 1000,
    "examples": [["ada"]],
}
_REASON: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f\x7f]*$"}
ADD = closed(
    {
        "values": _VALUES,
        "reason": {**_REASON, "description": "Kept with them.", "examples": ["chargeback ring"]},
        "for": {"type": "string", "maxLength": 8, "description": "For how long; without it, until they are removed.",
                "examples": ["30d"]},
    },
    required=["values", "reason"],
)  # fmt: skip
REMOVE = closed({"values": _VALUES}, required=["values"])
TEST = closed(
    {
        "since": {"type": "string", "maxLength": 40, "description": "A duration, or an instant.", "examples": ["30d"]},
        "rules": {**RULES, "description": "Other rules than the shop's own."},
    },
    required=["since"],
)
_COUNTS = {"total": INTEGER, "stopped_then": INTEGER, "stopped_now": INTEGER}
TESTED = table(
    {
        "since": TIME,
        "rules_version": TEXT,
        "decisions": INTEGER,
        "purchases": INTEGER,
        "same": INTEGER,
        "then": ANY_OBJECT,
        "now": ANY_OBJECT,
        "disputes": table(_COUNTS),
        "good": table(_COUNTS),
        "good_customers_hit": INTEGER,
        "rules": _OBJECTS,
        "unknown": ANY_OBJECT,
        "changes": _OBJECTS,
        "more_changes": INTEGER,
    }
)
