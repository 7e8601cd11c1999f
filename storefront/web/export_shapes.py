"""JSON Schemas of exports."""

from collections.abc import Mapping

from storefront.core.exporting.columns import Kind
from storefront.core.exporting.formats import CSV, FORMATS
from storefront.core.exporting.lists import CUSTOMER as CUSTOMER_FILTER
from storefront.core.exporting.lists import FROM, NAMES, UNTIL
from storefront.shapes import CUSTOMER, TEXT, TIME, JsonSchema, closed, listing, nullable, table

_COLUMN = table({"name": TEXT, "type": {"enum": [str(kind) for kind in Kind]}, "unit": nullable(TEXT)})
EXPORTS: JsonSchema = listing(
    table(
        {
            "list": TEXT,
            "title": TEXT,
            "scope": {**TEXT, "description": "What a key needs beside `exports:read`."},
            "filters": {"type": "array", "items": TEXT},
            "columns": {"type": "array", "items": _COLUMN},
        }
    )
)
_FILTER: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "description": "Only these, where the list has it.",
}
_TIMES: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 40, "examples": TIME["examples"]}
FORMATS_QUERY: Mapping[str, JsonSchema] = {
    "format": {"type": "string", "enum": list(FORMATS), "default": CSV},
    "bom": {"type": "boolean", "default": False, "description": "Begin CSV with a byte order mark, for Excel."},
}
EXPORT_QUERY: JsonSchema = closed(
    {
        **FORMATS_QUERY,
        **dict.fromkeys(NAMES, _FILTER),
        FROM: {**_TIMES, "description": "Only what is of then or later."},
        UNTIL: {**_TIMES, "description": "Only what is of before then."},
        CUSTOMER_FILTER: CUSTOMER,
    }
)
