"""Stripe's form encoding: ``a[b][0][c]=x`` to nested mappings and lists of text."""

from __future__ import annotations

from urllib.parse import parse_qsl

from storefront.sandbox.errors import invalid

Tree = dict[str, "Tree | str"]

MAX_PAIRS = 4_000
MAX_DEPTH = 12


def decode(text: str) -> Tree:
    """Read one query string or form body.

    Every level becomes a mapping; a list is a mapping whose keys are positions
    ("0", "1", …), because only the declaration of a parameter says which one is meant.

    Raises:
        ApiError: names that do not nest, too many pairs, or text that is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MAX_PAIRS
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise invalid("The request's parameters could not be read as form data.") from error
    tree: Tree = {}
    for name, value in pairs:
        _put(tree, _segments(name), value, name)
    return tree


def _segments(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not head:
        raise invalid(f"Invalid parameter name: {name}", param=name)
    if not bracket:
        return [head]
    if not rest.endswith("]"):
        raise invalid(f"Invalid parameter name: {name}", param=name)
    segments = [head, *rest[:-1].split("][")]
    if len(segments) > MAX_DEPTH or any("[" in part or "]" in part for part in segments):
        raise invalid(f"Invalid parameter name: {name}", param=name)
    return segments


def _put(tree: Tree, segments: list[str], value: str, name: str) -> None:
    level = tree
    for segment in segments[:-1]:
        below = level.setdefault(segment or str(len(level)), {})
        if isinstance(below, str):
            raise invalid(f"Invalid parameter: {name} is given both a value and members.", param=name)
        level = below
    last = segments[-1] or str(len(level))
    if isinstance(level.get(last), dict):
        raise invalid(f"Invalid parameter: {name} is given both a value and members.", param=name)
    level[last] = value
