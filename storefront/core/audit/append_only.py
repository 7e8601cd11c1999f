"""L4, L6 and the database's own checks: nothing was changed or removed, and amounts are whole numbers."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Float,
    Integer,
    Numeric,
    Select,
    Table,
    func,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.types import TypeEngine

from storefront.core.append_only import (
    POSTGRES_FUNCTION,
    POSTGRES_FUNCTION_BODY,
    REDACTING_FUNCTION,
    REDACTING_FUNCTION_BODY,
    guards_on_postgres,
    guards_on_sqlite,
)
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.money import MAX_AMOUNT
from storefront.core.tables import (
    APPEND_ONLY,
    accounts,
    anchors,
    counters,
    draws,
    events,
    grants,
    item_movements,
    items,
    lots,
    metadata,
    payments,
    purchases,
    redemptions,
    reversals,
    transfers,
)

# Column of an amount, and the least it may be; the most is 2^53−1.
_LEAST: Mapping[Column[Any], int] = {
    accounts.c.balance: 0,
    transfers.c.amount: 1,
    draws.c.amount: 1,
    lots.c.amount: 1,
    lots.c.remaining: 0,
    lots.c.held: 0,
    lots.c.frozen: 0,
    lots.c.cost_amount: 0,
    counters.c.value: 0,
    items.c.quantity: 0,
    item_movements.c.quantity: -MAX_AMOUNT,
    purchases.c.quantity: 1,
    purchases.c.total: 0,
    redemptions.c.amount: 1,
    payments.c.amount: 1,
    grants.c.amount: 1,
    grants.c.quantity: 1,
    reversals.c.amount: 0,
}

_STORED_OTHERWISE: Sequence[ColumnElement[str]] = [literal_column(f"'{kind}'") for kind in ("real", "text", "blob")]
"""How SQLite may have kept what is no integer; written out, because a list of values is expanded at each execution."""
# Whatever may hold a fraction is of another type. Reading the columns of one table costs as much
# as this, which is about all of them.
# Source: https://sqlite.org/datatype3.html, section 3.1, read 2026-11-27.
_ODD_TYPES = text(
    "SELECT DISTINCT t.name FROM sqlite_master t JOIN pragma_table_xinfo(t.name) c"
    " WHERE t.type = 'table' AND c.type <> '' AND c.type NOT LIKE '%INT%' AND c.type NOT LIKE '%CHAR%'"
    " AND c.type NOT LIKE '%CLOB%' AND c.type NOT LIKE '%TEXT%' AND c.type NOT LIKE '%BLOB%'"
)


def guards_stand(connection: Connection) -> Iterator[Violation]:
    """L4-guards: every append-only table has its triggers, word for word, and they are on."""
    return _guards_on_postgres(connection) if connection.dialect.name == "postgresql" else _guards_on_sqlite(connection)


def _guards_on_postgres(connection: Connection) -> Iterator[Violation]:
    """A trigger that is switched off (``tgenabled`` is not ``O``) guards no more than one that is gone."""
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    for name, wanted in ((POSTGRES_FUNCTION, POSTGRES_FUNCTION_BODY), (REDACTING_FUNCTION, REDACTING_FUNCTION_BODY)):
        bodies = connection.execute(
            text("SELECT p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
                 "WHERE n.nspname = :schema AND p.proname = :name"), {"schema": schema, "name": name},
        ).scalars().all()  # fmt: skip
        if [body.strip() for body in bodies] != [wanted]:
            yield Violation(
                "L4-guards", (name,), f"the books can be changed: the function {name} is missing or was altered"
            )
    found = {
        row.name: row
        for row in connection.execute(
            text("SELECT t.tgname AS name, pg_get_triggerdef(t.oid) AS sql, t.tgenabled = 'O' AS is_on "
                 "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                 "WHERE n.nspname = :schema AND NOT t.tgisinternal"), {"schema": schema},
        )
    }  # fmt: skip
    for table in APPEND_ONLY:
        for name, definition in guards_on_postgres(table.name).items():
            wanted = f"CREATE TRIGGER {name} {definition.format(schema=schema)}"
            wrong = "is missing" if name not in found else "is switched off" if not found[name].is_on else ""
            if not wrong and found[name].sql != wanted:
                wrong = "was altered"
            if wrong:
                yield Violation("L4-guards", (name,), f"{table.name} can be changed: its trigger {name} {wrong}")


def _guards_on_sqlite(connection: Connection) -> Iterator[Violation]:
    found = {
        row.name: row.sql
        for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    }
    for table in APPEND_ONLY:
        primary_key = [column.name for column in table.primary_key.columns]
        for wanted in guards_on_sqlite(table.name, primary_key, [*table.columns.keys()]):
            name = wanted.split()[2]
            if name not in found:
                yield Violation("L4-guards", (name,), f"{table.name} can be changed: its trigger {name} is missing")
            elif found[name] != wanted:
                yield Violation("L4-guards", (name,), f"{table.name} can be changed: its trigger {name} was altered")


def nothing_is_missing(connection: Connection) -> Iterator[Violation]:
    """L4: events, transfers and draws are numbered without a gap; an anchor's events follow commit order."""
    yield from _event_sequences(connection)
    for table, noun in ((transfers, "transfers"), (draws, "draws")):
        yield from _positions(connection, table, noun)


