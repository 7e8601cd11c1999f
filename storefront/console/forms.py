"""The fields of the console's forms: texts, all of them, because what is wrong in one is said on the page itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.errors import FieldError, Invalid
from storefront.shapes import closed

JsonSchema = Mapping[str, Any]
LONGEST = 2_000
_SECRET: JsonSchema = {"type": "string", "maxLength": 300}


def text(longest: int = 500) -> JsonSchema:
    """Return the schema of a field."""
    return {"type": "string", "maxLength": longest}


def form_schema(fields: Mapping[str, JsonSchema]) -> JsonSchema:
    """Return the schema of a form: its fields, and what every form of the console carries."""
    own = dict.fromkeys(("csrf", "key", "proof", "sure"), _SECRET)
    return closed({**own, **fields}, required=["csrf"])


def checked_fields(body: Mapping[str, Any], fields: Mapping[str, JsonSchema], needed: Sequence[str]) -> dict[str, str]:
    """Return a form's fields, stripped, without those that were left empty; raises ``Invalid`` for what is missing."""
    found = {name: str(body[name]).replace("\r\n", "\n").strip() for name in fields if name in body}
    filled = {name: value for name, value in found.items() if value}
    missing = [FieldError(f"/{name}", "is missing") for name in needed if name not in filled]
    if missing:
        names = ", ".join(error.pointer[1:].replace("_", " ") for error in missing)
        raise Invalid(f"Fill in: {names}.", errors=missing)
    return filled
