"""Holds values against the annotations of the library's request types: names, types, enums, nesting, what is required.

A value is text or JSON's own, a list, or a tree (name -> value). Forms have text only; JSON has types.
"""

import re
import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import typing_extensions
from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject

Value = Any
_FORMS = {
    int: re.compile(r"-?\d{1,19}"),
    float: re.compile(r"-?\d+(\.\d+)?"),
    Decimal: re.compile(r"-?\d+(\.\d+)?"),
    bool: re.compile(r"true|false"),
}
_JSON: dict[Any, tuple[type, ...]] = {int: (int,), float: (int, float), Decimal: (str,), bool: (bool,)}
_OF_THE_CALL = frozenset(RequestOptions.__annotations__)


def problems(value: Value, hint: Any, name: str, *, is_json: bool) -> Iterator[str]:
    """Yield what is wrong with a value; ``name`` says where it stands (``line_items[0][price_data]``)."""
    origin = get_origin(hint)
    if origin in (NotRequired, Required):
        yield from problems(value, get_args(hint)[0], name, is_json=is_json)
    elif origin is Literal:
        if value not in get_args(hint):
            yield f"{name}: {value!r} is none of {', '.join(map(repr, get_args(hint)))}"
    elif origin in (Union, types.UnionType):
        yield from _of_union(value, get_args(hint), name, is_json=is_json)
    elif origin is list:
        yield from _of_list(value, get_args(hint)[0], name, is_json=is_json)
    elif origin is dict:
        yield from _of_dict(value, get_args(hint)[1], name, is_json=is_json)
    elif typing_extensions.is_typeddict(hint):
        yield from tree_problems(value, hint, name, is_json=is_json)
    elif hint is not Any:
        yield from _of_leaf(value, hint, name, is_json=is_json)


def tree_problems(value: Value, hint: Any, name: str, *, is_json: bool) -> Iterator[str]:
    """Yield what is wrong with a tree of parameters."""
    if not isinstance(value, Mapping):
        yield f"{name or 'the parameters'}: must be a hash"
        return
    known = _members(hint)
    for member, given in value.items():
        where = f"{name}[{member}]" if name else str(member)
        if member not in known:
            yield f"{where}: unknown parameter"
        else:
            yield from problems(given, known[member], where, is_json=is_json)
    for member, annotation in known.items():
        if get_origin(annotation) is not NotRequired and member not in value:
            yield f"{name}[{member}]: missing" if name else f"{member}: missing"


@cache
def _members(hint: Any) -> dict[str, Any]:
    """Parameter -> annotation; what belongs to the call (keys, versions) is no parameter."""
    own = {name: annotation for name, annotation in hint.__annotations__.items() if name not in _OF_THE_CALL}
    stand_in = type(hint.__name__, (), {"__annotations__": own, "__module__": hint.__module__})
    return typing_extensions.get_type_hints(stand_in, include_extras=True)


def _of_union(value: Value, alternatives: tuple[Any, ...], name: str, *, is_json: bool) -> Iterator[str]:
    """Yield what is wrong with a value that may be several things.

    The library writes an enum that may grow as ``Literal[…] | str``: what it does not name, Stripe refuses today.
    """
    is_enum = any(get_origin(one) is Literal and get_args(one) != ("",) for one in alternatives)
    possible = [one for one in alternatives if not _is_untyped(one) and not (one is str and is_enum)]
    found = [list(problems(value, one, name, is_json=is_json)) for one in possible]
    if all(found):
        yield from min(found, key=len)


def _is_untyped(hint: Any) -> bool:
    return get_origin(hint) is UntypedStripeObject or hint is type(None)


def _of_list(value: Value, each: Any, name: str, *, is_json: bool) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{name}: must be an array"
        return
    for index, item in enumerate(value):
        yield from problems(item, each, f"{name}[{index}]", is_json=is_json)


def _of_dict(value: Value, each: Any, name: str, *, is_json: bool) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{name}: must be a hash"
        return
    for member, item in value.items():
        yield from problems(item, each, f"{name}[{member}]", is_json=is_json)


def _of_leaf(value: Value, hint: Any, name: str, *, is_json: bool) -> Iterator[str]:
    if hint in (str, datetime):
        if not isinstance(value, str):
            yield f"{name}: must be a string"
        elif value == "":
            yield f"{name}: must not be empty"
    elif is_json:
        is_fit = isinstance(value, _JSON[hint]) and (hint is bool or not isinstance(value, bool))
        if not is_fit:
            yield f"{name}: must be {hint.__name__}"
    elif not isinstance(value, str) or _FORMS[hint].fullmatch(value) is None:
        yield f"{name}: {value!r} is no {hint.__name__}"
