"""Merging two customers as data: which rows of a table become whose, and what keeps two customers apart.

``merge_steps.py`` does it. A plugin states the same of its own tables (``merging``, docs/plugins.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Table

from storefront.core.errors import Conflict
from storefront.core.ids import is_id

Row = Mapping[str, Any]


class Search(NamedTuple):
    """Names all rows of a table that a condition finds (SQL for both databases, made of our own ids alone).

    A plan that searches is a batch of its own: what others of its batch did would not be found.
    """

    table: str
    where: str


class MergeNotPossible(Conflict):
    """``hindrances`` are ``[{what, id, of, how}]``: what stands in the way, at which of the two, and how to end it."""

    code = "merge_not_possible"
    title = "These two customers cannot be merged now"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why two customers cannot be merged now: ``what`` it is, its ``id``, and ``how`` it ends, in a sentence."""

    what: str
    id: str
    how: str


@dataclass(frozen=True, slots=True)
class Parties:
    """Who becomes whom, and when (business ms)."""

    source_id: str
    target_id: str
    now: int

    def renamed(self, text: str) -> str:
        """Return a text, such as a key or JSON, with the target's id in place of the source's."""
        return text.replace(self.source_id, self.target_id)


@dataclass(frozen=True, slots=True)
class Moves:
    """What becomes of a table's rows that are a customer's.

    Rows are found by ``where``, SQL in which ``{customer}`` stands for the id; without it ``column`` names the
    customer. ``change`` returns a source's row as the target's; without it ``column`` is set. Where that has the key of
    a row that the target has, ``join`` returns what becomes of the target's, or None: both stay as they are. Without
    ``join`` that is a hindrance, as what ``hinders`` says of a row of either side. ``is_kept``: the rows stay the
    source's, as history; ``may_stay``: some do, because the target has such a thing. ``anchor`` names the anchor of a
    row that hangs under neither; ``unique`` are the columns by which two rows are the same thing, where that is not
    their key, and ``noun`` is what it is called.
    """

    table: Table
    column: str = "customer_id"
    where: str = ""
    change: Callable[[Row, Parties], Mapping[str, Any]] | None = None
    join: Callable[[Row, Row, Parties], Mapping[str, Any] | None] | None = None
    hinders: Callable[[Row, Parties], Hindrance | None] | None = None
    is_kept: bool = False
    may_stay: bool = False
    unique: tuple[str, ...] = ()
    noun: str = ""
    anchor: Callable[[Row], str] | None = None

    def search(self, customer_id: str) -> Search:
        assert is_id(customer_id, "cus"), "it becomes a part of a statement"
        where = self.where or f"{self.column} = '{{customer}}'"
        return Search(self.table.name, where.replace("{customer}", customer_id))

    def key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[column.name] for column in self.table.primary_key.columns)

    def name_of(self, row: Row) -> tuple[Any, ...]:
        """Return by what a row is the same thing as another one."""
        return tuple(row[column] for column in self.unique) if self.unique else self.key_of(row)

    def changed(self, row: Row, parties: Parties) -> Mapping[str, Any]:
        """Return a source's row as the target's."""
        return {**row, self.column: parties.target_id} if self.change is None else self.change(row, parties)


@dataclass(frozen=True, slots=True)
class MergeCustomer:
    """Make everything of one customer another's, in the entry called ``entry``; its plan is a batch of its own.

    The outcome's ``results["merged"]`` says what moved: ``{"wallets", "debts", "unapplied", "items", "rows"}``.
    """

    entry: str
    merge_id: str
    source_id: str
    target_id: str
    moves: Sequence[Moves]
