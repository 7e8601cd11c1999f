"""Tables: rows of cells, and where each cell stands when a table folds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from storefront.core.clock import iso
from storefront.panels.forms import Form
from storefront.panels.wording import Tone, instant_words


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: a text, and how to read it.

    ``tone`` makes it a badge, ``at`` an instant (ms) that is worded in the reader's zone, ``hint`` stands below it.
    ``is_name``: somebody else wrote it. ``is_code``: an id. ``is_long``: it is read, so it wraps. ``is_time``: an
    instant stands there, if there is one. ``ways`` are several links instead of a text.
    """

    text: str = ""
    url: str | None = None
    tone: Tone | None = None
    hint: str = ""
    at: int | None = None
    is_strong: bool = False
    is_name: bool = False
    is_code: bool = False
    is_long: bool = False
    drawing: Markup | None = None
    is_time: bool = False
    ways: "Sequence[Link]" = ()

    @classmethod
    def when(cls, at: int | None, *, otherwise: str = "–") -> "Cell":
        """Return an instant (business or wall ms)."""
        return cls(otherwise if at is None else instant_words(at), at=at, is_time=True)

    @property
    def iso(self) -> str | None:
        return None if self.at is None else iso(self.at)


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column; figures stand at the right."""

    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``url`` is what it leads to, in its first cell that leads nowhere else. ``acts`` stand at its end."""

    cells: Sequence[Cell]
    url: str | None = None
    is_chosen: bool = False
    acts: Sequence["Form"] = ()


def places_of(row: Row, columns: Sequence[Column]) -> list[str]:
    """Return where each cell of a row stands when the table folds: what leads it, its sum, its instant, its badge.

    Each place is taken once, by the first cell that fits; what is left follows below, with its column's name.
    """
    taken: dict[int, str] = {}
    for place, fits in _PLACES:
        if place not in taken.values():
            pairs = enumerate(zip(row.cells, columns, strict=True))
            found = next((at for at, (cell, column) in pairs if at not in taken and fits(cell, column)), None)
            if found is not None:
                taken[found] = place
    return [taken.get(at, "rest") for at in range(len(row.cells))]


def _is_text(cell: Cell, column: Column) -> bool:
    """Tell whether a cell says by itself what it is; an instant that is none ("never") needs its column's name."""
    is_plain = cell.drawing is None and not cell.ways and not cell.is_time
    return is_plain and bool(cell.text) and not column.is_number


_PLACES: Sequence[tuple[str, Callable[[Cell, Column], bool]]] = (
    ("when", lambda cell, _: cell.at is not None),
    ("state", lambda cell, _: cell.tone is not None),
    ("lead", lambda cell, _: cell.is_name),
    ("sum", lambda cell, column: cell.is_strong and column.is_number),
    ("lead", _is_text),
    ("about", _is_text),
)


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go on; ``label`` says what is there."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Table:
    """A list. ``older`` and ``newer`` lead to its next pages; ``empty`` is said where it has no rows."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str = "Nothing here yet."
    hint: str = ""
    older: str | None = None
    newer: str | None = None
    name: str = ""
    more: Link | None = None
