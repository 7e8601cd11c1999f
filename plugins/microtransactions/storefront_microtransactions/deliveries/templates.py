"""Templates of commands: what may stand in them, and how values are put in so that one command stays one command.

A value that a player has a hand in (a name, a text given with a purchase) must never end a command and begin another,
name everybody (``@a``), or look like an option. So values are not escaped, which every game does differently: only
values made of harmless characters go in at all, and the operator may say per variable what else is harmless there.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

VARIABLES = ("player", "customer_id", "sku", "quantity", "purchase", "event", "stage")
OPEN_VARIABLES = ("metadata.", "details.")
"""Variables of which the buyer or the game chose the name: ``metadata.server``, ``details.name``."""
SAFE_VALUE = r"[A-Za-z0-9_.+:-]{1,64}"
_SAFE = re.compile(r"(?!-)" + SAFE_VALUE)
_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NEVER = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}")


class BadTemplate(ValueError):
    """A template cannot be read; the message completes "the command …". ``variable`` is one that nobody knows."""

    def __init__(self, message: str, variable: str | None = None) -> None:
        super().__init__(message)
        self.variable = variable


class UnsafeValue(ValueError):
    """A value is missing, or may not stand in a command; the message says which and why, never the value itself."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a command may be about: ``variable -> text``, and what is harmless in which variable beyond the usual."""

    texts: Mapping[str, str]
    patterns: Mapping[str, str]


def is_variable(name: str) -> bool:
    """Tell whether a template may use this variable."""
    for prefix in OPEN_VARIABLES:
        if name.startswith(prefix):
            return _NAME.fullmatch(name.removeprefix(prefix)) is not None
    return name in VARIABLES


def has_control_characters(text: str) -> bool:
    """Tell whether a text has characters that end lines, hide, or are none at all."""
    return any(unicodedata.category(character) in _NEVER for character in text)


def check_template(template: str) -> None:
    """Read a template as the shop will.

    Raises:
        BadTemplate: it has a brace too many, a variable that nobody knows, or control characters.
    """
    if has_control_characters(template):
        raise BadTemplate("must be one line without control characters: a template is one command")
    for _ in _pieces(template):
        pass


def render(template: str, values: Values) -> str:
    """Return the command that a template makes of these values.

    Raises:
        UnsafeValue: a value is missing or not harmless.
    """
    return "".join(piece if name is None else _value(name, values) for name, piece in _pieces(template))


def _pieces(template: str) -> Iterator[tuple[str | None, str]]:
    """Yield ``(variable, "")`` and ``(None, plain text)`` in turn; ``{{`` and ``}}`` are braces."""
    after = 0
    for found in _PARTS.finditer(template):
        yield None, template[after : found.start()]
        after = found.end()
        text, name = found[0], found[1]
        if text in ("{{", "}}"):
            yield None, text[0]
        elif name is None:
            raise BadTemplate(f"has a single {text}; write {text * 2} for a brace that is meant as one")
        elif not is_variable(name):
            raise BadTemplate("names a variable that does not exist", name)
        else:
            yield name, ""
    yield None, template[after:]


def _value(name: str, values: Values) -> str:
    value = values.texts.get(name)
    if value is None:
        raise UnsafeValue(f"there is no {{{name}}}")
    if has_control_characters(value):
        raise UnsafeValue(f"{{{name}}} has control characters, which never go into a command")
    own = values.patterns.get(name)
    if own is None and _SAFE.fullmatch(value) is None:
        raise UnsafeValue(
            f"{{{name}}} has more than letters, digits and _ . + : - in it (64 at most, no - in front), which may mean "
            f"something in a command; deliveries.values can allow more"
        )
    if own is not None and re.fullmatch(own, value) is None:
        raise UnsafeValue(f"{{{name}}} is not what deliveries.values allows for it")
    return value
