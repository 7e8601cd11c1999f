"""The JSON Schemas of analytics' answers."""

from typing import Any

from storefront.core.analytics.lines import COLUMNS
from storefront.shapes import ANY_OBJECT, INTEGER, TEXT, TIME, closed, nullable, table

_DAY: dict[str, Any] = {"type": "string", "format": "date", "examples": ["2026-11-01"]}
QUERY = closed(
    {
        "from": {**_DAY, "description": "The first day (UTC); 29 days before the last if absent."},
        "to": {**_DAY, "description": "The last day, which is in the period; today if absent."},
        "currency": {**TEXT, "maxLength": 64, "description": "Only this currency, or virtual one."},
        "format": {**TEXT, "enum": ["json", "csv"], "description": "CSV holds `figures`; so does `Accept: text/csv`."},
    }
)
VALUE: dict[str, Any] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}],
    "description": "Money in the smallest unit, a count or hours as a number; a share of 1 as text.",
}
LINK = table({"to": TEXT, "filter": {"type": "object", "additionalProperties": TEXT}})
_DATE = {**TEXT, "description": "A day or a month; empty: the whole period."}
FIGURE = table(
    {
        **dict.fromkeys(COLUMNS, TEXT),
        "date": _DATE,
        "unit": {**TEXT, "enum": ["money", "share", "hours", "count"]},
        "value": VALUE,
        "count": nullable(INTEGER),
        "link": nullable(LINK),
    }
)
_REPORT = {
    "report": TEXT,
    "from": _DAY,
    "to": _DAY,
    "counted_until": {**nullable(TIME), "description": "When the newest of what is counted happened."},
    "formulas": {"type": "object", "additionalProperties": TEXT},
    "figures": {"type": "array", "items": FIGURE},
}
REPORT = table(_REPORT)
_AMOUNTS = {"type": "object", "additionalProperties": INTEGER}
_TILE = table(
    {
        "name": TEXT,
        "unit": TEXT,
        "currency": TEXT,
        "value": VALUE,
        "before": VALUE,
        "series": {"type": "array", "items": VALUE},
        "better": {**TEXT, "enum": ["up", "down"]},
        "formula": TEXT,
        "link": LINK,
        "also": {"type": "object", "additionalProperties": VALUE},
        "change": nullable(TEXT),
    }
)
_PART = table({"name": TEXT, "amount": INTEGER, "count": INTEGER, "share": TEXT, "link": LINK})
_PARTS = {"type": "array", "items": _PART}
_BAR = table({"day": _DAY, "by_source": _AMOUNTS, "refunds": INTEGER, "net": INTEGER, "link": LINK})
_REVENUE = table(
    {
        "currency": TEXT,
        "sources": {"type": "array", "items": TEXT},
        "bars": {"type": "array", "items": _BAR},
        "total": INTEGER,
        "before": INTEGER,
        "change": nullable(TEXT),
        "by_source": _AMOUNTS,
        "refunds": INTEGER,
        "formula": TEXT,
        "also": _AMOUNTS,
    }
)
_INTEGERS = {"type": "array", "items": INTEGER}
_COHORT = table(
    {"month": TEXT, "joined": INTEGER, "kept": _INTEGERS, "shares": {"type": "array", "items": TEXT}, "link": LINK}
)
_WALLET = table(
    {
        "asset": TEXT,
        "days": {
            "type": "array",
            "items": table({"day": _DAY, "into": INTEGER, "out_of": INTEGER, "held": INTEGER}),
        },
        "into": INTEGER,
        "out_of": INTEGER,
        "held": INTEGER,
        "held_before": INTEGER,
        "sources": _PARTS,
        "sinks": _PARTS,
    }
)
_TOTAL = table({"currency": TEXT, "amount": INTEGER, "parts": _AMOUNTS, "rates": ANY_OBJECT})
OVERVIEW = table(
    {
        **_REPORT,
        "currency": TEXT,
        "currencies": {"type": "array", "items": TEXT},
        "tiles": {"type": "array", "items": _TILE},
        "revenue": _REVENUE,
        "fan_funding": table({"currency": TEXT, "total": INTEGER, "parts": _PARTS}),
        "cohorts": table({"months": INTEGER, "rows": {"type": "array", "items": _COHORT}, "formula": TEXT}),
        "wallet": nullable(_WALLET),
        "wallets": {"type": "array", "items": TEXT},
        "totals": {"type": "object", "additionalProperties": _TOTAL},
    }
)
