"""A JSON Schema's complaint in plain English: what must stand there, never what stands there now."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jsonschema.exceptions import ValidationError

from storefront.core.config.currencies import minor_units_hint, real_currencies, show_amount
from storefront.core.config.mistakes import Path, show_key
from storefront.core.config.validation import did_you_mean

_MOST_UNKNOWN = 20
_MOST_KNOWN = 30
_OWN_WORDS = ("x-keys", "x-ref", "x-form", "x-min-bytes")
_COMPARISONS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_COUNTED = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minProperties": "at least {} entries",
    "maxProperties": "at most {} entries",
}
_NOUNS = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping (`key: value` lines)",
    "array": "a list",
    "null": "empty",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong at a path. ``at_key`` points at the key, not the value.

    ``echoes`` marks a message that repeats the value. ``example`` is shown if given, else the schema's nearest example
    for ``meant`` (or the path itself). ``inside``: which character of the text at the path is meant, from 0.
    ``leaves_out``: see ``Mistake``.
    """

    path: Path
    message: str
    at_key: bool = False
    meant: Path | None = None
    example: object = None
    echoes: bool = False
    inside: int | None = None
    leaves_out: str | None = None


def explain(error: ValidationError) -> Iterator[Complaint]:
    """The complaints behind one validation error: one per unknown or missing key, the closest of alternatives."""
    path: Path = tuple(error.absolute_path)
    keyword = str(error.validator)
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if keyword in ("anyOf", "oneOf"):
        yield from _alternatives(error, path)
    elif keyword == "required":
        yield from _missing(error, path)
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        yield from _unknown_keys(error, path, schema)
    elif "propertyNames" in error.absolute_schema_path:
        yield _wrong_key(error, path, schema)
    elif keyword in _OWN_WORDS:
        at_key = keyword == "x-keys"
        yield Complaint(
            path,
            error.message,
            at_key=at_key,
            meant=path[:-1] if at_key else path,
            example=_database_like(error.instance, schema) if error.validator_value == "database" else None,
            echoes=keyword == "x-ref",
        )
    else:
        yield Complaint(path, _sentence(error, schema, path))


def _database_like(value: object, schema: Mapping[str, object]) -> object:
    """The example of the database that is meant: who writes of PostgreSQL is shown no file."""
    examples = schema.get("examples")
    if not isinstance(value, str) or not value.startswith("postgres") or not isinstance(examples, list):
        return None
    return {"url": next(one for one in examples if str(one).startswith("postgresql:"))}


def _missing(error: ValidationError, path: Path) -> Iterator[Complaint]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else []
    for key in wanted:
        # jsonschema makes one error per missing key and names it only in its message.
        if isinstance(error.instance, dict) and key not in error.instance and error.message.startswith(repr(key)):
            yield Complaint((*path, key), "is required", meant=(*path, key))


def _unknown_keys(error: ValidationError, path: Path, schema: Mapping[str, object]) -> Iterator[Complaint]:
    properties = schema.get("properties")
    known = list(properties) if isinstance(properties, Mapping) else []
    patterns = schema.get("patternProperties")
    open_forms = list(patterns) if isinstance(patterns, Mapping) else []
    keys = error.instance if isinstance(error.instance, dict) else ()
    unknown = [key for key in keys if key not in known and not any(re.search(form, key) for form in open_forms)]
    for key in unknown[:_MOST_UNKNOWN]:
        hint = did_you_mean(key, known)
        meant = next((name for name in known if hint.endswith(f" {show_key(name)}?")), None)
        if not hint and known:
            hint = f"; known here: {', '.join(known[:_MOST_KNOWN])}{' …' if len(known) > _MOST_KNOWN else ''}"
        yield Complaint((*path, key), f"unknown key{hint}", at_key=True, meant=(*path, meant) if meant else path)
    if rest := unknown[_MOST_UNKNOWN:]:
        yield Complaint((*path, rest[0]), f"unknown key, the first of {len(rest)} more", at_key=True, meant=path)


def _wrong_key(error: ValidationError, path: Path, schema: Mapping[str, object]) -> Complaint:
    key = str(error.instance)
    words = error.message if error.validator in _OWN_WORDS else _sentence(error, schema, path)
    return Complaint((*path, key), f"the name {words}" if words.startswith("must") else words, at_key=True, meant=path)


