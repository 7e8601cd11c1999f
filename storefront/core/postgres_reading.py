"""Reads on PostgreSQL: a pool of read-only connections, and one bound below which nothing can appear any more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storefront.core.commit.outcome import DatabaseAway
from storefront.core.commit.postgres import CONNECTION_LOST, STATEMENT_SECONDS
from storefront.core.commit.store import EPOCH_BITS
from storefront.core.compiling import share_compiled
from storefront.core.reading import PointReader, Query, Row

T = TypeVar("T")
MOST_CONNECTIONS = 6
TRIES_FOR_SECONDS = 3.0
SETTINGS = {
    "application_name": "storefront-reader",
    "default_transaction_read_only": "on",
    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
    "jit": "off",
    # On disks without moving parts: an index that holds all that is asked for is read rather than a table.
    "random_page_cost": "1.1",
}
_SETTLED_BEFORE = """
WITH seen AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot)
SELECT CASE
    WHEN pg_snapshot_xmin(snapshot) = pg_snapshot_xmax(snapshot) THEN pg_snapshot_xmax(snapshot)::text::bigint
    ELSE coalesce(
        (SELECT min(running::text::bigint) FROM pg_snapshot_xip(snapshot) AS running
         WHERE running::text::bigint & 4294967295 NOT IN (
             SELECT transactionid::text::bigint FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted
               AND datid <> (SELECT oid FROM pg_database WHERE datname = current_database()))),
        pg_snapshot_xmax(snapshot)::text::bigint)
END FROM seen"""
"""A snapshot lists what runs in the whole cluster; what certainly runs in another database writes nothing here."""


class PostgresReader:
    """Reads a database that this and other processes write; see ``Reader``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._engine: AsyncEngine | None = None
        self._epoch = 0

    async def open(self, *, epoch: int) -> None:
        self._epoch = epoch
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=MOST_CONNECTIONS,
            command_timeout=STATEMENT_SECONDS * 2,
            statement_cache_size=512,
            server_settings=SETTINGS,
            reset=_keep_as_it_is,
        )
        self._engine = async_engine(self._url)

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def first(self, query: Query, /, **parameters: Any) -> Row | None:
        return await self._try(lambda connection: _first(connection, query, parameters))

    async def all(self, query: Query, /, **parameters: Any) -> Sequence[Row]:
        return await self._try(lambda connection: _all(connection, query, parameters))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PointReader]:
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield _Snapshot(connection)

    async def scan(self, statement: Select[Any]) -> Sequence[Row]:
        query = Query(statement)
        return await self._try(lambda connection: _all(connection, query, {}))

    async def settled_before(self) -> int:
        """Return the oldest transaction that may still commit: all below it are over, and what they wrote is there."""
        bound: int = await self._try(lambda connection: connection.fetchval(_SETTLED_BEFORE))
        return (self._epoch << EPOCH_BITS) | bound

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        assert self._engine is not None, "the reader is open while the shop runs"
        async with self._engine.connect() as connection:
            yield connection

    async def _try(self, read: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Read, and read again for a moment if the database is just being restarted."""
        loop = asyncio.get_running_loop()
        until = loop.time() + TRIES_FOR_SECONDS
        while True:
            try:
                async with self._connection() as connection:
                    return await read(connection)
            except DatabaseAway:
                if loop.time() >= until:
                    raise
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        assert self._pool is not None, "the reader is open while the shop runs"
        try:
            async with self._pool.acquire(timeout=STATEMENT_SECONDS) as connection:
                yield connection
        except CONNECTION_LOST as error:
            if isinstance(error, ValueError):  # a value that the driver cannot send
                raise
            raise DatabaseAway from error
        except asyncpg.QueryCanceledError as error:
            raise DatabaseAway from error


class _Snapshot:
    """Point reads on one connection inside one transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def first(self, query: Query, /, **parameters: Any) -> Row | None:
        return await _first(self._connection, query, parameters)

    async def all(self, query: Query, /, **parameters: Any) -> Sequence[Row]:
        return await _all(self._connection, query, parameters)


async def _first(connection: asyncpg.Connection, query: Query, parameters: dict[str, Any]) -> Row | None:
    sql, names, constants = query.on_postgres()
    given = {**constants, **parameters}
    row = await connection.fetchrow(sql, *(given[name] for name in names))
    return None if row is None else dict(row)


async def _all(connection: asyncpg.Connection, query: Query, parameters: dict[str, Any]) -> Sequence[Row]:
    sql, names, constants = query.on_postgres()
    given = {**constants, **parameters}
    return [dict(row) for row in await connection.fetch(sql, *(given[name] for name in names))]


async def _keep_as_it_is(connection: asyncpg.Connection) -> None:
    """Spare the round trip that would set back what no read ever changes."""


def async_engine(url: str) -> AsyncEngine:
    """Return SQLAlchemy's engine for a ``postgresql://`` address, for migrations and reports."""
    engine = create_async_engine("postgresql+asyncpg" + url.removeprefix("postgresql"), pool_pre_ping=True)
    share_compiled(engine.sync_engine, engine.url._replace(database=None))
    return engine
