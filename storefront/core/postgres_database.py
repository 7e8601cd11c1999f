"""A shop's database on PostgreSQL: any number of processes, on any number of machines, serve it together."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

import storefront.core.tables_freezes  # noqa: F401 - completes the metadata
from storefront.core.commit.postgres import CONNECTION_LOST, PostgresStore
from storefront.core.commit.store import EPOCH_BITS
from storefront.core.database import begin_epoch, newest_commit, put_setting, settle_mode, sorted_tables, stored_epoch
from storefront.core.errors import StorefrontError
from storefront.core.migrating import CORE, History, Revision, migrate_history, revisions_of, wanted_history
from storefront.core.postgres_reading import PostgresReader, async_engine
from storefront.core.tables import metadata, settings

T = TypeVar("T")

LOCK_CLASS = 0x5F0E
"""First half of our named advisory locks; anchors are locked in the other key space, of one number."""
MIGRATION_LOCK, LEADER_LOCK = 1, 2
CLUSTER = "cluster"

_NO_CONNECTION = (
    *CONNECTION_LOST,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


class CannotConnect(StorefrontError):
    code = "cannot_connect"
    title = "The database cannot be reached"


class PostgresDatabase:
    """The store and the reader of one PostgreSQL database; see ``Database``."""

    is_shared = True

    def __init__(self, url: str, *, histories: Sequence[History] = (), tables: Sequence[Table] = ()) -> None:
        self.url = url
        self.name = make_url(url).render_as_string(hide_password=True)
        self._histories = (CORE, *histories)
        self.store = PostgresStore(url, [*sorted_tables(metadata), *tables])
        self.reader = PostgresReader(url)

    async def open(self, *, mode: str) -> None:
        async with self._engine() as engine, self._migration_lock(engine):
            await self._upgrade(engine)
            async with engine.begin() as connection:
                await connection.run_sync(settle_mode, mode, self.name)
                epoch = await connection.run_sync(settle_epoch)
        await self.store.open(epoch=epoch)
        await self.reader.open(epoch=epoch)

    async def close(self) -> None:
        await self.reader.close()
        await self.store.close()

    async def migrate(self) -> list[Revision]:
        async with self._engine() as engine, self._migration_lock(engine):
            return await self._upgrade(engine)

    async def migrate_to(self, history: str, revision: str) -> Revision:
        wanted = wanted_history(self._histories, history, revision)
        async with (
            self._engine() as engine,
            self._migration_lock(engine),
            engine.begin() as connection,
        ):
            return await connection.run_sync(migrate_history, wanted, revision)

    async def revisions(self) -> list[Revision]:
        async with self._engine() as engine, engine.connect() as connection:
            return [await connection.run_sync(revisions_of, history) for history in self._histories]

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._engine() as engine, engine.connect() as connection:
            return await connection.run_sync(work)

    async def _upgrade(self, engine: AsyncEngine) -> list[Revision]:
        before = []
        for history in self._histories:
            async with engine.begin() as connection:
                before.append(await connection.run_sync(migrate_history, history))
        return before

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[AsyncEngine]:
        engine = async_engine(self.url)
        try:
            yield engine
        except _NO_CONNECTION as error:
            raise CannotConnect(f"{self.name} cannot be reached: {error}") from error
        except DBAPIError as error:
            reason = error.orig.__cause__ if error.orig is not None else None
            if not isinstance(reason, _NO_CONNECTION):
                raise
            raise CannotConnect(f"{self.name} cannot be reached: {reason}") from error
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def _migration_lock(self, engine: AsyncEngine) -> AsyncIterator[None]:
        """Let one process at a time migrate, also when many start at once."""
        async with engine.connect() as connection:
            await connection.execute(select(func.pg_advisory_lock(LOCK_CLASS, MIGRATION_LOCK)))
            await connection.commit()
            try:
                yield
            finally:
                await connection.execute(select(func.pg_advisory_unlock(LOCK_CLASS, MIGRATION_LOCK)))
                await connection.commit()


def settle_epoch(connection: Connection) -> int:
    """Return the epoch of commit numbers in this cluster; a database that came from another one begins a new epoch.

    Transactions are numbered per cluster. Numbers that were given elsewhere must never lie above those that
    are given here, or followers would pass over what comes.
    """
    known = connection.execute(select(settings.c.value).where(settings.c.key == CLUSTER)).scalar()
    cluster, epoch, newest = _cluster(connection), stored_epoch(connection), newest_commit(connection)
    current = int(connection.execute(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")).scalar_one())
    if known != cluster or newest >= (epoch << EPOCH_BITS) | current:
        put_setting(connection, CLUSTER, cluster)
        return begin_epoch(connection)
    return epoch


def _cluster(connection: Connection) -> str:
    """Name the cluster; where the server does not tell its identifier, the numbers themselves must do."""
    savepoint = connection.begin_nested()
    try:
        found = connection.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one()
    except DBAPIError:
        savepoint.rollback()
        return "unknown"
    savepoint.commit()
    return str(found)
