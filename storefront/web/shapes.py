"""JSON Schemas of the core's routes: what they take and what they answer."""

from storefront.core.money import MAX_AMOUNT
from storefront.shapes import (
    AMOUNT,
    ANY_OBJECT,
    BOOLEAN,
    CHANGED,
    CODES,
    CURRENCY,
    CUSTOMER,
    ENTITLEMENT,
    INTEGER,
    ITEM,
    METADATA,
    MONEY,
    PRICE,
    QUANTITY,
    SKU,
    TEXT,
    TIME,
    WALLET,
    JsonSchema,
    closed,
    listing,
    nullable,
    table,
)

PAGE: JsonSchema = closed(
    {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "after": {"type": "string", "maxLength": 500, "description": "The `next` of the page before."},
    }
)
OF_CUSTOMER: JsonSchema = closed(
    {"customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."}}
)
CREATE_SESSION: JsonSchema = closed(
    {
        "customer": CUSTOMER,
        "ttl_seconds": {"type": "integer", "minimum": 60, "maximum": 900, "default": 900},
        "country": {"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["DE"]},
    },
    required=["customer"],
)
SESSION_LINKS: JsonSchema = {
    "type": "object",
    "properties": {"shop": TEXT},
    "required": ["shop"],
    "additionalProperties": TEXT,
    "description": "Pages that open for this customer: the shop's, and those in its menu, such as `account`.",
}
SESSION: JsonSchema = table({"token": TEXT, "customer": TEXT, "expires_at": TIME, "links": SESSION_LINKS})

STATE: JsonSchema = table(
    {
        "customer": TEXT,
        "version": INTEGER,
        "as_of": TIME,
        "fresh_until": nullable(TIME),
        "server_time": TIME,
        "sandbox": BOOLEAN,
        "entitlements": {"type": "object", "additionalProperties": ENTITLEMENT},
        "features": ANY_OBJECT,
        "wallets": {"type": "object", "additionalProperties": WALLET},
        "items": {"type": "array", "items": ITEM},
        "subscriptions": {"type": "array", "items": ANY_OBJECT},
        "badges": {"type": "array", "items": TEXT},
        "lease": {
            **nullable(TEXT),
            "description": "The state with `lease_until`, signed (a compact JWS, Ed25519, `typ` `lease+jwt`): what a "
            "client may go by while it cannot ask. Its keys: `/.well-known/jwks.json`. Null where the shop gives none.",
        },
    }
)

_WANTED = {
    "customer": {**CUSTOMER, "description": "Who buys: required with a server key, absent with a session."},
    "sku": SKU,
    "quantity": {**QUANTITY, "default": 1},
    "currency": {**CURRENCY, "description": "Which of the offer's prices; the first that fits if absent."},
    "pay_with": {
        "type": "string",
        "minLength": 1,
        "maxLength": 64,
        "description": "`wallet`, or the name of a payment gateway.",
        "examples": ["wallet"],
    },
    "details": {"type": "object", "description": "What the offer's kind asks for."},
    "amount": {
        "anyOf": [AMOUNT, PRICE],
        "description": "What the buyer chooses, where it is theirs to choose: a price to pay, in the smallest unit of "
        "its currency; or, of an offer with `exact`, how much of the virtual currency to buy.",
        "examples": [500],
    },
    **CODES,
}
CREATE_QUOTE: JsonSchema = closed(_WANTED, required=["sku"])
LINES: JsonSchema = {"type": "array", "items": table({"type": TEXT, "title": TEXT, "total": MONEY})}
QUOTE: JsonSchema = table(
    {
        "catalog_version": TEXT,
        "sku": TEXT,
        "quantity": INTEGER,
        "lines": LINES,
        "total": MONEY,
        "pay_with": TEXT,
        "real_price": {**nullable(MONEY), "description": "Of a virtual total: about what it is in money."},
    }
)
CREATE_PURCHASE: JsonSchema = closed(
    {
        **_WANTED,
        "recipient": {
            **CUSTOMER,
            "description": "Who receives what is bought, if not the buyer: a gift. With a session, a customer of this "
            "shop; with a server key, also one who was never here.",
        },
        "expected_price": {**PRICE, "description": "The total that was shown; another one is refused."},
        "metadata": METADATA,
        "return_url": {
            "type": "string",
            "maxLength": 1000,
            "description": "Where the payment page sends the buyer back; its origin must be allowed.",
        },
        "payment_method": {
            "type": "string",
            "pattern": "^pmt_[a-z2-7]{26}$",
            "description": "A saved method of this customer's, charged at once without a payment page. If their bank "
            "asks for them, the purchase is pending and `payment.redirect_url` is the bank's page.",
        },
        "save_payment_method": {
            "type": "boolean",
            "default": False,
            "description": "Let the gateway keep what the buyer pays with, for later purchases.",
        },
    },
    required=["sku"],
)
PAYMENT_METHOD: JsonSchema = table(
    {
        "id": TEXT,
        "gateway": TEXT,
        "kind": TEXT,
        "brand": nullable(TEXT),
        "last4": nullable(TEXT),
        "expires": nullable(TEXT),
        "created_at": TIME,
    }
)
PAYMENT_METHODS: JsonSchema = listing(PAYMENT_METHOD)
CREATE_SETUP: JsonSchema = closed(
    {
        "customer": CUSTOMER,
        "gateway": {"type": "string", "maxLength": 40, "description": "Who keeps the method; else the first that can."},
        "currency": {**CURRENCY, "description": "What will be paid with it; the first price's if absent."},
        "return_url": {
            "type": "string",
            "maxLength": 1000,
            "description": "Where the gateway's page sends the customer back; its origin must be allowed.",
        },
    }
)
SETUP: JsonSchema = table(
    {
        "id": TEXT,
        "gateway": TEXT,
        "state": TEXT,
        "redirect_url": nullable(TEXT),
        "payment_method": nullable(TEXT),
        "created_at": TIME,
    }
)
REFUND_SUMMARY: JsonSchema = table(
    {"id": TEXT, "number": INTEGER, "state": TEXT, "amount": MONEY, "quantity": INTEGER, "created_at": TIME}
)
PURCHASE: JsonSchema = table(
    {
        "id": TEXT,
        "customer": {
            "type": "object",
            "properties": {"id": TEXT, "from_version": INTEGER, "version": INTEGER, "changed": CHANGED},
            "required": ["id"],
        },
        "recipient": {**nullable(table({"id": TEXT})), "description": "Who receives it; null where the buyer does."},
        "sku": TEXT,
        "quantity": INTEGER,
        "status": TEXT,
        "refunded": TEXT,
        "refunds": {"type": "array", "items": REFUND_SUMMARY},
        "dispute": TEXT,
        "auto_top_up": {**nullable(TEXT), "description": "The automatic top-up that it was bought by, if one did."},
        "total": MONEY,
        "lines": LINES,
        "pay_with": TEXT,
        "payment": {
            "type": "object",
            "properties": {
                "state": {
                    **TEXT,
                    "description": "`none` (wallet, free), `awaiting` its payer, `processing` (the payer has done all, "
                    "a delayed method brings the money), `received`, `voided` or `refunded`.",
                },
                "gateway": TEXT,
                "redirect_url": nullable(TEXT),
                "failure": {**nullable(TEXT), "description": "Why it failed, in the gateway's own code."},
            },
            "required": ["state"],
        },
        "catalog_version": TEXT,
        "details": ANY_OBJECT,
        "metadata": ANY_OBJECT,
        "created_at": TIME,
        "completed_at": nullable(TIME),
        "expires_at": nullable(TIME),
    }
)
PURCHASES: JsonSchema = listing(PURCHASE)
_RECEIPT: JsonSchema = table(
    {
        "purchase": TEXT,
        "series": TEXT,
        "number": nullable(INTEGER),
        "label": nullable(TEXT),
        "issued_at": nullable(TIME),
        "document": ANY_OBJECT,
        "jws": nullable(TEXT),
    }
)
RECEIPT: JsonSchema = table({**_RECEIPT["properties"], "credit_notes": {"type": "array", "items": _RECEIPT}})
JWKS: JsonSchema = table({"keys": {"type": "array", "items": ANY_OBJECT}})
REASON: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 500,
    "description": "Why, for the books: it is kept for ever, so nothing personal belongs here.",
    "examples": ["lost in the outage of 3 May"],
}
CREATE_GRANT: JsonSchema = closed(
    {
        "customer": CUSTOMER,
        "asset": {**CURRENCY, "description": "A virtual currency; with `amount`.", "examples": ["gems"]},
        "amount": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_AMOUNT,
            "description": "How much, in the smallest unit.",
        },
        "expires_at": {**TIME, "description": "Until when what is given can be spent; for ever if absent."},
        "sku": {**SKU, "description": "Instead of a currency: the goods and rights of this offer."},
        "quantity": {**QUANTITY, "description": "How many of the offer; 1 if absent."},
        "reason": REASON,
    },
    required=["customer", "reason"],
)
GRANT: JsonSchema = table(
    {
        "id": TEXT,
        "customer": {
            "type": "object",
            "properties": {"id": TEXT, "from_version": INTEGER, "version": INTEGER, "changed": CHANGED},
            "required": ["id"],
        },
        "asset": nullable(TEXT),
        "amount": nullable(INTEGER),
        "sku": nullable(TEXT),
        "quantity": nullable(INTEGER),
        "reason": TEXT,
        "actor": TEXT,
        "expires_at": nullable(TIME),
        "created_at": TIME,
    }
)
GRANTS: JsonSchema = listing(GRANT)
CHECK_QUERY: JsonSchema = closed(
    {
        "customer": {**CUSTOMER, "description": "Whose, with a server key; absent with a session."},
        "amount": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1, "default": 1},
    }
)
CHECK: JsonSchema = table(
    {
        "allowed": BOOLEAN,
        "reason": TEXT,
        "required": INTEGER,
        "remaining": nullable(INTEGER),
        "resets_at": nullable(TIME),
        "value": {},
        "expires_at": nullable(TIME),
        "offers": {"type": "array", "items": TEXT},
    }
)
EVENT: JsonSchema = table(
    {
        "specversion": TEXT,
        "id": TEXT,
        "source": TEXT,
        "type": TEXT,
        "subject": TEXT,
        "time": TIME,
        "datacontenttype": TEXT,
        "sequence": TEXT,
        "data": ANY_OBJECT,
    }
)
EVENTS: JsonSchema = listing(EVENT)
CREATE_KEY: JsonSchema = closed(
    {
        "kind": {"enum": ["server", "publishable", "operator"]},
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
        "scopes": {"type": "array", "items": {"type": "string", "maxLength": 64}, "minItems": 1, "maxItems": 50},
        "expires_in_days": {"type": "integer", "minimum": 1, "maximum": 3650},
    },
    required=["kind", "name"],
)
KEY: JsonSchema = table(
    {
        "id": TEXT,
        "kind": TEXT,
        "name": TEXT,
        "scopes": {"type": "array", "items": TEXT},
        "created_at": TIME,
        "expires_at": nullable(TIME),
        "revoked_at": nullable(TIME),
    }
)
NEW_KEY: JsonSchema = table({**KEY["properties"], "key": TEXT})
KEYS: JsonSchema = listing(KEY)
MOVE_CLOCK: JsonSchema = closed(
    {
        "advance": {
            "type": "string",
            "pattern": "^((0|[1-9][0-9]{0,4})[smhd]){1,4}$",
            "patternErrorMessage": "must be a whole number with a unit, s, m, h or d, or up to four together: "
            "45d, 90m, 47h30m",
            "examples": ["45d", "90m", "47h30m"],
        }
    },
    required=["advance"],
)
CLOCK: JsonSchema = table({"now": TIME, "steps": INTEGER, "done": BOOLEAN})
