"""What a YAML reader finds wrong with a text, in plain words, and how that part is written right.

The examples are ours, never the operator's own line: a secret may stand in that.
"""

import re
from collections.abc import Sequence

import yaml

from storefront.core.config.mistakes import show_key

_TEXT = 'title: "Sword of Dawn: the sequel"'
PLAIN = "title: 500 gems"
_BLOCK = "prices:\n  USD: 499\n  EUR: 499"
_LIST = "limits:\n- {per: customer, count: 1}\n- {per: global, count: 400}"
_FLOW_MAPPING = "prices: {USD: 499, EUR: 499}"
_FLOW_LIST = "grants: [sword-of-dawn, season]"
_ONE_DOCUMENT = "shop: {name: My shop}\nassets: {gems: {title: Gems}}"
_COLOUR = 'accent: "#cd7f32"'
_LONG_TEXT = "description: |\n  Five hundred gems,\n  and a chest."

_KNOWN: Sequence[tuple[str, str, str, str | None]] = (
    # (context, problem, what is wrong, how it is right): the first whose two patterns are found.
    ("", r"'\\t'", "a tab is not allowed here; YAML is indented with spaces", _BLOCK),
    (
        "expected a single document",
        "",
        "a second YAML document starts here; a configuration is one document",
        _ONE_DOCUMENT,
    ),
    (
        "",
        "<document start>",
        "what stands here belongs to nothing above it: it is indented less, or a `:` is missing",
        _ONE_DOCUMENT,
    ),
    (
        "",
        "mapping values are not allowed",
        "is not YAML: a second `:` on one line; put text that holds `: ` in quotes",
        _TEXT,
    ),
    (
        "quoted scalar",
        "end of stream|document separator",
        "is not YAML: a text in quotes that begins at {there} is not closed",
        _TEXT,
    ),
    (
        "double-quoted scalar",
        "escape|hexadecimal",
        "is not YAML: a `\\` in double quotes begins a special character; double it, or use single quotes",
        "title: 'a \\ b'",
    ),
    (
        "flow mapping",
        "",
        "is not YAML: the `{{` that opens at {there} is not closed by a `}}` here, or a comma is missing",
        _FLOW_MAPPING,
    ),
    (
        "flow sequence",
        "",
        "is not YAML: the `[` that opens at {there} is not closed by a `]` here, or a comma is missing",
        _FLOW_LIST,
    ),
    ("simple key", "", "is not YAML: a key that begins at {there} has no `:` with a space behind it", "name: My shop"),
    ("block", r"'[\]}]'", "is not YAML: what is closed here was never opened", _FLOW_MAPPING),
    (
        "block mapping",
        "block entry|'-'",
        "is not YAML: a list begins where the keys of a mapping go on; a list stands under a key of its own",
        _LIST,
    ),
    (
        "block mapping",
        "",
        "is not YAML: this is no key beside those that begin at {there}; such keys begin in one column",
        _BLOCK,
    ),
    (
        "block collection",
        "",
        "is not YAML: this is no entry of the list that begins at {there}; each begins with `- ` in one column",
        _LIST,
    ),
    (
        "block scalar",
        "",
        "is not YAML: a text that goes over several lines begins with `|` or `>` alone, and is indented",
        _LONG_TEXT,
    ),
    (
        "anchor|alias",
        "alphabetic",
        "is not YAML: `&` and `*` begin an anchor and its alias; put text that begins so in quotes",
        'title: "*new*"',
    ),
    (
        "duplicate anchor",
        "",
        "an anchor of this name stands at {there} already",
        "usual: &usual {USD: 499}\nlarge: &large {USD: 999}",
    ),
    (
        "",
        "sequence entries are not allowed",
        "is not YAML: a list cannot begin on this line; put its entries on lines of their own",
        _LIST,
    ),
    ("", "mapping keys are not allowed", "is not YAML: a `?` cannot begin a key here; put it in quotes", _TEXT),
    (
        "",
        "cannot start any token",
        "is not YAML: a value cannot begin with {character}; put it in quotes",
        'title: "@home"',
    ),
    ("", "YAML (document|directive)", "a line `%YAML` is not needed: leave it out", _ONE_DOCUMENT),
    (
        "directive",
        "",
        "is not YAML: a line that begins with `%` is for YAML itself; put text that begins so in quotes",
        'title: "% off"',
    ),
    (
        "",
        "directive|tag handle",
        "is not YAML: a line that begins with `%`, or a `!`, is for YAML itself; put text that begins so in quotes",
        'title: "!new"',
    ),
    ("tag", "", "YAML tags (`!…`) are not allowed; put text that begins with `!` in quotes", 'title: "!new"'),
    ("", "node content", "is not YAML: a value is missing here", _FLOW_MAPPING),
)


