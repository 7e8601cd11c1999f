"""Figures: tiles, lines as on a receipt, entries of the books, charts."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from storefront.core.clock import iso
from storefront.panels.tables import Cell
from storefront.panels.wording import Tone, instant_words


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure and the one before: ``change`` in words (``4.2%``), ``rises`` for the arrow, ``tone``: good or bad.

    ``was`` may end in an instant, ``at`` (ms).
    """

    name: str
    figure: str
    change: str = ""
    rises: bool | None = None
    tone: Tone = Tone.PLAIN
    was: str = ""
    url: str | None = None
    spark: Markup | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Tiles:
    """Figures side by side."""

    tiles: Sequence[Tile]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line with a dotted leader between what it says and its figure."""

    label: str
    figure: str
    url: str | None = None
    is_name: bool = False
    at: int | None = None

    @classmethod
    def when(cls, label: str, at: int | None, *, otherwise: str = "–") -> "Line":
        return cls(label, otherwise) if at is None else cls(label, instant_words(at), at=at)

    @property
    def iso(self) -> str | None:
        return None if self.at is None else iso(self.at)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines as on a receipt; ``total`` stands below a rule."""

    title: str
    lines: Sequence[Line]
    total: Line | None = None
    hint: str = ""
    badge: Cell | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of the books: account, debit, credit in words, and the totals of each asset, which are equal."""

    title: str
    id: str
    lines: Sequence[tuple[str, str, str]]
    totals: Sequence[tuple[str, str, str]]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart: drawn, and its numbers as a table."""

    title: str
    svg: Markup
    table: Markup | None = None
    figure: str = ""
    change: str = ""
    rises: bool | None = None
    tone: Tone = Tone.PLAIN
    hint: str = ""
    aside: Markup | None = None
    url: str | None = None
