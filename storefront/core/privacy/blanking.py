"""What an erasure makes of one row: the register's word, as a row and as a step of a plan."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from storefront.core.append_only import WRITTEN_OVER
from storefront.core.commit.closed import Blanks, Closed
from storefront.core.commit.plan import Change, Redact, Remove, Step
from storefront.core.privacy.register import Held, Person, Whose, rows_about
from storefront.core.reading import Row


def erased_rows(held: Held, person: Person) -> Select[Any]:
    """Select the rows that an erasure removes or blanks; those that are blank already are among them."""
    whose = _own(held)
    return select(held.table).where(rows_about(whose, held.table, person)).order_by(*held.table.primary_key.columns)


def is_touched(held: Held) -> bool:
    """Tell whether an erasure has anything to do in a table."""
    return held.whose is not None and (held.goes or bool(held.personal))


def blank(held: Held, row: Row, words: Sequence[str] = ()) -> Row:
    """Return a row with nothing personal in it."""
    columns = dict.fromkeys((*held.personal.split(), *held.erased))
    return {**row, **{name: _nothing_of(held, name, row, words) for name in columns}}


def what_is_left(held: Held, row: Row, words: Sequence[str] = ()) -> list[str]:
    """Return the columns of a row that still hold something personal."""
    if held.goes:
        return held.personal.split()
    after = blank(held, row, words)
    return [name for name in after if after[name] != row[name]]


def step_for(held: Held, row: Row, words: Sequence[str]) -> Step | None:
    """Return the step that erases a row; None where nothing is left of it."""
    table, identity = held.table.name, tuple(row[column.name] for column in held.table.primary_key.columns)
    if held.goes:
        return Remove(table, identity, held.anchor(row))
    left = what_is_left(held, row, words)
    if not left:
        return None
    after = blank(held, row, words)
    if table in WRITTEN_OVER:
        return Redact(table, identity, held.anchor(row), after[WRITTEN_OVER[table]])
    return Change(
        table, identity, held.anchor(row), {name: row[name] for name in left}, {name: after[name] for name in left}
    )


def closed_by(register: Sequence[Held]) -> Closed:
    """Return what erasures close of a shop's tables, for its commit engine."""
    blanks = {
        held.table.name: Blanks(_named_by(held), partial(blank, held))
        for held in register
        if is_touched(held) and not held.goes and held.table.name not in ("customers", "erasures")
    }
    return Closed(frozenset(held.table.name for held in register if held.begins), blanks)


def _own(held: Held) -> Whose:
    assert held.whose is not None, "only tables with rows about customers are erased"
    return held.erases or held.whose


def _named_by(held: Held) -> tuple[str, ...]:
    """Return the column that names a row's customer; a row without one is of whoever its plan is about."""
    for name in ("customer_id", "anchor"):
        if name in held.table.c:
            return (name,)
    return ()


def _nothing_of(held: Held, name: str, row: Row, words: Sequence[str]) -> Any:
    """Return what stands in a column when nothing personal does."""
    if row[name] is None:
        return None
    if name in held.erased:
        rule: Callable[[Row, Sequence[str]], Any] | Any = held.erased[name]
        return rule(row, words) if callable(rule) else rule
    return None if held.table.c[name].nullable else ""
