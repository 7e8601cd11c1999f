"""Just enough of PromQL to say which series an expression reads, by which labels, and what it groups by.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/ (read 2026-11-28).
"""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s+|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<range>\[[^\]]*\])|(?P<number>\d[\d.]*(?:[eE][+-]?\d+)?[a-z]*)"""
    r"""|(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},@])"""
)
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """``label op value``, as in ``status=~"5.."``."""

    label: str
    operator: str
    value: str

    def takes(self, value: str) -> bool:
        is_equal = re.fullmatch(self.value, value) is not None if "~" in self.operator else self.value == value
        return is_equal != self.operator.startswith("!")


@dataclass(slots=True)
class Reads:
    """What one expression reads: ``series`` are ``(name, matchers)``, ``grouped`` the labels that it groups by."""

    series: list[tuple[str, tuple[Matcher, ...]]] = field(default_factory=list)
    grouped: set[str] = field(default_factory=set)


def read(expression: str) -> Reads:
    """Take an expression apart; raises ``ValueError`` at a character that is none of the language's."""
    tokens, found, place = _tokens(expression), Reads(), 0
    while place < len(tokens):
        kind, text = tokens[place]
        follows = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        place += 1
        if kind != "name" or text.lower() in _WORDS:
            continue
        if text in _GROUPING:
            if follows == "(":
                end = tokens.index(("sign", ")"), place)
                found.grouped |= {name for what, name in tokens[place:end] if what == "name"}
                place = end + 1
        elif follows == "{":
            end = tokens.index(("sign", "}"), place)
            found.series.append((text, _matchers(tokens[place + 1 : end])))
            place = end + 1
        elif follows != "(" and follows not in _GROUPING:
            found.series.append((text, ()))
    return found


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(expression):
        found = _TOKEN.match(expression, place)
        if found is None:
            raise ValueError(f"{expression[place : place + 20]!r} is no PromQL")
        if found.lastgroup is not None:
            tokens.append((found.lastgroup, found[0]))
        place = found.end()
    return tokens


def _matchers(tokens: list[tuple[str, str]]) -> tuple[Matcher, ...]:
    return tuple(
        Matcher(tokens[i][1], tokens[i + 1][1], tokens[i + 2][1][1:-1].replace("\\\\", "\\"))
        for i in range(0, len(tokens), 4)
    )