@cache
def _select_event_sequences() -> tuple[Select[Any], Select[Any], Select[Any]]:
    numbers = (
        select(events.c.anchor, func.count().label("count"), func.min(events.c.sequence).label("first"),
               func.max(events.c.sequence).label("last"))
        .group_by(events.c.anchor).subquery("numbers")
    )  # fmt: skip
    counted = func.coalesce(numbers.c.count, 0)
    gaps = (
        select(anchors.c.id, anchors.c.sequence, counted.label("count"), numbers.c.last)
        .join(numbers, numbers.c.anchor == anchors.c.id, isouter=True)
        .where(or_(counted != anchors.c.sequence, numbers.c.first != 1, numbers.c.last != numbers.c.count))
    )
    known = select(anchors.c.id)
    orphans = select(events.c.anchor, func.count().label("count")).where(events.c.anchor.not_in(known))
    before = func.lag(events.c.commit_no).over(partition_by=events.c.anchor, order_by=events.c.sequence)
    ordered = select(events.c.anchor, events.c.sequence, events.c.commit_no, before.label("before")).subquery()
    return gaps, orphans.group_by(events.c.anchor), select(ordered).where(ordered.c.commit_no < ordered.c.before)


def _event_sequences(connection: Connection) -> Iterator[Violation]:
    gaps, strays, disordered = _select_event_sequences()
    for row in each_row(connection, gaps):
        yield Violation(
            "L4",
            (row.id,),
            f"anchor {row.id} counts {row.sequence} events, the books hold {row.count} of them, "
            f"the last numbered {row.last or 0}",
        )
    for row in each_row(connection, strays):
        yield Violation("L4", (row.anchor,), f"{row.count} events belong to {row.anchor}, which is no anchor")
    for row in each_row(connection, disordered):
        yield Violation(
            "L4",
            (row.anchor,),
            f"event {row.sequence} of {row.anchor} stands in commit {row.commit_no}, the one before it in {row.before}",
        )


@cache
def _select_gaps(table: Table) -> Select[Any]:
    count, last = func.count(), func.max(table.c.position)
    numbered = select(table.c.entry_id, count.label("count"), last.label("last")).group_by(table.c.entry_id)
    return numbered.having(or_(last != count - 1, func.min(table.c.position) != 0))


def _positions(connection: Connection, table: Table, noun: str) -> Iterator[Violation]:
    for row in each_row(connection, _select_gaps(table)):
        yield Violation(
            "L4",
            (row.entry_id,),
            f"entry {row.entry_id} holds {row.count} {noun}, but they are numbered up to {row.last}: some are missing",
        )


def amounts_are_whole(connection: Connection) -> Iterator[Violation]:
    """L6: amounts are integers within 2^53−1, and no column of any table can hold a fraction."""
    is_sqlite = connection.dialect.name == "sqlite"
    for name, kind in _fractions(connection, is_sqlite=is_sqlite):
        yield Violation("L6", (name,), f"{name} has the type {kind}")
    for (name,) in connection.execute(_select_tables_with_wrong(is_sqlite=is_sqlite)).all():
        yield from _wrong_numbers(connection, metadata.tables[name], is_sqlite=is_sqlite)