def in_plain_words(error: yaml.MarkedYAMLError) -> tuple[str, str | None]:
    """Return what is wrong with a text that is not YAML, and an example of how it is written right."""
    problem, context = str(error.problem or ""), str(error.context or "")
    if problem.startswith("is nested"):
        return problem, None
    if "undefined alias" in problem:
        name = problem.removeprefix("found undefined alias").strip().strip("'\"")
        return f"the alias *{show_key(name)} has no anchor before it", "usual: &usual {USD: 499}\nprices: *usual"
    if "mapping values are not allowed" in problem and _is_first_of_its_line(error):
        return (
            "is not YAML: nothing can stand under the line above: it lacks a `:` with a space behind, or has a value",
            _BLOCK,
        )
    if (above := _from_above(error)) is not None:
        return above
    for in_context, in_problem, words, example in _KNOWN:
        if re.search(in_context, context) and re.search(in_problem, problem):
            return words.format(there=_there(error), character=_character(problem)), example
    return f"is not YAML: {problem or context}", None


def _is_first_of_its_line(error: yaml.MarkedYAMLError) -> bool:
    """Tell whether a `:` that may not stand here is that of an ordinary key: what is wrong stands above."""
    mark = error.problem_mark
    if mark is None or mark.buffer is None:
        return False
    before = mark.buffer[: mark.pointer].rpartition("\n")[2]
    return mark.line > 0 and re.fullmatch(r"\s*[^\s:]+\s*", before) is not None


def _from_above(error: yaml.MarkedYAMLError) -> tuple[str, str] | None:
    """Return what is wrong with a line before the one on which it is seen, if it is one of two usual slips."""
    if (begins := _quote_from_above(error)) is not None:
        words = f"a text in quotes that begins at {begins} ends only on this line; its closing quote may be missing"
        return f"is not YAML: {words}", _TEXT
    if (comment := _comment_as_value(error)) is not None:
        words = f"the `#` at {comment} begins a comment; put a text that begins with `#`, like a colour, in quotes"
        return f"is not YAML: {words}", _COLOUR
    return None


def _quote_from_above(error: yaml.MarkedYAMLError) -> str | None:
    """Return where a text in quotes begins that goes over lines up to that of the mistake: a quote was forgotten."""
    mark = error.problem_mark
    if mark is None or mark.buffer is None:
        return None
    found: str | None = None
    try:
        for token in yaml.scan(mark.buffer.rstrip("\0"), Loader=yaml.SafeLoader):
            begins, ends = token.start_mark, token.end_mark
            if begins.index > mark.index:
                break
            is_quoted = isinstance(token, yaml.ScalarToken) and token.style in ("'", '"')
            if is_quoted and begins.line < ends.line == mark.line:
                found = f"{begins.line + 1}:{begins.column + 1}"
    except yaml.YAMLError:
        pass  # the mistake itself, where the scanner sees it first
    return found


def _comment_as_value(error: yaml.MarkedYAMLError) -> str | None:
    """Return where a `#` stands for a value, on the line of the mistake or the one before: what follows is not read."""
    mark = error.problem_mark
    if mark is None or mark.buffer is None:
        return None
    lines = mark.buffer.split("\n")
    for number in (mark.line, mark.line - 1):
        found = re.search(r":\s+(?=#\w)", lines[number]) if 0 <= number < len(lines) else None
        if found is not None:
            return f"{number + 1}:{found.end() + 1}"
    return None


def _there(error: yaml.MarkedYAMLError) -> str:
    mark = error.context_mark
    return "another place" if mark is None else f"{mark.line + 1}:{mark.column + 1}"


def _character(problem: str) -> str:
    found = re.search(r"character '(.+?)' that", problem)
    return f"`{found[1]}`" if found else "this character"
