"""What a console page is made of, as data: tables, tiles, lines, forms. One template draws them, whoever made them.

A plugin's ``register_routes`` returns pages (``ConsolePage``) and parts of the core's pages (``ConsolePanel``). Both
read with the same use cases as the HTTP API, so no figure of the console has a truth of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from markupsafe import Markup

from storefront.core.clock import iso
from storefront.core.services import Services

JsonSchema = Mapping[str, Any]


class Tone(StrEnum):
    """How something is meant; the words always say it too."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    PLAY = "play"
    """Amber: it waits for somebody, or is only a test."""
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: a text, and how to read it.

    ``tone`` makes it a badge, ``at`` an instant (ms) that is worded in the reader's zone, ``hint`` stands below it.
    ``is_name``: somebody else wrote it. ``is_code``: an id.
    """

    text: str = ""
    url: str | None = None
    tone: Tone | None = None
    hint: str = ""
    at: int | None = None
    is_strong: bool = False
    is_name: bool = False
    is_code: bool = False
    drawing: Markup | None = None

    @classmethod
    def when(cls, at: int | None, *, otherwise: str = "–") -> "Cell":
        """Return an instant (business or wall ms)."""
        return cls(otherwise) if at is None else cls(_instant_words(at), at=at)

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


_PLACES: Sequence[tuple[str, Callable[[Cell, Column], bool]]] = (
    ("when", lambda cell, _: cell.at is not None),
    ("state", lambda cell, _: cell.tone is not None),
    ("lead", lambda cell, _: cell.is_name),
    ("sum", lambda cell, column: cell.is_strong and column.is_number),
    ("lead", lambda cell, column: cell.drawing is None and bool(cell.text) and not column.is_number),
    ("about", lambda cell, column: cell.drawing is None and bool(cell.text) and not column.is_number),
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


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure and the one before: ``change`` in words (``4.2%``), ``rises`` for the arrow, ``tone``: good or bad."""

    name: str
    figure: str
    change: str = ""
    rises: bool | None = None
    tone: Tone = Tone.PLAIN
    was: str = ""
    url: str | None = None
    spark: Markup | None = None


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
        return cls(label, otherwise) if at is None else cls(label, _instant_words(at), at=at)

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
class Happened:
    """Something that happened, newest first in its list; ``at`` in ms."""

    title: str
    detail: str
    at: int
    icon: str = "check"

    @property
    def iso(self) -> str:
        return iso(self.at)

    @property
    def words(self) -> str:
        return _instant_words(self.at)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, newest first."""

    title: str
    entries: Sequence[Happened]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of the books: account, debit, credit in words, and the totals of each asset, which are equal."""

    title: str
    id: str
    lines: Sequence[tuple[str, str, str]]
    totals: Sequence[tuple[str, str, str]]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence or two above all else: what is wrong, or new, and where to go."""

    tone: Tone
    strong: str
    text: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; ``kind`` is text, number, textarea, select, checkbox, password or hidden."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    value: str = ""
    choices: Sequence[tuple[str, str]] = ()
    is_required: bool = True
    autocomplete: str = "off"
    longest: int = 500


@dataclass(frozen=True, slots=True)
class Form:
    """What an operator can do here: posted to ``action``, which is an act of the page.

    ``tone`` BAD is for what takes something away. ``explains`` says what happens. ``is_folded``: it opens on demand.
    """

    action: str
    button: str
    fields: Sequence[Field] = ()
    title: str = ""
    explains: str = ""
    tone: Tone = Tone.PLAIN
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Acts:
    """Several small forms side by side, under a sentence or two."""

    forms: Sequence[Form]
    title: str = ""


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


@dataclass(frozen=True, slots=True)
class Review:
    """A purchase that waits for a person: how suspicious, what it is, why in words, and the verbs."""

    score: str
    tone: Tone
    sum: str
    who: str
    what: str
    reasons: Sequence[str]
    forms: Sequence[Form]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """Purchases that wait for a person."""

    title: str
    hint: str
    reviews: Sequence[Review]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody makes of a purchase: how suspicious, of 100 (None: they cannot tell), and why in words.

    In the review queue ``words`` says what reasons of the review mean, and ``forms`` are more verbs.
    """

    title: str
    score: int | None
    reasons: Sequence[str]
    tone: Tone = Tone.PLAIN
    words: Mapping[str, str] = field(default_factory=dict)
    forms: Sequence[Form] = ()
    more: Link | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody else wrote, whole: by ``who``, about what (``about``), and what can be done with it."""

    who: str
    text: str
    about: str = ""
    url: str | None = None
    badge: Cell | None = None
    forms: Sequence[Form] = ()


@dataclass(frozen=True, slots=True)
class Letters:
    """Texts of others, each in its own direction."""

    title: str
    letters: Sequence[Written]
    hint: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """Parts side by side from 1000 px on; ``wide`` gives the first one more room."""

    parts: Sequence[Sequence["Section"]]
    is_wide: bool = False


Section = (
    Table | Tiles | Lines | Timeline | LedgerEntry | Note | Form | Acts | Drawing | Queue | Opinion | Letters | Beside
)  # what the console's template can draw


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter as a link: chosen, with what takes it away, or offered."""

    label: str
    url: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """One field to search by; ``kept`` are the filters that stay."""

    label: str
    value: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageView:
    """One page: its title, what is searched and filtered, its sections, and the detail beside a list."""

    title: str
    sections: Sequence[Section]
    detail: Sequence[Section] = ()
    hint: str = ""
    search: Search | None = None
    chips: Sequence[Chip] = ()
    switch: Sequence[Chip] = ()
    exports: Sequence[Link] = ()
    notes: Sequence[Note] = ()
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """Who looks at a page or does something on it, and with what.

    ``actor`` is ``operator:opr_…``, ``may`` tells whether their role has a scope. ``path`` are the parameters of the
    address, ``query`` those behind the question mark, ``form`` the checked fields of a form. ``key`` is the form's own
    idempotency key: the same form sent twice does its thing once. ``language`` words amounts.
    """

    services: Services
    actor: str
    scopes: frozenset[str]
    language: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    panels: "Callable[[Asking, str, str], Awaitable[Sequence[Section]]] | None" = None
    """What plugins add to a place of the core's pages, about an object: asked by those pages."""

    async def parts(self, place: str, about: str) -> Sequence["Section"]:
        """Return what plugins add to a place of a page about an object."""
        return () if self.panels is None else await self.panels(self, place, about)

    def may(self, scope: str) -> bool:
        """Tell whether their role has a scope."""
        return "*" in self.scopes or scope in self.scopes