def _fractions(connection: Connection, *, is_sqlite: bool) -> Iterator[tuple[str, TypeEngine[Any]]]:
    """Yield the columns that can hold a fraction, and their types."""
    names = connection.execute(_ODD_TYPES).scalars().all() if is_sqlite else None
    if names == []:
        return
    for (_, table), columns in sorted(inspect(connection).get_multi_columns(filter_names=names).items()):
        for column in columns:
            if isinstance(column["type"], Numeric | Float):
                yield f"{table}.{column['name']}", column["type"]


@cache
def _select_tables_with_wrong(*, is_sqlite: bool) -> CompoundSelect[str]:
    """Return what names the tables that hold any wrong number, made once: one question for all of them."""
    found = ((table.name, _select_wrong(table, is_sqlite=is_sqlite)) for table in metadata.sorted_tables)
    return union_all(*(select(literal(name)).where(wrong.exists()) for name, wrong in found if wrong is not None))


def _wrong_numbers(connection: Connection, table: Table, *, is_sqlite: bool) -> Iterator[Violation]:
    """Look at all integer columns of a table in one pass: how they are stored, and the bounds of amounts."""
    primary_key, columns = list(table.primary_key.columns), _whole_columns(table)
    wrong = _select_wrong(table, is_sqlite=is_sqlite)
    for row in () if wrong is None else each_row(connection, wrong):
        values = tuple(row)
        identity = tuple(str(value) for value in values[: len(primary_key)])
        for column, value in zip(columns, values[len(primary_key) :], strict=True):
            fault = _fault(column, value)
            if fault:
                message = f"{table.name} {' '.join(identity)}: {column.name} is {value!r}, {fault}"
                yield Violation("L6", identity, message)


@cache
def _select_wrong(table: Table, *, is_sqlite: bool) -> Select[Any] | None:
    """Return what finds a table's rows with wrong numbers, made once; None if no number of it can be wrong."""
    columns = _whole_columns(table)
    wrong = [condition for column in columns for condition in _wrong(column, is_sqlite=is_sqlite)]
    return select(*table.primary_key.columns, *columns).where(or_(*wrong)) if wrong else None


def _whole_columns(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, Integer | BigInteger)]


def _wrong(column: Column[Any], *, is_sqlite: bool) -> Iterator[ColumnElement[bool]]:
    if is_sqlite:
        # SQLite keeps whatever is put into a column; elsewhere the column's type is the proof.
        yield func.typeof(column).in_(_STORED_OTHERWISE)
    if column in _LEAST:
        yield column < _LEAST[column]
        yield column > MAX_AMOUNT


def _fault(column: Column[Any], value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, int):
        return "which is not stored as an integer"
    if column in _LEAST and value < _LEAST[column]:
        return f"but must be at least {_LEAST[column]}"
    return "which is more than 2^53−1" if column in _LEAST and value > MAX_AMOUNT else ""


def file_is_sound(connection: Connection) -> Iterator[Violation]:
    """database: pages, indexes and constraints of the SQLite file are whole, and no row lacks its parent."""
    for row in connection.execute(text("PRAGMA integrity_check(100)")):
        if row[0] != "ok":
            yield Violation("database", (), f"the file is damaged: {row[0]}")
    for table, rowid, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
        where = table if rowid is None else f"row {rowid} of {table}"
        yield Violation("database", (str(table),), f"{where} names a row of {parent} that does not exist")


CHECKS = (
    Check("L4", "No event, transfer or draw is missing or out of order", nothing_is_missing, is_deep=False),
    Check("L4-guards", "The database itself refuses changes to the books", guards_stand, is_deep=False),
    Check("L6", "Amounts are whole numbers within 2^53−1", amounts_are_whole, is_deep=False),
    Check("database", "The database file is sound", file_is_sound, dialect="sqlite"),
)  # fmt: skip
