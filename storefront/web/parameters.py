"""Query strings and HTML forms: flat text, converted by a flat schema and then checked by it.

A schema here is an object of string, integer, boolean and enum parameters. Unknown and repeated
parameters are refused; defaults are filled in. Errors point at ``?name`` in a query, ``/name`` in a form.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from storefront.core.errors import FieldError, Malformed
from storefront.routing import JsonSchema
from storefront.web.validation import BodySchema, refusal, unknown_field

MAX_FIELDS = 100

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}


class Parameters:
    """A compiled flat schema; ``prefix`` is put before a name in error pointers."""

    def __init__(self, schema: JsonSchema, *, prefix: str) -> None:
        self._types: dict[str, str] = {
            name: part.get("type", "string") for name, part in schema.get("properties", {}).items()
        }
        self._open = schema.get("additionalProperties") is not False
        self._defaults = {
            name: part["default"] for name, part in schema.get("properties", {}).items() if "default" in part
        }
        self._schema = BodySchema(schema)
        self._prefix = prefix
        self._has_required = bool(schema.get("required"))

    def parse(self, text: str) -> dict[str, Any]:
        """Return the converted parameters of ``a=1&b=2``; raises ``Invalid`` or ``Malformed``."""
        values = self._defaults.copy()
        if not text and not self._has_required:
            return values
        wrong: list[FieldError] = []
        seen: set[str] = set()
        for name, value in _pairs(text):
            if name in seen:
                wrong.append(self._error(name, "must be given once"))
            elif name not in self._types and not self._open:
                wrong.append(self._error(name, unknown_field(name, self._types)))
            else:
                message = self._convert(name, value, values)
                if message:
                    wrong.append(self._error(name, message))
            seen.add(name)
        if wrong:
            raise refusal(wrong)
        self._schema.check(values, prefix=self._prefix)
        return values

    def _convert(self, name: str, text: str, values: dict[str, Any]) -> str | None:
        match self._types.get(name, "string"):
            case "integer":
                if not _INTEGER.fullmatch(text):
                    return "must be an integer"
                values[name] = int(text)
            case "boolean":
                if text not in _BOOLEANS:
                    return "must be true or false"
                values[name] = _BOOLEANS[text]
            case _:
                values[name] = text
        return None

    def _error(self, name: str, message: str) -> FieldError:
        return FieldError(f"{self._prefix}{name[:128]}", message)


NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("The parameters are not valid UTF-8, or too many.") from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Malformed("A parameter holds a NUL character.")
    return pairs
