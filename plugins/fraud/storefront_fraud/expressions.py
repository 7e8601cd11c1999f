"""Conditions in CEL: what of the language is offered, and what is wrong with a text, with line and column.

Time is bounded by construction: no macros (nothing loops), a few functions that are linear in texts that are short,
texts of 2 kB at most, and the nesting that the parser itself allows. Lists are asked by ``in_list(attribute, 'list')``,
which is looked up beforehand: to CEL it is a boolean.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from storefront.core.config import did_you_mean
from storefront_fraud.attributes import Attribute, Kind

LONGEST = 2048
LONGEST_PATTERN = 200
MOST_MEMBERSHIPS = 100
FUNCTIONS = frozenset({"in_list", "startsWith", "endsWith", "contains", "matches", "size", "int", "double", "string"})
MACROS = frozenset(
    {"has", "all", "exists", "exists_one", "existsOne", "map", "filter", "transformList", "transformMap"}
)
_WORDS_OF_OTHERS = {"and": "&&", "or": "||", "not": "!", "is": "=="}
_WORDS = frozenset({"true", "false", "null", "in"})
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)
      | (?P<text>[rRbB]{0,2}(?:'''(?:\\.|(?!''').)*'''|\"\"\"(?:\\.|(?!\"\"\").)*\"\"\"
          |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
      | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
      | (?P<number>\d[\w.]*)
      | (?P<other>\S)""",
    re.VERBOSE | re.DOTALL,
)
_CEL_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?:\n|$)")
_CEL_OF = {Kind.BOOL: "BOOL", Kind.INT: "INT", Kind.DOUBLE: "DOUBLE", Kind.STRING: "STRING"}


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a condition; ``offset`` counts its characters from 0."""

    offset: int
    message: str


class BadCondition(Exception):
    """A condition that is none; carries the flaw."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Membership:
    """A question to a list. ``name`` is what the answer is called among the values of a decision."""

    attribute: str
    list: str
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"in_list({self.attribute}, '{self.list}')")


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition: in ``cel`` the memberships are ``m.i0`` …, as its ``Reading`` numbers them."""

    cel: str
    reads: frozenset[str]
    memberships: frozenset[Membership]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class Reading:
    """Reads the conditions of one rule set; ``memberships`` are the questions to lists that it has met, in order."""

    def __init__(self, attributes: Mapping[str, Attribute], lists: Collection[str]) -> None:
        self._attributes = attributes
        self._lists = lists
        self.memberships: list[Membership] = []
        self.environment = _environment(tuple((name, one.kind) for name, one in attributes.items()))

    def read(self, text: str) -> Condition:
        """Check a condition and return what it reads.

        Raises:
            BadCondition: it is too long, no CEL, uses what is not offered, or is no yes or no.
        """
        if len(text.encode()) > LONGEST:
            raise BadCondition(Flaw(0, f"is longer than {LONGEST} bytes"))
        tokens = [one for one in _tokens(text) if one.kind != "comment"]
        reads, asked, cel, end = set[str](), set[Membership](), text, 0
        for place, token in enumerate(tokens):
            if token.kind != "name" or token.start < end:
                continue
            is_call = place + 1 < len(tokens) and tokens[place + 1].text == "("
            if token.text == "in_list" and is_call:
                membership, end = self._membership(tokens, place)
                asked.add(membership)
                reads.add(membership.attribute)
                name = f"m.i{self._number(membership, token.start)}"
                span = cel[token.start : end]
                cel = cel[: token.start] + name + _blank(span[len(name) :]) + cel[end:]
            else:
                reads |= self._names(tokens, place, is_call=is_call)
        self._compile(cel)
        return Condition(cel, frozenset(reads), frozenset(asked))

    def _number(self, membership: Membership, at: int) -> int:
        if membership not in self.memberships:
            if len(self.memberships) == MOST_MEMBERSHIPS:
                raise BadCondition(Flaw(at, f"asks one list too many: all rules together ask {MOST_MEMBERSHIPS} times"))
            self.memberships.append(membership)
        return self.memberships.index(membership)

    def _names(self, tokens: Sequence[_Token], place: int, *, is_call: bool) -> set[str]:
        """Return the attribute that a name reads; a name before ``(`` ends in that of a function."""
        token = tokens[place]
        name = re.sub(r"\s", "", token.text)
        if name in _WORDS:
            return set()
        if is_call:
            name, _, function = name.rpartition(".")
            _check_function(tokens, place, function, token.start + len(token.text) - len(function))
            if function == "matches":
                self._try_pattern(tokens[place + 2])
            if not name:
                return set()
        if name.lower() in _WORDS_OF_OTHERS:
            raise BadCondition(
                Flaw(token.start, f"is no condition: {token.text} is written {_WORDS_OF_OTHERS[name.lower()]}")
            )
        if name not in self._attributes:
            hint = did_you_mean(name, list(self._attributes))
            raise BadCondition(Flaw(token.start, f"knows no attribute {name}{hint}"))
        return {name}

    def _try_pattern(self, pattern: _Token) -> None:
        """Refuse what is no regular expression: CEL itself says so only when a purchase is judged."""
        answer = self.environment.compile(f"''.matches({pattern.text})").eval(data={})
        if answer.type().name() == "ERROR":
            raise BadCondition(Flaw(pattern.start, "is no pattern: a regular expression as RE2 takes it"))

    def _membership(self, tokens: Sequence[_Token], place: int) -> tuple[Membership, int]:
        """Read ``in_list(attribute, 'list')``; return it and where it ends."""
        inside = tokens[place + 2 : place + 6]
        shape = [one.kind for one in inside]
        if shape != ["name", "other", "text", "other"] or (inside[1].text, inside[3].text) != (",", ")"):
            message = "in_list() takes an attribute and a list's name, as in in_list(card.country, 'blocked_countries')"
            raise BadCondition(Flaw(tokens[place].start, message))
        attribute, name = re.sub(r"\s", "", inside[0].text), inside[2].text[1:-1]
        known = [one.name for one in self._attributes.values() if one.kind is Kind.STRING]
        if attribute not in known:
            hint = did_you_mean(attribute, known)
            raise BadCondition(Flaw(inside[0].start, f"knows no text attribute {attribute}{hint}"))
        if name not in self._lists:
            hint = did_you_mean(name, list(self._lists)) or "; lists stand under `lists`"
            raise BadCondition(Flaw(inside[2].start, f"knows no list {name}{hint}"))
        return Membership(attribute, name), inside[3].end

    def _compile(self, text: str) -> None:
        try:
            kind = self.environment.compile(text).return_type().name()
        except RuntimeError as error:
            raise BadCondition(_flaw_of(text, str(error))) from None
        if kind != "BOOL":
            raise BadCondition(Flaw(0, f"must be a yes or no, and is of type {kind.lower()}"))


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        yield _Token(str(found.lastgroup), found.group(), found.start(), found.end())


def _blank(text: str) -> str:
    """Return as many characters as ``text`` that mean nothing, so that what follows keeps its line and column."""
    return "".join("\n" if letter == "\n" else " " for letter in text)


def _check_function(tokens: Sequence[_Token], place: int, function: str, at: int) -> None:
    if function in MACROS:
        raise BadCondition(Flaw(at, f"may not use {function}(): nothing here loops; lists are asked by in_list()"))
    if function not in FUNCTIONS:
        raise BadCondition(Flaw(at, f"knows no function {function}(); there are {', '.join(sorted(FUNCTIONS))}"))
    if function == "matches":
        inside = tokens[place + 2 : place + 4]
        is_plain = len(inside) == 2 and inside[0].kind == "text" and inside[1].text == ")"
        if not is_plain or len(inside[0].text) > LONGEST_PATTERN:
            raise BadCondition(Flaw(at, f"matches() takes one pattern, in quotes, of {LONGEST_PATTERN} characters"))


@lru_cache(8)
def _environment(variables: tuple[tuple[str, Kind], ...]) -> Any:
    """Return a CEL environment that knows these attributes, and ``m.i0`` … for questions to lists."""
    from cel_expr_python import cel  # a large library, for shops with rules alone

    types = {name: getattr(cel.Type, _CEL_OF[kind]) for name, kind in variables}
    types |= {f"m.i{number}": cel.Type.BOOL for number in range(MOST_MEMBERSHIPS)}
    return cel.NewEnv(variables=types)


def _flaw_of(text: str, said: str) -> Flaw:
    """Read the compiler's message: line from 1, column from 1."""
    found = _CEL_ERROR.search(said)
    if found is None:
        return Flaw(0, "cannot be understood")
    line, column = int(found[1]), int(found[2])
    starts = [0, *(place + 1 for place, letter in enumerate(text) if letter == "\n")]
    offset = starts[min(line, len(starts)) - 1] + max(0, column - 1)
    return Flaw(min(offset, max(0, len(text) - 1)), _in_plain_words(found[3]))


def _in_plain_words(message: str) -> str:
    overload = re.match(r"found no matching overload for '(.+?)' applied to '\((.*)\)'", message)
    if overload is not None:
        return f"cannot do {overload[1].replace('_', ' ').strip()} with {overload[2].replace(', ', ' and ')}"
    syntax = re.match(r"Syntax error: (.*?)(?: expecting .*)?$", message)
    if syntax is not None and "<EOF>" in syntax[1]:
        return "is no condition: it ends too early"
    if syntax is not None and re.match(r"token recognition error at: '=[^=]", syntax[1]):
        return "is no condition: equal is written =="
    return f"is no condition: {syntax[1]}" if syntax is not None else message.removesuffix(" (in container '')")
