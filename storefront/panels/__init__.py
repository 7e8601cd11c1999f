"""What a console page is made of, as data: tables, tiles, lines, forms. One template draws them, whoever made them.

A plugin's ``register_routes`` returns pages (``ConsolePage``) and parts of the core's pages (``ConsolePanel``). Both
read with the same use cases as the HTTP API, so no figure of the console has a truth of its own.
"""

from storefront.panels.figures import Drawing, LedgerEntry, Line, Lines, Tile, Tiles
from storefront.panels.forms import Acts, Field, Form
from storefront.panels.pages import (
    Asking,
    ConsoleAct,
    ConsolePage,
    ConsolePanel,
    Done,
    Foreseen,
    JsonSchema,
    ShownList,
    Sure,
)
from storefront.panels.tables import Cell, Column, Link, Row, Table, places_of
from storefront.panels.telling import Happened, Letters, Note, Opinion, Queue, Review, Timeline, Written
from storefront.panels.views import Beside, Chip, PageView, Search, Section
from storefront.panels.wording import Tone

__all__ = [
    "Acts",
    "Asking",
    "Beside",
    "Cell",
    "Chip",
    "Column",
    "ConsoleAct",
    "ConsolePage",
    "ConsolePanel",
    "Done",
    "Drawing",
    "Field",
    "Foreseen",
    "Form",
    "Happened",
    "JsonSchema",
    "LedgerEntry",
    "Letters",
    "Line",
    "Lines",
    "Link",
    "Note",
    "Opinion",
    "PageView",
    "Queue",
    "Review",
    "Row",
    "Search",
    "Section",
    "ShownList",
    "Sure",
    "Table",
    "Tile",
    "Tiles",
    "Timeline",
    "Tone",
    "Written",
    "places_of",
]
