"""Reads: a ``Query`` is a SQLAlchemy select, compiled once; rows come back as plain mappings.

On SQLite point reads run on the loop's own thread over a read-only connection (a few microseconds; a
thread hop costs more than the read). Reads that may scan go through ``scan``, which is asynchronous.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Row = Mapping[str, Any]


class Query:
    """A select with named parameters, for hot reads: ``Query(select(t).where(t.c.id == bindparam("id")))``."""

    __slots__ = ("constants", "sql")

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
        self.sql = str(compiled)
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}


class Reader(Protocol):
    """What use cases read with."""

    def first(self, query: Query, /, **parameters: Any) -> Row | None:
        """Return the first row of a point read, or None."""
        ...

    def all(self, query: Query, /, **parameters: Any) -> Sequence[Row]:
        """Return the rows of a point read: few rows by an index."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Make the point reads inside see one state of the database; nothing may be awaited inside."""
        ...

    async def scan(self, statement: Select[Any]) -> Sequence[Row]:
        """Return the rows of a read that may take its time."""
        ...


class SqliteReader:
    """Reads a SQLite file that another connection writes; never checkpoints, never writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._engine: AsyncEngine | None = None

    def open(self) -> None:
        address = f"file:{self._path}?mode=ro"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, cached_statements=512)
        connection.row_factory = _as_mapping
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        self._connection = connection
        self._engine = create_async_engine(f"sqlite+aiosqlite:///file:{self._path}?mode=ro&uri=true")

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    def first(self, query: Query, /, **parameters: Any) -> Row | None:
        assert self._connection is not None, "the reader is open while the shop runs"
        row: Row | None = self._connection.execute(query.sql, {**query.constants, **parameters}).fetchone()
        return row

    def all(self, query: Query, /, **parameters: Any) -> Sequence[Row]:
        assert self._connection is not None, "the reader is open while the shop runs"
        return self._connection.execute(query.sql, {**query.constants, **parameters}).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        assert self._connection is not None, "the reader is open while the shop runs"
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    async def scan(self, statement: Select[Any]) -> Sequence[Row]:
        async with self.connect() as connection:
            result = await connection.execute(statement)
            return [dict(row) for row in result.mappings()]

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a read-only SQLAlchemy connection, for reports."""
        assert self._engine is not None, "the reader is open while the shop runs"
        async with self._engine.connect() as connection:
            yield connection


def _as_mapping(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}
