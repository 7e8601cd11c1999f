"""JSON Schemas of the catalog: what is on sale, as everybody sees it."""

from storefront.shapes import ANY_OBJECT, BOOLEAN, INTEGER, MONEY, TEXT, TIME, JsonSchema, closed, nullable, table

PRICE_ASKED: JsonSchema = table(
    {
        "amount": INTEGER,
        "currency": TEXT,
        "list_price": {**MONEY, "description": "In a sale: what it costs without."},
        "sale_until": nullable(TIME),
        "sale_label": nullable(TEXT),
        "pay_what_you_want": table({"min": INTEGER, "suggested": INTEGER, "max": INTEGER}),
    },
    required=["amount", "currency"],
)
EXACT: JsonSchema = table({"min": INTEGER, "max": INTEGER})
LIMIT: JsonSchema = table(
    {
        "per": TEXT,
        "count": INTEGER,
        "window": TEXT,
        "left": {**INTEGER, "description": "Of a limit for all together: how many more may be bought now."},
    },
    required=["per", "count", "window"],
)
OFFER: JsonSchema = table(
    {
        "sku": TEXT,
        "kind": TEXT,
        "title": TEXT,
        "description": nullable(TEXT),
        "picture": nullable(TEXT),
        "prices": {"type": "array", "items": PRICE_ASKED},
        "real_price": {**nullable(MONEY), "description": "A virtual price in money, at the smallest pack's rate."},
        "exact": nullable(EXACT),
        "limits": {"type": "array", "items": LIMIT},
        "grants": ANY_OBJECT,
        "available_from": nullable(TIME),
        "available_until": nullable(TIME),
        "featured": BOOLEAN,
        "badge": nullable(TEXT),
        "tax_class": nullable(TEXT),
        "metadata": ANY_OBJECT,
    }
)
CATALOG: JsonSchema = table(
    {
        "version": TEXT,
        "country": nullable(TEXT),
        "fresh_until": {**nullable(TIME), "description": "When a window opens or closes next: keep it no longer."},
        "offers": {"type": "array", "items": OFFER},
    }
)
CATALOG_QUERY: JsonSchema = closed(
    {
        "language": {"type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "examples": ["de"]},
        "country": {
            "type": "string",
            "pattern": "^[A-Z]{2}$",
            "description": "Whose prices to show to nobody in particular; with a session it must be absent.",
            "examples": ["DE"],
        },
    }
)
