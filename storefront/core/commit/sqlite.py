"""The store on SQLite: one writer connection, one thread, one transaction a batch.

Statements are made from the SQLAlchemy tables once and run on the driver. The writer alone checkpoints:
SQLite before 3.51.3 has a WAL-reset race between two checkpointing connections.
Source: https://sqlite.org/wal.html, read 2026-11-21.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, delete
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

from storefront.core.commit.outcome import DatabaseAway
from storefront.core.commit.state import Address, Row, State, Writes
from storefront.core.commit.store import EPOCH_BITS, GROUP_COLUMNS, GROUP_CONDITION, Decide, Wanted

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA wal_autocheckpoint=10000",
    # In KB: the inner pages of all indexes of a large shop stay in memory; unasked, SQLite keeps 2 MB.
    "PRAGMA cache_size=-65536",
)
LARGEST_CHUNK = 64


def compile_sql(statement: ClauseElement) -> str:
    """Return the driver's SQL for a statement, with ``:name`` parameters."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))


def _select_many(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """Return one statement that finds the rows of many keys, given as a JSON array ``:keys``.

    A key of several columns is an array in it, a key of one column is the bare value.
    """
    shown = ", ".join(f"t.{name}" for name in columns)
    matches = " AND ".join(f"t.{name} = json_extract(k.value, '$[{n}]')" for n, name in enumerate(key)) or "0"
    if len(key) == 1:
        matches = f"t.{key[0]} = k.value"
    # CROSS JOIN keeps SQLite from turning the join around: keys first, then one look-up each.
    return f"SELECT {shown} FROM json_each(:keys) AS k CROSS JOIN {table} AS t WHERE {matches}"  # noqa: S608


class TableStatements:
    """The statements of one table. Rows are written many a statement: every step of a statement hands the
    interpreter's lock to and fro, which costs more than the row."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.columns = tuple(column.name for column in table.columns)
        self.primary_key = [column.name for column in table.primary_key.columns]
        matches = [column == bindparam(f"k{n}") for n, column in enumerate(table.primary_key.columns)]
        self.delete = compile_sql(delete(table).where(*matches))
        self.select_many = _select_many(table.name, self.columns, self.primary_key)
        self.group_columns = GROUP_COLUMNS.get(table.name, ())
        self.select_groups = _select_many(table.name, self.columns, self.group_columns)
        if table.name in GROUP_CONDITION:
            self.select_groups += f" AND t.{GROUP_CONDITION[table.name]}"
        changes = ", ".join(f"{name} = excluded.{name}" for name in self.columns if name not in self.primary_key)
        conflict = f" ON CONFLICT ({', '.join(self.primary_key)}) DO "
        self._on_insert = conflict + "NOTHING" if table.name == "accounts" else ""
        self._on_update = conflict + (f"UPDATE SET {changes}" if changes else "NOTHING")
        self._values = itemgetter(*self.columns)
        self._is_tree = not table.dialect_options["sqlite"]["with_rowid"]
        self._by_key = itemgetter(*self.primary_key)
        self._written: dict[tuple[str, int], str] = {}

    def insert(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Write new rows; an existing one is an error (but for open accounts, which any process may add)."""
        if self._is_tree and len(rows) >= LARGEST_CHUNK:
            rows = sorted(rows, key=self._by_key)  # neighbours in the tree share its pages
        self._write(connection, self._on_insert, rows)

    def update(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Write whole rows over existing ones."""
        self._write(connection, self._on_update, rows)

    def identity(self, row: Mapping[str, Any]) -> tuple[str | int, ...]:
        return tuple(row[name] for name in self.primary_key)

    def _write(self, connection: sqlite3.Connection, suffix: str, rows: Sequence[Row]) -> None:
        at = 0
        while at < len(rows):
            # Powers of two, so that a few statements serve every number of rows.
            size = min(LARGEST_CHUNK, 1 << ((len(rows) - at).bit_length() - 1))
            chunk = rows[at : at + size]
            connection.execute(self._sql(suffix, size), self._flatten(chunk))
            at += size

    def _flatten(self, rows: Sequence[Row]) -> list[Any]:
        if len(self.columns) == 1:
            return list(map(self._values, rows))
        return list(chain.from_iterable(map(self._values, rows)))

    def _sql(self, suffix: str, size: int) -> str:
        known = self._written.get((suffix, size))
        if known is None:
            row = f"({', '.join('?' * len(self.columns))})"
            known = f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES {', '.join([row] * size)}{suffix}"  # noqa: S608
            self._written[(suffix, size)] = known
        return known


@lru_cache(512)
def _statements_of(table: Table) -> TableStatements:
    """Return the statements of a table, made once a process: a table never changes."""
    return TableStatements(table)


def connect(path: Path) -> sqlite3.Connection:
    """Open the writer's connection; the store begins and ends its transactions itself."""
    return sqlite3.connect(path, isolation_level=None, cached_statements=512)


class SqliteStore:
    """Runs batches in a thread of its own; at most one connection of a process ever writes.

    ``connect`` and ``pragmas`` are how a test puts the store on a disk that can lose power.
    """

    lanes = 1

    def __init__(
        self,
        path: Path,
        tables: Sequence[Table],
        *,
        connect: Callable[[Path], sqlite3.Connection] = connect,
        pragmas: Sequence[str] = PRAGMAS,
    ) -> None:
        self._path = path
        self._connect = connect
        self._pragmas = pragmas
        self._tables = {table.name: _statements_of(table) for table in tables}
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
        connection = self._connect(self._path)
        for pragma in self._pragmas:
            connection.execute(pragma)
        numbers = [connection.execute(f"SELECT max(commit_no) FROM {table}").fetchone()[0]  # noqa: S608
                   for table in ("events", "entries", "item_movements")]  # fmt: skip
        epoch = connection.execute("SELECT value FROM settings WHERE key = 'epoch'").fetchone()
        numbers.append(int(epoch[0]) << EPOCH_BITS if epoch else 0)
        self._commit_no = max(number for number in numbers if number is not None)
        names = connection.execute("SELECT id FROM accounts WHERE guarded = 0")
        self._open_accounts = {row[0] for row in names}
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
        """Load what the batch names, each table once."""
        state = State(open_accounts=self._open_accounts.copy())
        state.anchors = dict.fromkeys(wanted.anchors, (0, 0))
        anchors = self._tables["anchors"]
        found = _find(connection, anchors.select_many, [(name,) for name in wanted.anchors])
        for anchor, version, sequence, merged_into in found:
            state.anchors[anchor] = (version, sequence)
            if merged_into is not None:
                state.merged[anchor] = merged_into
        keys: dict[str, list[tuple[str | int, ...]]] = {}
        for key in wanted.keys:
            keys.setdefault(key.table, []).append(key.id)
            state.rows[(key.table, key.id)] = None
        for table, identities in keys.items():
            statements = self._tables[table]
            for values in _find(connection, statements.select_many, identities):
                _keep_row(state, statements, values)
        self._load_groups(connection, state, wanted)
        for search in wanted.searches:
            statements = self._tables[search.table]
            sql = f"SELECT {', '.join(statements.columns)} FROM {search.table} WHERE {search.where}"  # noqa: S608
            state.found[search] = [_keep_row(state, statements, values)[0] for values in connection.execute(sql)]
        return state

    def _load_groups(self, connection: sqlite3.Connection, state: State, wanted: Wanted) -> None:
        groups: dict[str, list[tuple[str, ...]]] = {}
        for group in wanted.groups:
            groups.setdefault(group.table, []).append(group.id)
            state.groups[(group.table, group.id)] = []
        holds, freezes = groups.pop("holds", []), groups.pop("freezes", [])
        for table, identities in groups.items():
            self._load_group(connection, state, table, identities)
        # Holds pin lots, so where no lot is pinned there is no open hold to look for: purchases are spared it.
        pinned = [account for account in holds if _is_pinned(state, account)]
        self._load_group(connection, state, "holds", pinned)
        # A freeze matters to others for what a hold may still give back to it, so it goes with the holds.
        owners = {account[0].split(":", 2)[1] for account in pinned}
        self._load_group(connection, state, "freezes", [customer for customer in freezes if customer[0] in owners])

    def _load_group(
        self, connection: sqlite3.Connection, state: State, table: str, identities: Sequence[tuple[str, ...]]
    ) -> None:
        statements = self._tables[table]
        for values in _find(connection, statements.select_groups, identities):
            address, row = _keep_row(state, statements, values)
            name = tuple(row[column] for column in statements.group_columns)
            state.groups[(table, name)].append(address)

    def _write(self, connection: sqlite3.Connection, writes: Writes) -> None:
        anchors = [
            {"id": anchor, "version": version, "sequence": sequence, "merged_into": writes.merged.get(anchor)}
            for anchor, (version, sequence) in writes.anchors.items()
        ]
        self._tables["anchors"].update(connection, anchors)
        for name, statements in self._tables.items():
            if name in writes.deletes:
                connection.executemany(statements.delete, _as_parameters(writes.deletes[name]))
            if name in writes.updates:
                statements.update(connection, writes.updates[name])
            if name in writes.inserts:
                statements.insert(connection, writes.inserts[name])


def _find(connection: sqlite3.Connection, sql: str, keys: Sequence[tuple[str | int, ...]]) -> Iterable[Any]:
    if not keys:
        return ()
    listed = keys if len(keys[0]) != 1 else [key[0] for key in keys]
    return connection.execute(sql, {"keys": msgspec.json.encode(listed).decode()})


def _is_pinned(state: State, account: tuple[str, ...]) -> bool:
    """Tell whether a loaded wallet has held lots; of one whose lots were not loaded nobody knows."""
    lots = state.groups.get(("lots", account))
    return lots is None or any(row is not None and row["held"] for row in map(state.rows.get, lots))


def _keep_row(state: State, statements: TableStatements, values: tuple[Any, ...]) -> tuple[Address, Row]:
    row = dict(zip(statements.columns, values, strict=True))
    address = (statements.name, statements.identity(row))
    state.rows[address] = row
    state.stored.add(address)
    return address, row


def _as_parameters(identities: Iterable[tuple[str | int, ...]]) -> list[dict[str, str | int]]:
    return [{f"k{n}": part for n, part in enumerate(identity)} for identity in identities]
