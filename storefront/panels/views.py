"""A whole page: its sections, and what it is searched and filtered by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storefront.panels.figures import Drawing, LedgerEntry, Lines, Tiles
from storefront.panels.forms import Acts, Form
from storefront.panels.tables import Link, Table
from storefront.panels.telling import Letters, Note, Opinion, Queue, Timeline


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
    """One field to search by; ``kept`` are the filters that stay, ``short`` is the label where a phone cuts it."""

    label: str
    value: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    short: str = ""


@dataclass(frozen=True, slots=True)
class PageView:
    """One page: its title, what is searched and filtered, its sections, and the detail beside a list.

    ``back`` leads to the list that the page was opened from.
    """

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
    back: Link | None = None
