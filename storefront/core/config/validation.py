"""JSON Schema with the configuration's own annotations, and the walk from a value to the schemas that speak of it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import cache, cached_property
from typing import Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from storefront.core.config.currencies import real_currencies
from storefront.core.config.forms import wrong_form
from storefront.core.config.mistakes import Path, show_key

AnySchema = Mapping[str, object]
_MISSING = object()
_MOST_UNKNOWN = 20
_DOLLAR = re.compile(r"(\\.|\[(?:\\.|[^\]\\])*\])|\$")
_COMMON = ("USD", "EUR", "GBP", "JPY")


class Checker(Protocol):
    """The part of a jsonschema validator that is used here."""

    def iter_errors(self, instance: object) -> Iterator[ValidationError]: ...

    def evolve(self, *, schema: AnySchema) -> "Checker": ...

    def is_valid(self, instance: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class Names:
    """What the document declares, for keys and texts that refer to it. ``entitlements`` is ``None`` for any."""

    assets: Sequence[str]
    offers: Sequence[str]
    entitlements: Sequence[str] | None
    meters: Sequence[str] = ()


def make_checker(schema: AnySchema, names: Names) -> Checker:
    """A validator for ``schema``; integers are integers (``1.0`` is none), and nothing is ever fetched."""
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    known = known_names(names)
    keywords = {
        "pattern": lambda _, pattern, value, __: _wrong_pattern(pattern, value),
        "x-keys": lambda _, kind, value, __: _wrong_keys(known[kind], kind, value),
        "x-ref": lambda _, kind, value, __: _wrong_reference(known[kind], kind, value),
        "x-form": lambda _, form, value, __: _wrong_form(form, value),
        "x-min-bytes": lambda _, least, value, __: _too_short(least, value),
    }
    extended: Callable[..., Callable[..., Checker]] = extend
    return extended(Draft202012Validator, keywords, type_checker=types)(dict(schema), registry=Registry())


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """``; did you mean gems?`` or nothing."""
    spelled = {name.lower(): name for name in known}
    wanted = word[:100].lower()
    close = get_close_matches(wanted, spelled, n=4, cutoff=0.6)
    if not close:
        return ""
    # Of equally close names the first that is known, which is the commonest: US is USD, not UZS.
    score = SequenceMatcher(None, wanted, close[0]).ratio()
    best = next(name for name in spelled if name in close and SequenceMatcher(None, wanted, name).ratio() >= score)
    return f"; did you mean {show_key(spelled[best])}?"


def known_names(names: Names) -> dict[str, Sequence[str] | None]:
    """Return by kind of reference what it may name, the commonest first; None where anything may stand."""
    currencies = list(dict.fromkeys((*_COMMON, *real_currencies())))
    return {
        "asset": [*names.assets, *currencies],
        "virtual-asset": names.assets,
        "currency": currencies,
        "offer": names.offers,
        "entitlement": names.entitlements,
        "meter": names.meters,
    }


def _wrong_keys(known: Sequence[str] | None, kind: str, value: object) -> Iterator[ValidationError]:
    if not isinstance(value, dict) or known is None:
        return
    unknown = [key for key in value if key not in known]
    for key in unknown[:_MOST_UNKNOWN]:
        yield ValidationError(_unknown(key, kind, known), path=(key,))
    if rest := unknown[_MOST_UNKNOWN:]:
        yield ValidationError(f"is not known here, the first of {len(rest)} more", path=(rest[0],))


def _wrong_reference(known: Sequence[str] | None, kind: str, value: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and known is not None and value not in known:
        yield ValidationError(_unknown(value, kind, known))


def _unknown(name: str, kind: str, known: Sequence[str]) -> str:
    shown = show_key(name)
    hint = did_you_mean(name, known)
    if kind == "currency" or (kind == "asset" and name.isupper()):
        return f"{shown} is not a currency of ISO 4217{hint}"
    if kind in ("asset", "virtual-asset"):
        return f"{shown} is not an asset of this shop{hint or _list(known, 'declared under assets')}"
    return f"{shown} is not an {kind} of this configuration{hint}"


def _list(known: Sequence[str], where: str) -> str:
    mine = [show_key(name) for name in known if not name.isupper()][:8]
    return f"; {', '.join(mine)} {'is' if len(mine) == 1 else 'are'} {where}" if mine else f"; none is {where}"


def _wrong_form(form: str, value: object) -> Iterator[ValidationError]:
    wrong = wrong_form(form, value) if isinstance(value, str) else None
    if wrong is not None:
        yield ValidationError(wrong)


def _wrong_pattern(pattern: str, value: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.search(_to_the_end(pattern), value):
        yield ValidationError(f"must match {pattern}")


@cache
def _to_the_end(pattern: str) -> str:
    """A pattern of JSON Schema for Python, whose ``$`` would also stand before a last line break."""
    return _DOLLAR.sub(lambda found: found[1] or r"\Z", pattern)


def _too_short(least: int, value: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and len(value.encode()) < least:
        yield ValidationError(f"must be at least {least} bytes long, so that it cannot be guessed")


class WholeSchema(dict[str, object]):
    """The schema of a whole document, made once and never changed."""

    @cached_property
    def ways_to_secrets(self) -> Collection[int]:
        """The ``id()`` of every schema in it that is secret, or that leads to one that is."""
        parents: dict[int, list[int]] = {}
        secrets: list[int] = []
        for schema in _mappings(self):
            inner = [one for one in _inside(schema) if isinstance(one, Mapping)]
            if isinstance(schema.get("$ref"), str) and isinstance(led_to := resolved(self, schema["$ref"]), Mapping):
                inner.append(led_to)
            for one in inner:
                parents.setdefault(id(one), []).append(id(schema))
            if schema.get("secret") is True:
                secrets.append(id(schema))
        found: set[int] = set()
        while secrets:
            way = secrets.pop()
            if way not in found:
                found.add(way)
                secrets += parents.get(way, ())
        return found


def _mappings(schema: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    yield schema
    for inner in _inside(schema):
        if isinstance(inner, Mapping):
            yield from _mappings(inner)


def _inside(schema: Mapping[str, object]) -> Iterator[object]:
    for value in schema.values():
        yield from value if isinstance(value, list) else (value,)


class SchemaWalk:
    """Finds the schemas that speak of a value, through references, ``allOf``, alternatives and ``if``.

    With ``only`` it leaves out all schemas but those (by their ``id()``), and does not go where none is left.
    """

    def __init__(self, root: AnySchema, checker: Checker, only: Collection[int] | None = None) -> None:
        self._root = root
        self._checker = checker
        self._only = only

    def everything(self, value: object) -> Iterator[tuple[Path, object, list[AnySchema]]]:
        """Every value of the document, with the schemas that speak of it."""
        yield from self._below((), value, self._expand(self._root, value))

    def below(self, schema: AnySchema, value: object) -> Iterator[tuple[Path, object, list[AnySchema]]]:
        """Every value in one that ``schema`` speaks of, with the schemas that speak of it."""
        yield from self._below((), value, self._expand(schema, value))

    def along(self, value: object, path: Path) -> list[list[AnySchema]]:
        """For each beginning of ``path``, the whole path last, the schemas that speak of what stands there."""
        levels = [self._expand(self._root, value)]
        for step in path:
            value = _step(value, step)
            levels.append(self._children(levels[-1], step, value))
        return levels

    def _below(
        self, path: Path, value: object, schemas: list[AnySchema]
    ) -> Iterator[tuple[Path, object, list[AnySchema]]]:
        if not schemas:
            return
        yield path, value, schemas
        steps: Sequence[str | int] = list(value) if isinstance(value, dict) else ()
        if isinstance(value, list):
            steps = range(len(value))
        for step in steps:
            inner = _step(value, step)
            yield from self._below((*path, step), inner, self._children(schemas, step, inner))

    def _children(self, schemas: list[AnySchema], step: str | int, value: object) -> list[AnySchema]:
        return [found for schema in schemas for child in _direct(schema, step) for found in self._expand(child, value)]

    def _expand(self, schema: object, value: object, depth: int = 0) -> list[AnySchema]:
        if not isinstance(schema, Mapping) or depth > 20 or self._is_left_out(schema):
            return []
        found: list[AnySchema] = [schema]
        inner: list[object] = []
        for keyword in ("allOf", "anyOf", "oneOf"):
            branches = schema.get(keyword)
            inner += branches if isinstance(branches, list) else []
        if "$ref" in schema:
            inner.append(resolved(self._root, schema["$ref"]))
        condition = schema.get("if")
        ends = [one for one in (schema.get("then"), schema.get("else")) if one is not None]
        if isinstance(condition, Mapping) and value is not _MISSING and not all(map(self._is_left_out, ends)):
            holds = self._checker.evolve(schema=condition).is_valid(value)
            inner.append(schema.get("then" if holds else "else"))
        for one in inner:
            found += self._expand(one, value, depth + 1)
        return found

    def _is_left_out(self, schema: object) -> bool:
        return self._only is not None and id(schema) not in self._only


def resolved(root: AnySchema, reference: object) -> object:
    """What a reference inside ``root`` leads to; None if it leads nowhere."""
    found: object = root
    for step in str(reference).removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(name)] if name.isdecimal() and int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _direct(schema: AnySchema, step: str | int) -> Iterator[object]:
    if isinstance(step, int):
        yield schema.get("items")
        return
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and step in properties:
        yield properties[step]
    else:
        yield schema.get("additionalProperties")


def _step(value: object, step: str | int) -> object:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step, _MISSING)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return _MISSING
