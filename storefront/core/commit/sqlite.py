"""The store on SQLite: one writer connection, one thread, one transaction a batch.

Statements are made from the SQLAlchemy tables once and run on the driver. The writer alone checkpoints:
SQLite before 3.51.3 has a WAL-reset race between two checkpointing connections.
Source: https://sqlite.org/wal.html, read 2026-11-21.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Table, bindparam, delete, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.sql import ClauseElement

from storefront.core.commit.outcome import DatabaseAway
from storefront.core.commit.plan import Group, Key
from storefront.core.commit.state import State, Writes
from storefront.core.commit.store import Decide, Wanted

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA wal_autocheckpoint=10000",
)
# Which column of a table its groups are asked by, and what makes a row part of one.
_GROUP_COLUMNS = {"lots": ("account",), "entitlements": ("customer_id", "key")}
_GROUP_CONDITION = {"lots": "remaining > 0", "entitlements": "1"}


def compile_sql(statement: ClauseElement) -> str:
    """Return the driver's SQL for a statement, with ``:name`` parameters."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))


class TableStatements:
    """The statements of one table, compiled once."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.primary_key = [column.name for column in table.primary_key.columns]
        matches = [column == bindparam(f"k{n}") for n, column in enumerate(table.primary_key.columns)]
        self.select = compile_sql(select(table).where(*matches))
        self.delete = compile_sql(delete(table).where(*matches))
        inserting = insert(table) if table.name != "accounts" else upsert(table).on_conflict_do_nothing()
        self.insert = compile_sql(inserting)
        columns = [column.name for column in table.columns]
        writing = upsert(table)
        changing = {name: writing.excluded[name] for name in columns if name not in self.primary_key}
        self.update = compile_sql(writing.on_conflict_do_update(index_elements=self.primary_key, set_=changing))
        self.group = ""
        if table.name in _GROUP_COLUMNS:
            names = " AND ".join(f"{name} = :k{n}" for n, name in enumerate(_GROUP_COLUMNS[table.name]))
            self.group = f"SELECT * FROM {table.name} WHERE {names} AND {_GROUP_CONDITION[table.name]}"  # noqa: S608

    def identity(self, row: Mapping[str, Any]) -> tuple[str | int, ...]:
        return tuple(row[name] for name in self.primary_key)


class SqliteStore:
    """Runs batches in a thread of its own; at most one connection of a process ever writes."""

    def __init__(self, path: Path, tables: Sequence[Table]) -> None:
        self._path = path
        self._tables = {table.name: TableStatements(table) for table in tables}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storefront-writer")
        self._connection: sqlite3.Connection | None = None
        self._open_accounts: set[str] = set()
        self._commit_no = 0

    async def open(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def transact(self, wanted: Wanted, decide: Decide) -> int:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, wanted, decide)

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=512)
        connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS:
            connection.execute(pragma)
        numbers = [connection.execute(f"SELECT max(commit_no) FROM {table}").fetchone()[0]  # noqa: S608
                   for table in ("events", "entries", "item_movements")]  # fmt: skip
        self._commit_no = max((number for number in numbers if number is not None), default=0)
        names = connection.execute("SELECT id FROM accounts WHERE guarded = 0")
        self._open_accounts = {row["id"] for row in names}
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, wanted: Wanted, decide: Decide) -> int:
        connection = self._connection
        assert connection is not None, "the store is open while the engine runs"
        try:
            connection.execute("BEGIN IMMEDIATE")
            state = self._load(connection, wanted)
            commit_no = self._commit_no + 1
            writes = decide(state, commit_no)
            self._write(connection, writes)
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back(connection)
            raise DatabaseAway from error
        except BaseException:
            self._roll_back(connection)
            raise
        self._commit_no = commit_no
        self._open_accounts |= state.open_accounts
        return commit_no

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def _load(self, connection: sqlite3.Connection, wanted: Wanted) -> State:
        state = State(open_accounts=set(self._open_accounts))
        anchor_sql = self._tables["anchors"].select
        for anchor in wanted.anchors:
            found = connection.execute(anchor_sql, {"k0": anchor}).fetchone()
            state.anchors[anchor] = (found["version"], found["sequence"]) if found else (0, 0)
        for key in wanted.keys:
            self._load_row(connection, state, key)
        for group in wanted.groups:
            self._load_group(connection, state, group)
        return state

    def _load_row(self, connection: sqlite3.Connection, state: State, key: Key) -> None:
        parameters = {f"k{n}": part for n, part in enumerate(key.id)}
        found = connection.execute(self._tables[key.table].select, parameters).fetchone()
        address = (key.table, key.id)
        state.rows[address] = None if found is None else dict(found)
        if found is not None:
            state.stored.add(address)

    def _load_group(self, connection: sqlite3.Connection, state: State, group: Group) -> None:
        statements = self._tables[group.table]
        parameters = {f"k{n}": part for n, part in enumerate(group.id)}
        members = state.groups.setdefault((group.table, group.id), [])
        for found in connection.execute(statements.group, parameters):
            row = dict(found)
            address = (group.table, statements.identity(row))
            state.rows[address] = row
            state.stored.add(address)
            members.append(address)

    def _write(self, connection: sqlite3.Connection, writes: Writes) -> None:
        for anchor, (version, sequence) in writes.anchors.items():
            row = {"id": anchor, "version": version, "sequence": sequence}
            connection.execute(self._tables["anchors"].update, row)
        for name, statements in self._tables.items():
            if name in writes.deletes:
                connection.executemany(statements.delete, _as_parameters(writes.deletes[name]))
            if name in writes.updates:
                connection.executemany(statements.update, writes.updates[name])
            if name in writes.inserts:
                connection.executemany(statements.insert, writes.inserts[name])


def _as_parameters(identities: Iterable[tuple[str | int, ...]]) -> list[dict[str, str | int]]:
    return [{f"k{n}": part for n, part in enumerate(identity)} for identity in identities]
