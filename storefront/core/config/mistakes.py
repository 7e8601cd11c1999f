"""What is wrong with a configuration, said so that the operator can mend it without opening the source.

``Mistake`` is one wrong place; ``ConfigError`` carries all of them at once, in the order of the files.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""The way from the document's root to a value: mapping keys and list indexes."""

_PLAIN_KEY = re.compile(r"[\w-]+")
_LOOKS_SECRET = re.compile(r"(?i)\b(sk|rk|ak|whsec|ovl)_(?!sandbox_demo\b)\w{3,}")
_LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong place: where it stands, what must be there, and a valid example as YAML text.

    ``leaves_out``: what can be left out so that all others can go on: a creator's file that is not there, by the name
    that messages give it, or ``creator:<id>``, who has none.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    example: str | None = None
    leaves_out: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        first = f"{where} {self.path}: {self.message}" if self.path else f"{where} {self.message}"
        if self.example is None:
            return first
        indented = "\n".join(f"    {line}" for line in self.example.splitlines())
        return f"{first}\n  for example:\n{indented}"


class ConfigError(Exception):
    """The configuration cannot be used; ``mistakes`` lists every wrong place."""

    code = "invalid_config"

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def show_path(path: Path) -> str:
    """``("offers", "gems-100", "limits", 0)`` as ``offers.gems-100.limits[0]``."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            shown += ("." if shown else "") + show_key(step)
    return shown


def show_key(key: str) -> str:
    """A mapping key for people: shortened, quoted if it holds odd characters, masked if it looks like a secret."""
    masked = _LOOKS_SECRET.sub(lambda found: f"{found[1]}_***", key)
    short = masked if len(masked) <= _LONGEST_KEY else masked[: _LONGEST_KEY - 1] + "…"
    return short if _PLAIN_KEY.fullmatch(short) else json.dumps(short, ensure_ascii=not short.isprintable())
