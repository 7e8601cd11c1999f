"""Moving a shop from its SQLite file to an empty PostgreSQL database, every row of it, proved row by row.

All is copied in one transaction of the target: an interrupted move leaves it empty. Then both databases are
read once more, in the order of their keys, and their digests compared. The file stays as it is, but for one
row that keeps it from being served by mistake.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import Table

from storefront.core.database import sorted_tables
from storefront.core.errors import Conflict, StorefrontError
from storefront.core.migrating import History
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from storefront.core.tables import metadata

Progress = Callable[[str, int, int], None]
ROWS_AT_ONCE = 5_000
_STAYS_WITH_THE_TARGET = frozenset({"cluster", "epoch"})


class TargetNotEmpty(Conflict):
    code = "target_not_empty"
    title = "The database to move to is not empty"


class UnknownTables(StorefrontError):
    code = "unknown_tables"
    title = "Some tables belong to plugins that are not enabled"


class MoveFailed(StorefrontError):
    code = "move_failed"
    title = "The copy differs from its source"


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows by table, and the digest that both databases share."""

    target: str
    rows: Mapping[str, int]
    digest: str


class Move:
    """One move, from ``source`` to ``target``; both with the tables of the same plugins."""

    def __init__(
        self,
        source: SqliteDatabase,
        target: PostgresDatabase,
        *,
        histories: Sequence[History],
        tables: Sequence[Table],
        progress: Progress,
    ) -> None:
        self._source = source
        self._target = target
        self._tables = [*sorted_tables(metadata), *tables]
        self._known = {table.name for table in self._tables}
        self._known |= {history.version_table for history in histories}
        self._progress = progress
        self._total = 0
        self._done = 0

    async def run(self, *, mode: str) -> Moved:
        """Move everything; nobody may serve the source meanwhile.

        Raises:
            DatabaseInUse: somebody serves the source.
            TargetNotEmpty, UnknownTables: nothing was changed.
            MoveFailed: the target's transaction was rolled back, or its rows differ; the source is as it was.
        """
        await self._source.open(mode=mode)
        try:
            with closing(sqlite3.connect(f"file:{self._source.path}?mode=ro", uri=True)) as reading:
                self._refuse_unknown_tables(reading)
                await self._target.open(mode=mode)
                try:
                    rows = await self._copy(reading)
                    digest = await self._compare(reading)
                finally:
                    await self._target.close()
            await self._source.mark_as_moved(self._target.name)
        finally:
            await self._source.close()
        return Moved(self._target.name, rows, digest)

    def _refuse_unknown_tables(self, reading: sqlite3.Connection) -> None:
        found = {name for (name,) in reading.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        unknown = sorted(name for name in found - self._known if not name.startswith(("sqlite_", "storefront_version")))
        if unknown:
            raise UnknownTables(
                f"The file has tables that no enabled plugin knows: {', '.join(unknown)}. Enable the plugins that "
                "they belong to, so that their rows can be moved as well."
            )
        self._total = 3 * sum(_count(reading, table) for table in self._tables)

    async def _copy(self, reading: sqlite3.Connection) -> dict[str, int]:
        connection = await asyncpg.connect(self._target.url)
        try:
            async with connection.transaction():
                await self._refuse_full_target(connection)
                return {table.name: await self._copy_table(reading, connection, table) for table in self._tables}
        except asyncpg.PostgresError as error:
            raise MoveFailed(f"The target refused the rows, and is empty again: {error}") from error
        finally:
            await connection.close()

    async def _refuse_full_target(self, connection: asyncpg.Connection) -> None:
        for table in self._tables:
            if table.name != "settings" and await connection.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table.name})"):  # noqa: S608
                raise TargetNotEmpty(f"{self._target.name} has rows in {table.name}: move to a new database.")
        await connection.execute("DELETE FROM settings WHERE key <> ALL($1::text[])", list(_STAYS_WITH_THE_TARGET))

    async def _copy_table(self, reading: sqlite3.Connection, connection: asyncpg.Connection, table: Table) -> int:
        count = 0
        columns = [column.name for column in table.columns]
        for rows in _pages(reading, table):
            await connection.copy_records_to_table(table.name, records=rows, columns=columns)
            count += len(rows)
            self._tell(f"copying {table.name}", len(rows))
        return count

    async def _compare(self, reading: sqlite3.Connection) -> str:
        """Read both sides in the order of their keys; raises ``MoveFailed`` naming the first table that differs."""
        total = hashlib.sha256()
        connection = await asyncpg.connect(self._target.url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                for table in self._tables:
                    here, there = hashlib.sha256(), hashlib.sha256()
                    for rows in _pages(reading, table):
                        _digest(here, rows)
                        self._tell(f"comparing {table.name}", len(rows))
                    async for row in connection.cursor(_select(table), prefetch=ROWS_AT_ONCE):
                        _digest(there, [tuple(row)])
                    if here.digest() != there.digest():
                        raise MoveFailed(f"{table.name} differs between the file and {self._target.name}.")
                    total.update(here.digest())
        finally:
            await connection.close()
        return total.hexdigest()

    def _tell(self, what: str, rows: int) -> None:
        self._done += rows
        self._progress(what, self._done, self._total)


def _select(table: Table) -> str:
    """Return the rows in the order of their key; what belongs to the target itself is left out."""
    columns = ", ".join(column.name for column in table.columns)
    key = ", ".join(column.name for column in table.primary_key.columns)
    left_out = ", ".join(f"'{key}'" for key in sorted(_STAYS_WITH_THE_TARGET))
    condition = f" WHERE key NOT IN ({left_out})" if table.name == "settings" else ""
    return f"SELECT {columns} FROM {table.name}{condition} ORDER BY {key}"  # noqa: S608


def _pages(reading: sqlite3.Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    cursor = reading.execute(_select(table))
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _count(reading: sqlite3.Connection, table: Table) -> int:
    return int(reading.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608


def _digest(into: "hashlib._Hash", rows: Sequence[tuple[Any, ...]]) -> None:
    for row in rows:
        into.update(msgspec.json.encode(row))
        into.update(b"\n")
