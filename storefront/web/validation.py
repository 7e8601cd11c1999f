"""Schemas compiled once at registration, and their findings in plain English.

Requests are checked by jsonschema-rs (JSON Schema 2020-12). On the rare body with a fraction or a very
long integer a second, slower validator also refuses ``1.0`` and ``1e2`` where an integer is meant, and
integers that JavaScript would round. Messages never repeat a value: it may be a secret.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from jsonschema_rs import Draft202012Validator, ValidationError

from storefront.core.errors import FieldError, Invalid
from storefront.core.money import MAX_AMOUNT
from storefront.routing import JsonSchema

MAX_ERRORS = 20
_WHOLE = "x-whole-number"
_PLAIN = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}

_SENTENCES = {
    _WHOLE: "must be an integer, written without a fraction or exponent",
    "const": "must be {expected_value}",
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "exclusiveMinimum": "must be more than {limit}",
    "exclusiveMaximum": "must be less than {limit}",
    "multipleOf": "must be a multiple of {multiple_of}",
    "minLength": "must have at least {limit} characters",
    "maxLength": "must have at most {limit} characters",
    "pattern": "must match {pattern}",
    "format": "must be a valid {format}",
    "minItems": "must have at least {limit} entries",
    "maxItems": "must have at most {limit} entries",
    "uniqueItems": "must not hold the same entry twice",
    "minProperties": "must have at least {limit} members",
    "maxProperties": "must have at most {limit} members",
    "anyOf": "fits none of the forms that are allowed here",
    "oneOf": "fits none of the forms that are allowed here",
    "falseSchema": "is not allowed here",
}


class BodySchema:
    """A compiled request schema."""

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema
        self._validator = _compiled(msgspec.json.encode(schema))
        self._is_valid = self._validator.is_valid
        self._exact: Draft202012Validator | None = None

    def check(self, document: Any, *, odd_numbers: bool = False, prefix: str = "/") -> None:
        """Raise ``Invalid`` with every wrong field (at most 20) if the document does not fit.

        ``prefix`` replaces the first slash of the pointers (``?`` for query parameters).
        """
        if odd_numbers:
            self._check_exactly(document)
        elif not self._is_valid(document):
            raise self._refusal(self._validator.iter_errors(document), prefix)

    def _check_exactly(self, document: Any) -> None:
        if self._exact is None:
            marked = _mark_integers(self._schema)
            self._exact = Draft202012Validator(marked, validate_formats=True, keywords={_WHOLE: _WholeNumber})
        found = list(self._exact.iter_errors(document))
        if found:
            raise self._refusal(found, "/")
        too_long = [FieldError(pointer, _too_long()) for pointer in _long_integers(document)]
        if too_long:
            raise refusal(too_long)

    def _refusal(self, found: Iterable[ValidationError], prefix: str) -> Invalid:
        errors: list[FieldError] = []
        for error in found:
            errors.extend(self._explain(error))
            if len(errors) >= MAX_ERRORS:
                break
        if prefix != "/":
            errors = [FieldError(prefix + error.pointer[1:], error.message) for error in errors]
        return refusal(errors[:MAX_ERRORS])

    def _explain(self, error: ValidationError) -> Iterator[FieldError]:
        where = pointer_of(error.instance_path)
        kind = error.kind
        if kind.name == "required":
            yield FieldError(f"{where}/{escape(kind.as_dict()['property'])}", "is required")
        elif kind.name in {"additionalProperties", "unevaluatedProperties"}:
            known = _known_members(self._schema, error.schema_path[:-1])
            for name in kind.as_dict()["unexpected"]:
                yield FieldError(f"{where}/{escape(name)}", unknown_field(name, known))
        elif kind.name == "pattern" and (
            says := _part(self._schema, error.schema_path[:-1]).get("patternErrorMessage")
        ):
            yield FieldError(where, says)
        else:
            yield FieldError(where, _sentence(kind.name, kind.as_dict()))


@lru_cache(maxsize=1024)
def _compiled(schema: bytes) -> Draft202012Validator:
    """Compile a schema, written as JSON: once a process, as many routes take the same parameters."""
    return Draft202012Validator(msgspec.json.decode(schema), validate_formats=True)


def refusal(errors: Iterable[FieldError]) -> Invalid:
    """Return the 422 for these fields; its detail names the first."""
    fields = tuple(errors)
    first = fields[0]
    detail = f"{first.pointer or 'The body'}: {first.message}."
    return Invalid(detail if len(fields) == 1 else f"{detail} {len(fields) - 1} more in errors.", errors=fields)


def unknown_field(name: str, known: Iterable[str]) -> str:
    """Say that a member is unknown, and which one may have been meant."""
    near = difflib.get_close_matches(name[:64], list(known), n=1)
    return f"Unknown field; did you mean {near[0]}?" if near else "Unknown field"


def pointer_of(path: Iterable[str | int]) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join(f"/{escape(str(step))}" for step in path)


def escape(step: str) -> str:
    """Escape one step of a JSON pointer; long names are cut."""
    return step[:128].replace("~", "~0").replace("/", "~1")


class _WholeNumber:
    """The keyword that tells ``1`` from ``1.0``; JSON Schema itself does not."""

    def __init__(self, parent_schema: Mapping[str, Any], value: Any, schema_path: list[str | int]) -> None:
        del parent_schema, value, schema_path

    def validate(self, instance: Any) -> None:
        if type(instance) is float and instance.is_integer():
            raise ValueError("not an integer")


def _mark_integers(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        marked = {name: _mark_integers(part) for name, part in schema.items()}
        kinds = marked.get("type")
        if kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds and "number" not in kinds):
            marked[_WHOLE] = True
        return marked
    if isinstance(schema, list | tuple):
        return [_mark_integers(part) for part in schema]
    return schema


def _long_integers(document: Any, where: str = "") -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _long_integers(value, f"{where}/{escape(name)}")
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from _long_integers(value, f"{where}/{index}")
    elif type(document) is int and not -MAX_AMOUNT <= document <= MAX_AMOUNT:
        yield where


def _too_long() -> str:
    return f"must lie between -{MAX_AMOUNT} and {MAX_AMOUNT}"


def _known_members(schema: Any, path: Iterable[str | int]) -> list[str]:
    return list(_part(schema, path).get("properties", ()))


def _part(schema: Any, path: Iterable[str | int]) -> Mapping[str, Any]:
    """Return the schema at this path; nothing behind a $ref: the message is still right, only the hint is missing."""
    part = schema
    for step in path:
        try:
            part = part[step]
        except (KeyError, IndexError, TypeError):
            return {}
    return part if isinstance(part, Mapping) else {}


def _sentence(name: str, facts: Mapping[str, Any]) -> str:
    if name == "type":
        return "must be " + " or ".join(_PLAIN.get(kind, kind) for kind in facts["types"])
    if name == "enum":
        return f"must be one of {_listed(facts['options'])}"
    if name == "minLength" and facts["limit"] == 1:
        return "must not be empty"
    return _SENTENCES.get(name, "is not valid").format_map(facts)


def _listed(options: Any) -> str:
    return ", ".join(str(option) for option in options) if isinstance(options, list) else str(options)
