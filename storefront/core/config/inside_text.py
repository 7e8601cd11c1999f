"""Where a character of a text stands in the YAML: past quotes, escapes, folded lines and the indentation of blocks."""

from dataclasses import replace
from pathlib import Path

from storefront.core.config.positions import Place

_ESCAPED = {"x": 4, "u": 6, "U": 10}
"""After a backslash in double quotes -> how many characters the whole escape takes."""


def place_inside(place: Place, text: str, offset: int) -> Place:
    """Return where the character at ``offset`` of a text stands that is written at ``place``.

    The place of the text itself where that cannot be told: its file is gone, or not written like that any more.
    """
    try:
        lines = Path(place.file).read_text(encoding="utf-8").splitlines()
        return _Cursor(lines, place).at(text, offset)
    except (OSError, UnicodeDecodeError, IndexError):
        return place


class _Cursor:
    """Walks over a scalar as it is written; line and column count from 0."""

    def __init__(self, lines: list[str], place: Place) -> None:
        self._lines, self._place = lines, place
        self._line, self._column = place.line - 1, place.column - 1
        first = lines[self._line][self._column]
        self._quote = first if first in "'\"" else ""
        self._is_block = first in "|>"

    def at(self, text: str, offset: int) -> Place:
        if self._quote:
            self._column += 1
        if self._is_block:
            self._next_line()
        for letter in text[:offset]:
            self._step(letter)
        return replace(self._place, line=self._line + 1, column=self._column + 1)

    def _step(self, letter: str) -> None:
        written = self._lines[self._line]
        if letter in " \n" and not written[self._column :].strip():
            self._next_line()
        elif self._quote == '"' and written[self._column] == "\\":
            self._column += _ESCAPED.get(written[self._column + 1], 2)
        else:
            self._column += 2 if self._quote == "'" and written[self._column : self._column + 2] == "''" else 1

    def _next_line(self) -> None:
        self._line += 1
        while not self._lines[self._line].strip():
            self._line += 1
        written = self._lines[self._line]
        self._column = len(written) - len(written.lstrip())
