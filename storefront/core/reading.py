"""Reads: a ``Query`` is a SQLAlchemy select, compiled once a database; rows come back as plain mappings.

On SQLite point reads run on the loop's own thread over a read-only connection (a few microseconds; a
thread hop costs more than the read) and never give way to others; on PostgreSQL they wait for the network.
Reads that may scan go through ``scan``, which never holds up the loop.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Dialect, Engine, Select, create_engine, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg as postgres_dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storefront.core.compiling import share_compiled

Row = Mapping[str, Any]
_ANY_FILE = make_url("sqlite+aiosqlite://")
_ANY_SCANNED = make_url("sqlite://?mode=ro")
_MOST_SCANS = 4
_WRITTEN_OUT = {"render_postcompile": True}  # lists of constants (``in_``) stand in the text as parameters
_POSTGRES: Dialect = postgres_dialect.dialect()  # type: ignore[no-untyped-call]


class Query:
    """A select with named parameters, for hot reads: ``Query(select(t).where(t.c.id == bindparam("id")))``."""

    __slots__ = ("_on_postgres", "_on_sqlite", "_statement")

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._on_sqlite: tuple[str, dict[str, Any]] | None = None
        self._on_postgres: tuple[str, tuple[str, ...], dict[str, Any]] | None = None

    def on_sqlite(self) -> tuple[str, dict[str, Any]]:
        """Return the SQL with ``:name`` parameters, and the constants among them."""
        if self._on_sqlite is None:
            compiled = self._statement.compile(dialect=sqlite.dialect(paramstyle="named"), compile_kwargs=_WRITTEN_OUT)
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            self._on_sqlite = str(compiled), constants
        return self._on_sqlite

    def on_postgres(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """Return the SQL with ``$1`` parameters, their names in order, and the constants among them."""
        if self._on_postgres is None:
            compiled = self._statement.compile(dialect=_POSTGRES, compile_kwargs=_WRITTEN_OUT)
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            self._on_postgres = str(compiled), tuple(compiled.positiontup or ()), constants
        return self._on_postgres


class PointReader(Protocol):
    """Reads a few rows by an index."""

    async def first(self, query: Query, /, **parameters: Any) -> Row | None:
        """Return the first row, or None."""
        ...

    async def all(self, query: Query, /, **parameters: Any) -> Sequence[Row]:
        """Return the rows."""
        ...


class Reader(PointReader, Protocol):
    """What use cases read with."""

    def snapshot(self) -> AbstractAsyncContextManager[PointReader]:
        """Give a reader whose reads all see one state of the database; nothing else may be awaited inside."""
        ...

    async def scan(self, statement: Select[Any]) -> Sequence[Row]:
        """Return the rows of a read that may take its time."""
        ...

    async def settled_before(self) -> int:
        """Return the commit number below which nothing can appear any more, for those who follow commits."""
        ...

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a read-only SQLAlchemy connection, for reports."""
        ...


class SqliteReader:
    """Reads a SQLite file that another connection writes; never checkpoints, never writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._engine: AsyncEngine | None = None
        self._scanning: tuple[Engine, ThreadPoolExecutor] | None = None

    def open(self) -> None:
        address = f"file:{self._path}?mode=ro"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, cached_statements=512)
        connection.row_factory = _as_mapping
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        self._connection = connection
        self._engine = create_async_engine(f"sqlite+aiosqlite:///file:{self._path}?mode=ro&uri=true")
        share_compiled(self._engine.sync_engine, _ANY_FILE)
        scanned = create_engine(f"sqlite:///file:{self._path}?mode=ro&uri=true", pool_size=_MOST_SCANS)
        share_compiled(scanned, _ANY_SCANNED)
        self._scanning = scanned, ThreadPoolExecutor(_MOST_SCANS, "scan")

    async def close(self) -> None:
        if self._scanning is not None:
            scanned, threads = self._scanning
            self._scanning = None
            await asyncio.to_thread(threads.shutdown)
            scanned.dispose()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def first(self, query: Query, /, **parameters: Any) -> Row | None:
        assert self._connection is not None, "the reader is open while the shop runs"
        sql, constants = query.on_sqlite()
        row: Row | None = self._connection.execute(sql, {**constants, **parameters}).fetchone()
        return row

    async def all(self, query: Query, /, **parameters: Any) -> Sequence[Row]:
        assert self._connection is not None, "the reader is open while the shop runs"
        sql, constants = query.on_sqlite()
        return self._connection.execute(sql, {**constants, **parameters}).fetchall()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PointReader]:
        assert self._connection is not None, "the reader is open while the shop runs"
        self._connection.execute("BEGIN")
        try:
            yield self
        finally:
            self._connection.execute("COMMIT")

    async def settled_before(self) -> int:
        """One writer commits in the order of its numbers: whatever can be read is settled."""
        return 2**63 - 1

    async def scan(self, statement: Select[Any]) -> Sequence[Row]:
        """Read in a thread from beginning to end: a hop for each step costs many times what most scans take."""
        assert self._scanning is not None, "the reader is open while the shop runs"
        scanned, threads = self._scanning
        return await asyncio.get_running_loop().run_in_executor(threads, _scan, scanned, statement)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        assert self._engine is not None, "the reader is open while the shop runs"
        async with self._engine.connect() as connection:
            yield connection


def _scan(engine: Engine, statement: Select[Any]) -> Sequence[Row]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def _as_mapping(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}
