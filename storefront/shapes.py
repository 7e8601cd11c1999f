"""JSON Schemas of the wire shapes that several routes share; plugins' routes may use them too."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.commit.projection import TERMS
from storefront.core.money import MAX_AMOUNT
from storefront.core.promos.codes import MOST_CODES

JsonSchema = Mapping[str, Any]

LONGEST_CUSTOMER = 200


def table(properties: Mapping[str, Any], *, required: Sequence[str] | None = None) -> JsonSchema:
    """Return the schema of an answered object; every member is required unless ``required`` says less."""
    return {"type": "object", "properties": dict(properties), "required": list(required or properties)}


def closed(properties: Mapping[str, Any], *, required: Sequence[str] = ()) -> JsonSchema:
    """Return the schema of a request: members that are not named are refused."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def listing(item: JsonSchema) -> JsonSchema:
    """Return the schema of a page of a list."""
    return table({"data": {"type": "array", "items": item}, "next": nullable({"type": "string"})})


def nullable(schema: JsonSchema) -> JsonSchema:
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: JsonSchema = {"type": "string"}
INTEGER: JsonSchema = {"type": "integer"}
BOOLEAN: JsonSchema = {"type": "boolean"}
TIME: JsonSchema = {"type": "string", "format": "date-time", "examples": ["2026-11-21T09:30:00.000Z"]}
ANY_OBJECT: JsonSchema = {"type": "object"}
SKU: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 100, "examples": ["sword-of-dawn"]}
CUSTOMER: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_CUSTOMER,
    "description": "The game's own id of the customer.",
    "examples": ["ada"],
}
QUANTITY: JsonSchema = {"type": "integer", "minimum": 1, "maximum": 1_000_000, "examples": [1]}
AMOUNT: JsonSchema = {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT, "description": "In the smallest unit."}
CURRENCY: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["USD", "gems"]}
PROMO_CODE: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 100, "examples": ["WINTER30"]}
CODES: JsonSchema = {
    "promo_code": {**PROMO_CODE, "description": "A code that makes it cheaper. Case, spaces and dashes do not matter."},
    "promo_codes": {
        "type": "array",
        "items": PROMO_CODE,
        "minItems": 1,
        "maxItems": MOST_CODES,
        "description": "Several codes, instead of `promo_code`: only codes that are stackable go together.",
    },
}
"""Members of a request that may carry promo codes."""
PRICE: JsonSchema = closed({"amount": AMOUNT, "currency": CURRENCY}, required=["amount", "currency"])
MONEY: JsonSchema = table({"amount": INTEGER, "currency": TEXT})
METADATA: JsonSchema = {
    "type": "object",
    "description": "Up to 20 short texts of your own, given back with the purchase.",
    "additionalProperties": {"type": "string", "maxLength": 500},
    "maxProperties": 20,
    "propertyNames": {"maxLength": 40},
}

WALLET: JsonSchema = table(
    {
        "balance": INTEGER,
        "available": INTEGER,
        "held": INTEGER,
        "frozen": INTEGER,
        "owed": {**INTEGER, "description": "What of the next credits pays off a debt; the balance is without it."},
        "block_spending": {**BOOLEAN, "description": "Nothing of this can be spent or held while something is owed."},
        "expiring": {"type": "array", "items": table({"amount": INTEGER, "at": TIME})},
    }
)
ITEM: JsonSchema = table(
    {
        "sku": TEXT,
        "instance": TEXT,
        "number": {**nullable(INTEGER), "description": "Its serial number, if every unit is a thing of its own."},
        "quantity": INTEGER,
        "frozen": BOOLEAN,
        "expires_at": nullable(TIME),
    }
)
ENTITLEMENT: JsonSchema = table(
    {
        "active": BOOLEAN,
        "reason": TEXT,
        "source": table({"type": TEXT, "id": TEXT, "sku": nullable(TEXT)}),
        "granted_at": TIME,
        "expires_at": nullable(TIME),
        "will_renew": BOOLEAN,
        "period": TEXT,
        "billing_issue_at": nullable(TIME),
        "value": {},
    }
)
_CHANGED_ENTITLEMENT: JsonSchema = {
    **ENTITLEMENT,
    "required": [name for name in ENTITLEMENT["required"] if name not in TERMS],
    "description": "Of a subscription's right, what its billing says is left out: read it from GET /v1/me.",
}
CHANGED: JsonSchema = {
    "type": "object",
    "description": "What this commit changed, in the shapes of GET /v1/me.",
    "properties": {
        "wallets": {"type": "object", "additionalProperties": WALLET},
        "items": {"type": "array", "items": ITEM},
        "entitlements": {"type": "object", "additionalProperties": _CHANGED_ENTITLEMENT},
    },
}
CUSTOMER_CHANGE: JsonSchema = table({"id": TEXT, "from_version": INTEGER, "version": INTEGER, "changed": CHANGED})
