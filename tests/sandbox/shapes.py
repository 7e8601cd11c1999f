"""Holds JSON objects against the annotations of the pinned Stripe library, and against an example's members."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, Union

from stripe._list_object import ListObject
from stripe._object_classes import get_object_class
from stripe._stripe_object import StripeObject, UntypedStripeObject

_UNIONS = (Union, types.UnionType)
_PLAIN: Mapping[Any, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}


def against_annotations(body: Mapping[str, Any], resource: type[StripeObject], path: str) -> Iterator[str]:
    """Every way in which an object is not what the library's class says: names, types, words of an enumeration.

    A member annotated as ``Optional`` may be ``null`` or absent; any other must be there.
    """
    members = _members(resource)
    for name, hint in members.items():
        if name not in body and type(None) not in typing.get_args(hint):
            yield f"{path}.{name}: annotated, not answered"
    for name, value in body.items():
        where = f"{path}.{name}"
        if name not in members:
            yield f"{where}: answered, not annotated"
        else:
            yield from _mismatches(value, members[name], where)


def against_example(body: Mapping[str, Any], example: Mapping[str, Any], path: str) -> Iterator[str]:
    """Every member of the example that the object lacks; ``metadata`` and the object of an event are anyone's."""
    for name, shown in example.items():
        where = f"{path}.{name}"
        if name not in body:
            yield f"{where}: in the example, not answered"
        elif isinstance(shown, dict) and isinstance(body[name], dict) and name not in ("metadata", "payload"):
            if where != "event.data":
                yield from against_example(body[name], shown, where)
        elif isinstance(shown, list) and shown and isinstance(shown[0], dict) and isinstance(body[name], list):
            for one in body[name]:
                yield from against_example(one, shown[0], f"{where}[]")


def resource_of(body: Mapping[str, Any]) -> type[StripeObject]:
    """The library's class of an object that names itself."""
    return get_object_class("V1", body["object"])


def _mismatches(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin, arms = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        yield from _in_union(value, arms, path)
    elif origin is Literal:
        if value not in arms:
            yield f"{path}: {value!r} is no word of the enumeration"
    elif origin is list or origin is ListObject:
        yield from _in_list(value, arms[0], path, is_page=origin is ListObject)
    elif origin is dict or origin is UntypedStripeObject:
        if not isinstance(value, dict):
            yield _wrong(value, path)
        else:
            for one in value.values():
                yield from _mismatches(one, arms[-1], f"{path}{{}}")
    elif inspect.isclass(hint) and issubclass(hint, StripeObject):
        yield from _in_object(value, hint, path)
    elif hint is Decimal:
        if not _is_decimal(value):
            yield _wrong(value, path)
    elif hint is type(None):
        if value is not None:
            yield _wrong(value, path)
    elif hint is not Any and (not isinstance(value, _PLAIN[hint]) or isinstance(value, bool) is not (hint is bool)):
        yield _wrong(value, path)


def _in_union(value: Any, arms: tuple[Any, ...], path: str) -> Iterator[str]:
    # The library leaves its enumerations open (a word or any text); the emulator must stay within the words.
    if any(typing.get_origin(arm) is Literal for arm in arms):
        arms = tuple(arm for arm in arms if arm is not str)
    if value is None and type(None) in arms:
        return
    tried = [list(_mismatches(value, arm, path)) for arm in arms if arm is not type(None)]
    yield from min(tried, key=len)


def _in_list(value: Any, kind: Any, path: str, *, is_page: bool) -> Iterator[str]:
    if is_page:
        if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"}:
            yield _wrong(value, path)
            return
        value = value["data"]
    if not isinstance(value, list):
        yield _wrong(value, path)
        return
    for one in value:
        yield from _mismatches(one, kind, f"{path}[]")


def _in_object(value: Any, hint: type[StripeObject], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _wrong(value, path)
    elif hint is not StripeObject:
        named = value.get("object")
        if getattr(hint, "OBJECT_NAME", named) != named:
            yield f"{path}: {named!r} is no {hint.OBJECT_NAME}"  # type: ignore[attr-defined]
        else:
            yield from against_annotations(value, hint, path)


def _wrong(value: Any, path: str) -> str:
    return f"{path}: {type(value).__name__} is not the annotated type"


def _is_decimal(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


@cache
def _members(resource: type[StripeObject]) -> Mapping[str, Any]:
    """The resource's own annotated members; what the library keeps for itself has other names or is of the class."""
    own = {
        name: hint
        for name, hint in inspect.get_annotations(resource).items()
        if not name.startswith("_") and name != "OBJECT_NAME"
    }
    names = _names(resource.__module__)
    return typing.get_type_hints(type("Members", (), {"__annotations__": own}), globalns=names, localns=names)


@cache
def _names(module_name: str) -> dict[str, Any]:
    """What a module of the library can name, with what it imports for type checkers only."""
    module = sys.modules.get(module_name) or importlib.import_module(module_name)
    names = dict(vars(module))
    for node in ast.parse(inspect.getsource(module)).body:
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            continue
        for line in node.body:
            if isinstance(line, ast.ImportFrom) and line.module is not None:
                source = importlib.import_module(line.module)
                for alias in line.names:
                    if hasattr(source, alias.name):
                        names[alias.asname or alias.name] = getattr(source, alias.name)
    return names