@dataclass(frozen=True, slots=True)
class Done:
    """An act is done: where its page goes on, and what it says there (a key of ``ConsoleAct.says``)."""

    url: str
    says: str = "done"


@dataclass(frozen=True, slots=True)
class ConsoleAct:
    """What a form of a page does. ``fields`` are the JSON Schemas of its fields; ``needed`` those that must be there.

    ``asks_proof``: whoever does it must have proved in the last minutes who they are (step-up), always or where the
    function says so. ``says`` words what is said afterwards. What ``do`` raises is shown on the page again.
    """

    name: str
    scope: str
    do: Callable[[Asking], Awaitable["Done | PageView"]]
    fields: Mapping[str, JsonSchema] = field(default_factory=dict)
    needed: Sequence[str] = ()
    asks_proof: bool | Callable[[Asking], Awaitable[bool]] = False
    says: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page of the console, under ``/console``, for operators with ``scope``.

    ``group`` is ``main``, ``watch`` or ``setup`` for a page in the menu, empty for one that others lead to; ``counts``
    tells how many things wait there, and how that is meant. ``query`` are the JSON Schemas of its query parameters.
    ``says`` words what acts of other pages say here.
    """

    path: str
    label: str
    scope: str
    show: Callable[[Asking], Awaitable[PageView]]
    group: str = ""
    icon: str = "info"
    query: Mapping[str, JsonSchema] = field(default_factory=dict)
    acts: Sequence[ConsoleAct] = ()
    says: Mapping[str, str] = field(default_factory=dict)
    counts: Callable[[Services], Awaitable[tuple[int, Tone]]] | None = None


@dataclass(frozen=True, slots=True)
class ConsolePanel:
    """A part that a plugin adds to one of the core's pages.

    ``place`` is ``overview``, ``customer`` (``about`` is their id), ``purchase`` or ``review`` (``about`` is the
    purchase's id). To a review only an ``Opinion`` is added.
    """

    place: str
    scope: str
    show: Callable[[Asking, str], Awaitable[Sequence[Section]]]


def _instant_words(at: int) -> str:
    return iso(at)[:16].replace("T", " ") + " UTC"
