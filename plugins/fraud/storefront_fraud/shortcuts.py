"""Conditions in Python: most rules compare attributes, which Python does in a fiftieth of the library's time.

What is put into Python is not the text but what the library made of it: its checked tree, in which every operation
has its types. So the library stays the judge of what a condition is and means. Only operations are taken that cannot
fail and that mean the same in both: comparisons of equal types, ``&&``, ``||``, ``!``, ``?:``, ``in`` a list that is
written out, ``startsWith``, ``endsWith``, ``contains`` and ``size``. Any other condition is left to the library.
From tree to tree: no text of a rule is ever run. All rules of a stage are one function (``asks_all``), compiled when
they are read, never in the writer.

Source: cel-spec, ``proto/cel/expr/checked.proto`` and ``syntax.proto`` (numbers of the fields), read 2026-11-28.
"""

import ast
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storefront_fraud.attributes import Value

Asks = Callable[[Mapping[str, Value], Sequence[bool]], list[int]]
"""Values, and by its place whether each rule is asked -> the places of those that hold. It raises ``KeyError`` for a
value that is missing, ``TypeError`` or ``AttributeError`` for one that is not of its type."""

Fields = Mapping[int, Sequence[int | bytes]]

_VALUES = "values"
_DEEPEST = 24
"""Deeper trees are left to the library: no condition may exhaust Python's stack."""
_OF_ANY, _TREE = 2, 4
_CONSTANT, _NAME, _CALL, _LIST = 3, 4, 6, 7
_BOOL, _INT, _DOUBLE, _STRING = 1, 2, 4, 5
_ORDER: Mapping[str, type[ast.cmpop]] = {
    f"{name}_{kind}": comparison
    for name, comparison in (
        ("less", ast.Lt),
        ("less_equals", ast.LtE),
        ("greater", ast.Gt),
        ("greater_equals", ast.GtE),
    )
    for kind in ("int64", "double")
}
_EQUALITY: Mapping[str, type[ast.cmpop]] = {"equals": ast.Eq, "not_equals": ast.NotEq}
_METHODS: Mapping[str, str] = {"starts_with_string": "startswith", "ends_with_string": "endswith"}
_CONTAINS = "contains_string"
_SIZES = frozenset({"string_size", "size_string"})


class _NotPlain(Exception):
    """The tree has something that only the library does."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a condition in Python; ``kind`` is the type of its value."""

    kind: int
    tree: ast.expr

    @property
    def constant(self) -> Any:
        return self.tree.value if isinstance(self.tree, ast.Constant) else None


def shortcut_of(serialized: bytes, names: Mapping[str, str]) -> ast.expr | None:
    """Return a checked condition in Python; None where it has to be asked of the library.

    ``serialized``: what the library's ``Expression.serialize`` returns. ``names``: variable -> among the values, where
    the two are not called the same.
    """
    try:
        checked = _fields(_bytes(_fields(serialized), _OF_ANY))
        return _Reading(checked, names).part(_bytes(checked, _TREE), _DEEPEST).tree
    except _NotPlain:
        return None


def asks_all(conditions: Sequence[tuple[int, ast.expr]]) -> Asks:
    """Return one function that asks many conditions, each under its place."""
    asks = ast.parse(f"def asks({_VALUES}, asked):\n found = []\n return found")
    function = asks.body[0]
    assert isinstance(function, ast.FunctionDef), "it was just written"
    function.body[1:1] = [_if_asked(place, condition) for place, condition in conditions]
    made: dict[str, Any] = {"__builtins__": {}, "len": len}
    code = compile(ast.fix_missing_locations(asks), "<rules>", "exec")
    exec(code, made)  # noqa: S102 a tree of ours, of comparisons alone
    found: Asks = made["asks"]
    return found


def _if_asked(place: int, condition: ast.expr) -> ast.If:
    found = ast.parse(f"if asked[{place}] and 0: found.append({place})").body[0]
    assert isinstance(found, ast.If), "it was just written"
    assert isinstance(found.test, ast.BoolOp), "it was just written"
    found.test.values[1] = condition
    return found


class _Reading:
    """Puts one checked tree into Python."""

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
            return _Part(self._kind(place), ast.Constant(_constant(_fields(_bytes(fields, _CONSTANT)))))
        if _NAME in fields:
            told = _bytes(_fields(_bytes(fields, _NAME)), 1).decode()
            name = self._names.get(told, told)
            return _Part(
                self._kind(place), ast.Subscript(ast.Name(_VALUES, ast.Load()), ast.Constant(name), ast.Load())
            )
        if _CALL not in fields:
            raise _NotPlain
        call = _fields(_bytes(fields, _CALL))
        # A method's subject is its first argument.
        told_parts = [one for one in (*call.get(1, ()), *call.get(3, ())) if isinstance(one, bytes)]
        return _Part(self._kind(place), self._call(self._operations.get(place, ""), told_parts, depth - 1))

    def _call(self, operation: str, told: Sequence[bytes], depth: int) -> ast.expr:
        if operation in ("logical_and", "logical_or"):
            joint = ast.And() if operation == "logical_and" else ast.Or()
            return ast.BoolOp(joint, [self.part(one, depth).tree for one in self._chain(operation, told)])
        if operation == "in_list":
            return self._membership(told, depth)
        return _apply(operation, [self.part(one, depth) for one in told])

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

    def _membership(self, told: Sequence[bytes], depth: int) -> ast.expr:
        subject, fields = self.part(told[0], depth), _fields(told[1])
        if _LIST not in fields:
            raise _NotPlain
        members = [self.part(one, depth) for one in _fields(_bytes(fields, _LIST)).get(1, ()) if isinstance(one, bytes)]
        if any(one.constant is None or one.kind != subject.kind for one in members):
            raise _NotPlain
        return ast.Compare(subject.tree, [ast.In()], [ast.Set([one.tree for one in members])])

    def _kind(self, place: int) -> int:
        kind: int = self._kinds.get(place, 0)
        if kind not in (_BOOL, _INT, _DOUBLE, _STRING):
            raise _NotPlain
        return kind

    def _operation(self, reference: Fields) -> str:
        """Return which overload is called; one that is not settled beforehand is none."""
        overloads = [one for one in reference.get(3, ()) if isinstance(one, bytes)]
        return overloads[0].decode() if len(overloads) == 1 else ""


def _apply(operation: str, parts: Sequence[_Part]) -> ast.expr:
    """Return what an operation is in Python that asks for the value of each of its parts, or of some."""
    trees = [one.tree for one in parts]
    if operation in _METHODS:
        return ast.Call(ast.Attribute(trees[0], _METHODS[operation], ast.Load()), trees[1:], [])
    if operation in _SIZES:
        return ast.Call(ast.Name("len", ast.Load()), trees, [])
    if operation == "logical_not":
        return ast.UnaryOp(ast.Not(), trees[0])
    if operation == "conditional":
        return ast.IfExp(*trees)
    if operation == _CONTAINS:
        return ast.Compare(trees[1], [ast.In()], trees[:1])
    compare = _ORDER.get(operation)
    if operation in _EQUALITY and parts[0].kind == parts[1].kind:
        compare = _EQUALITY[operation]
    if compare is None:
        raise _NotPlain
    return ast.Compare(trees[0], [compare()], trees[1:])


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
