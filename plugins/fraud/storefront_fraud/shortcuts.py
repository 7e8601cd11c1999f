"""Conditions as plain functions: most rules compare attributes, which Python does in a tenth of the library's time.

What is made into a function is not the text but what the library made of it: its checked tree, in which every operation
has its types. So the library stays the judge of what a condition is and means. Only operations are taken that cannot
fail and that mean the same in both: comparisons of equal types, ``&&``, ``||``, ``!``, ``?:``, ``in`` a list that is
written out, ``startsWith``, ``endsWith``, ``contains`` and ``size``. Any other condition is left to the library.

Source: cel-spec, ``proto/cel/expr/checked.proto`` and ``syntax.proto`` (numbers of the fields), read 2026-11-28.
"""

import operator
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront_fraud.attributes import Value

Holds = Callable[[Mapping[str, Any]], Any]
"""Values, none of them missing -> whether a condition holds."""

Fields = Mapping[int, Sequence[int | bytes]]

_DEEPEST = 24
"""Deeper trees are left to the library: no condition may exhaust Python's stack."""
_OF_ANY, _TREE = 2, 4
_CONSTANT, _NAME, _CALL, _LIST = 3, 4, 6, 7
_BOOL, _INT, _DOUBLE, _STRING = 1, 2, 4, 5
_ORDER = {
    f"{name}_{kind}": function
    for name, function in (
        ("less", operator.lt),
        ("less_equals", operator.le),
        ("greater", operator.gt),
        ("greater_equals", operator.ge),
    )
    for kind in ("int64", "double")
}
_EQUALITY = {"equals": operator.eq, "not_equals": operator.ne}
_OF_TEXTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "starts_with_string": str.startswith,
    "ends_with_string": str.endswith,
    "contains_string": operator.contains,
}
_SIZES = frozenset({"string_size", "size_string"})


class _NotPlain(Exception):
    """The tree has something that only the library does."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a condition: ``name`` is the attribute that it is, ``constant`` the value; else it is a function."""

    kind: int
    holds: Holds
    name: str | None = None
    constant: Any = None


def shortcut_of(serialized: bytes, names: Mapping[str, str]) -> Holds | None:
    """Return a checked condition as a function; None where it has to be asked of the library.

    ``serialized``: what the library's ``Expression.serialize`` returns. ``names``: variable -> among the values, where
    the two are not called the same.
    """
    try:
        checked = _fields(_bytes(_fields(serialized), _OF_ANY))
        return _Reading(checked, names).part(_bytes(checked, _TREE), _DEEPEST).holds
    except _NotPlain:
        return None


class _Reading:
    """Makes functions of one checked tree."""

    def __init__(self, checked: Fields, names: Mapping[str, str]) -> None:
        self._names = names
        self._operations = _by_id(checked.get(2, ()), self._operation)
        self._kinds = _by_id(checked.get(3, ()), lambda found: _number(found, 3))

    def part(self, tree: bytes, depth: int) -> _Part:
        if depth == 0:
            raise _NotPlain
        fields = _fields(tree)
        place = _number(fields, 2)
        if _CONSTANT in fields:
            value = _constant(_fields(_bytes(fields, _CONSTANT)))
            return _Part(self._kind(place), lambda values: value, constant=value)
        if _NAME in fields:
            told = _bytes(_fields(_bytes(fields, _NAME)), 1).decode()
            name = self._names.get(told, told)
            return _Part(self._kind(place), operator.itemgetter(name), name=name)
        if _CALL not in fields:
            raise _NotPlain
        call = _fields(_bytes(fields, _CALL))
        # A method's subject is its first argument.
        told_parts = [one for one in (*call.get(1, ()), *call.get(3, ())) if isinstance(one, bytes)]
        holds = self._call(self._operations.get(place, ""), told_parts, depth - 1)
        return _Part(self._kind(place), holds)

    def _call(self, operation: str, told: Sequence[bytes], depth: int) -> Holds:
        if operation in ("logical_and", "logical_or"):
            parts = [self.part(one, depth).holds for one in self._chain(operation, told)]
            return _all(parts) if operation == "logical_and" else _any(parts)
        if operation == "in_list":
            return self._membership(told, depth)
        parts_told = [self.part(one, depth) for one in told]
        if operation == "logical_not":
            denied = parts_told[0].holds
            return lambda values: not denied(values)
        if operation == "conditional":
            asked, then, otherwise = (one.holds for one in parts_told)
            return lambda values: then(values) if asked(values) else otherwise(values)
        if operation in _SIZES:
            text = parts_told[0].holds
            return lambda values: len(text(values))
        return _comparison(operation, parts_told)

    def _chain(self, operation: str, told: Sequence[bytes]) -> list[bytes]:
        """Return what a row of ``&&`` (or of ``||``) joins: a long row is no deep tree."""
        found: list[bytes] = []
        waiting = list(reversed(told))
        while waiting:
            tree = waiting.pop()
            fields = _fields(tree)
            if _CALL in fields and self._operations.get(_number(fields, 2)) == operation:
                waiting += [one for one in reversed(_fields(_bytes(fields, _CALL))[3]) if isinstance(one, bytes)]
            else:
                found.append(tree)
        return found

    def _membership(self, told: Sequence[bytes], depth: int) -> Holds:
        subject, fields = self.part(told[0], depth), _fields(told[1])
        if _LIST not in fields:
            raise _NotPlain
        members = [self.part(one, depth) for one in _fields(_bytes(fields, _LIST)).get(1, ()) if isinstance(one, bytes)]
        if any(one.constant is None or one.kind != subject.kind for one in members):
            raise _NotPlain
        wanted, of = frozenset(one.constant for one in members), subject.holds
        return lambda values: of(values) in wanted

    def _kind(self, place: int) -> int:
        kind: int = self._kinds.get(place, 0)
        if kind not in (_BOOL, _INT, _DOUBLE, _STRING):
            raise _NotPlain
        return kind

    def _operation(self, reference: Fields) -> str:
        """Return which overload is called; one that is not settled beforehand is none."""
        overloads = [one for one in reference.get(3, ()) if isinstance(one, bytes)]
        return overloads[0].decode() if len(overloads) == 1 else ""


