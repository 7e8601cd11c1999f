"""What a check is, what it finds, and the two things every check needs: rows one by one, and net movements.

A check is a plain function over a SQLAlchemy connection that sits in one read snapshot; it writes nothing
and never holds more than a page of rows, or a small book, in memory.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Subquery, func, select, union_all

from storefront.core.tables import entries, transfers

_ROWS_PER_PAGE = 500
SMALL = "storefront_book_is_small"
"""An execution option of a connection whose whole book fits into memory: a page at a time costs more for each question,
on PostgreSQL a cursor and two more round trips."""
NEEDS_DEEP = "left out: runs with --deep"
"""The reason of what a quick audit leaves out."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: which check saw it, the ids it is about, and a sentence to read aloud."""

    check: str
    ids: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """What a long check yields between its violations: how many of how many rows it has seen."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant as a program. A ``dialect`` says that it has an object on that database alone."""

    name: str
    title: str
    run: Callable[[Connection], Iterable[Violation | Progressed]]
    is_deep: bool = True
    dialect: str | None = None


@dataclass(frozen=True, slots=True)
class NotYet:
    """An invariant, or a part of one, that was not checked, and why."""

    name: str
    title: str
    reason: str


def each_row(connection: Connection, statement: Select[Any]) -> Iterator[Row[Any]]:
    """Yield rows as they come, a page at a time; of a book that is ``SMALL`` as a whole, all at once."""
    by_page = {} if connection.get_execution_options().get(SMALL) else {"yield_per": _ROWS_PER_PAGE}
    return iter(connection.execute(statement, execution_options=by_page))


def movements(name: str = "movements") -> Subquery:
    """Return every transfer as two rows ``(entry_id, account, amount)``: into one account, out of another."""
    into = select(transfers.c.entry_id, transfers.c.destination.label("account"), transfers.c.amount.label("amount"))
    out_of = select(transfers.c.entry_id, transfers.c.source.label("account"), (-transfers.c.amount).label("amount"))
    return union_all(into, out_of).subquery(name)


def movements_in_commit_order() -> Subquery:
    """Return ``(account, commit_no, amount)``: what each commit did to each account, in all."""
    moved = movements()
    return (
        select(moved.c.account, entries.c.commit_no, func.sum(moved.c.amount).label("amount"))
        .join(entries, entries.c.id == moved.c.entry_id)
        .group_by(moved.c.account, entries.c.commit_no)
        .subquery("moved_by_commit")
    )