def _alternatives(error: ValidationError, path: Path) -> Iterator[Complaint]:
    """The complaints of the branch that the value comes closest to; if none fits its type, all types that would do."""
    branches: dict[object, list[ValidationError]] = defaultdict(list)
    for inner in error.context or ():
        branches[inner.relative_schema_path[0]].append(inner)
    fitting = [inners for inners in branches.values() if not any(_is_wrong_type(inner) for inner in inners)]
    if not fitting:
        schemas = error.validator_value if isinstance(error.validator_value, list) else []
        nouns = dict.fromkeys(_noun(schema) for schema in schemas if isinstance(schema, Mapping))
        money = _money_hint(error.instance, _unit_schema(schemas), path)
        yield Complaint(path, _no_value(error.instance) + f"must be {' or '.join(nouns)}{money}")
        return
    for inner in min(fitting, key=len):
        yield from explain(inner)


def _is_wrong_type(error: ValidationError) -> bool:
    return not error.relative_path and error.validator in ("type", "const")


def _sentence(error: ValidationError, schema: Mapping[str, object], path: Path) -> str:
    keyword, limit = str(error.validator), error.validator_value
    if keyword == "type":
        return _wrong_type(error.instance, schema, path)
    if keyword == "enum":
        return _one_of(error.instance, limit)
    if keyword in _COMPARISONS:
        return _number(keyword, limit, schema)
    if keyword in _COUNTED:
        return (
            "must not be empty"
            if (keyword[:3], limit) == ("min", 1)
            else f"must have {_COUNTED[keyword]}".format(limit)
        )
    return _other_words(keyword, limit, schema)


def _other_words(keyword: str, limit: object, schema: Mapping[str, object]) -> str:
    if keyword == "const":
        return f"must be {show_key(limit) if isinstance(limit, str) else str(limit).lower()}"
    if keyword == "pattern":
        return str(schema.get("patternErrorMessage") or f"must match the pattern {limit}")
    if keyword == "uniqueItems":
        return "must not hold the same entry twice"
    return f"is not allowed here (the schema's `{keyword}` refuses it)"


def _wrong_type(value: object, schema: Mapping[str, object], path: Path) -> str:
    sentence = _no_value(value) + f"must be {_noun(schema)}"
    if schema.get("type") == "integer":
        if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,18}", value):
            return f"{sentence}; remove the quotes"
        if hint := _money_hint(value, schema, path):
            return sentence + hint
        if isinstance(value, float):
            return f"{sentence}, without a decimal point"
    if schema.get("type") == "boolean" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return f"{sentence} (yes, no, on and off are plain text)"
    if schema.get("type") == "string" and isinstance(value, int | float):
        pattern, says = str(schema.get("pattern", "")), schema.get("patternErrorMessage")
        is_shaped = says is None or re.search(pattern, str(value)) is not None
        return f"{sentence}; put it in quotes" if is_shaped else f"{_no_value(value)}{says}"  # quotes alone help little
    return sentence


def _no_value(value: object) -> str:
    return "is empty; " if value is None else ""


def _money_hint(value: object, schema: Mapping[str, object], path: Path) -> str:
    if schema.get("x-unit") != "minor" or not isinstance(value, float | str):
        return ""
    currency = next((step for step in reversed(path) if isinstance(step, str) and step in real_currencies()), None)
    hint = minor_units_hint(value, currency) if currency and (isinstance(value, float) or "." in value) else None
    if currency is None:
        return ""
    return f" in minor units: {hint or f'499 means {show_amount(499, currency)}'}"


def _unit_schema(schemas: list[object]) -> Mapping[str, object]:
    return next((one for one in schemas if isinstance(one, Mapping) and "x-unit" in one), {})


def _noun(schema: Mapping[str, object]) -> str:
    kinds = schema.get("type")
    if "const" in schema:
        return str(schema["const"]).lower()
    if kinds == "integer" and schema.get("minimum") == 1:
        return "a positive integer"
    if isinstance(kinds, list):
        return " or ".join(_NOUNS.get(str(kind), str(kind)) for kind in kinds)
    enum = schema.get("enum")
    if isinstance(enum, list) and kinds in (None, "string"):
        return "one of " + ", ".join(str(word) for word in enum[:12])
    return _NOUNS.get(str(kinds), "something else")


def _one_of(value: object, words: object) -> str:
    known = [str(word) for word in words] if isinstance(words, list) else []
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    if not known:
        return "no enabled plugin brings this kind; name its plugin under plugins:"
    return f"must be {'' if len(known) == 1 else 'one of '}{', '.join(known[:20])}{hint}"


def _number(keyword: str, limit: object, schema: Mapping[str, object]) -> str:
    if keyword == "minimum" and limit == 1 and schema.get("type") == "integer":
        return "must be a positive integer"
    return f"must be {_COMPARISONS[keyword]} {limit}"