def _comparison(operation: str, parts: Sequence[_Part]) -> Holds:
    compare = _ORDER.get(operation) or _OF_TEXTS.get(operation)
    if compare is None and operation in _EQUALITY and parts[0].kind == parts[1].kind:
        compare = _EQUALITY[operation]
    if compare is None:
        raise _NotPlain
    return _compared(compare, *parts)


def _compared(compare: Callable[[Any, Any], Any], left: _Part, right: _Part) -> Holds:
    """Return a comparison; an attribute and a constant, which most are, cost one call less each."""
    name, constant = left.name, right.constant
    if name is None or constant is None:
        of_left, of_right = left.holds, right.holds
        return lambda values: compare(of_left(values), of_right(values))
    if compare is operator.gt:
        return lambda values: values[name] > constant
    if compare is operator.lt:
        return lambda values: values[name] < constant
    if compare is operator.eq:
        return lambda values: values[name] == constant
    if compare is operator.ne:
        return lambda values: values[name] != constant
    return lambda values: compare(values[name], constant)


def _all(parts: Sequence[Holds]) -> Holds:
    if len(parts) == 2:
        first, second = parts
        return lambda values: first(values) and second(values)

    def holds(values: Mapping[str, Value]) -> bool:
        for part in parts:  # noqa: SIM110 a generator costs more than most parts do
            if not part(values):
                return False
        return True

    return holds


def _any(parts: Sequence[Holds]) -> Holds:
    def holds(values: Mapping[str, Value]) -> bool:
        for part in parts:  # noqa: SIM110 as above
            if part(values):
                return True
        return False

    return holds


def _constant(fields: Fields) -> Value:
    if 2 in fields:
        return bool(_number(fields, 2))
    if 3 in fields:
        number = _number(fields, 3)
        return number - 2**64 if number >= 2**63 else number
    if 5 in fields:
        (found,) = struct.unpack("<d", _bytes(fields, 5))
        return float(found)
    if 6 in fields:
        return _bytes(fields, 6).decode()
    raise _NotPlain


def _by_id(entries: Sequence[int | bytes], read: Callable[[Fields], Any]) -> dict[int, Any]:
    """Read a map of the tree: the id of a node -> what is told of it."""
    pairs = (_fields(one) for one in entries if isinstance(one, bytes))
    return {_number(pair, 1): read(_fields(_bytes(pair, 2))) for pair in pairs}


def _number(fields: Fields, at: int) -> int:
    found = fields.get(at, (0,))[-1]
    if not isinstance(found, int):
        raise _NotPlain
    return found


def _bytes(fields: Fields, at: int) -> bytes:
    found = fields.get(at, (b"",))[-1]
    if not isinstance(found, bytes):
        raise _NotPlain
    return found


def _fields(message: bytes) -> Fields:
    """Read a message of protocol buffers: the number of a field -> its values, in order.

    Source: protobuf.dev, Encoding, read 2026-11-28.
    """
    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            found.setdefault(tag >> 3, []).append(value)
            continue
        if wire == 2:
            length, at = _varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(wire, -1)
        if length < 0 or at + length > len(message):
            raise _NotPlain
        found.setdefault(tag >> 3, []).append(message[at : at + length])
        at += length
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
    raise _NotPlain
