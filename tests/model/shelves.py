"""Fresh books for one example after the other: copies of a template that was migrated once, on either database."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import asyncpg
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import Insert, Plan
from storefront.core.database import Database
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from tests.postgres import Postgres

from .books import NOW, Books, Rows
from .deciding import CUSTOMERS
from .plans import ACTOR, CATALOG_VERSION, catalog_document

T = TypeVar("T")


class Shelf(Protocol):
    """Hands out books. Its audits share one SQLAlchemy engine: compiling 150 statements anew takes a second of ten."""

    async def prepare(self) -> None: ...

    async def open(self) -> Books: ...

    async def close(self, books: Books) -> None: ...

    async def clear(self) -> None: ...


class SqliteShelf:
    """A copy of one migrated file for every example."""

    def __init__(self, folder: Path) -> None:
        self._template, self._copy = folder / "template.db", folder / "shop.db"
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)

    async def prepare(self) -> None:
        await _make_template(SqliteDatabase(self._template))

    async def open(self) -> Books:
        for suffix in ("", "-wal", "-shm"):
            self._copy.with_name(self._copy.name + suffix).unlink(missing_ok=True)
        shutil.copy(self._template, self._copy)
        database = SqliteDatabase(self._copy)
        await database.store.open()
        books = Books(database, _LookIntoFile(self._connect()), self._read)
        books.engine.start()
        return books

    async def close(self, books: Books) -> None:
        await books.close()
        assert isinstance(books.database, SqliteDatabase)
        await books.database.store.close()

    async def clear(self) -> None:
        self._engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._copy}?mode=ro", uri=True)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)


class PostgresShelf:
    """A copy of one migrated database for every example."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._template = self._url = ""
        self._engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(self._url), poolclass=NullPool
        )

    async def prepare(self) -> None:
        self._template = await self._server.new_database()
        await _make_template(PostgresDatabase(self._template))

    async def open(self) -> Books:
        self._url = await self._server.new_database(template=self._template)
        database = PostgresDatabase(self._url)
        connection = await asyncpg.connect(self._url)
        # The copy is as new as its template: nothing is to be migrated, and its epoch goes on.
        epoch = await connection.fetchval("SELECT value FROM settings WHERE key = 'epoch'")
        await database.store.open(epoch=int(epoch))
        books = Books(database, _LookIntoPostgres(connection), self._read)
        books.engine.start()
        return books

    async def close(self, books: Books) -> None:
        await books.close()
        assert isinstance(books.database, PostgresDatabase)
        await books.database.store.close()
        await self._server.drop_database(books.database.url)

    async def clear(self) -> None:
        await self._engine.dispose()
        await self._server.drop_database(self._template)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)


class _LookIntoFile:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.row_factory = sqlite3.Row

    async def all(self, sql: str) -> Rows:
        return [dict(row) for row in self._connection.execute(sql)]

    async def close(self) -> None:
        self._connection.close()


class _LookIntoPostgres:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def all(self, sql: str) -> Rows:
        return [dict(row) for row in await self._connection.fetch(sql)]

    async def close(self) -> None:
        await self._connection.close()


async def _make_template(database: Database) -> None:
    """Migrate a database and put into it what was there before the first sale: customers, and a catalog."""
    await database.open(mode="sandbox")
    engine = CommitEngine(database.store, Clock(lambda: NOW))
    engine.start()
    plan = Plan(actor=ACTOR, anchors=set(CUSTOMERS))
    for customer in CUSTOMERS:
        row = {
            "id": customer,
            "external_id": customer,
            "country": None,
            "created_at": NOW,
            "merged_into": None,
            "merged_at": None,
        }
        plan.add(Insert("customers", (customer,), customer, row))
        plan.emit("customer.created", anchor=customer, subject=customer, payload={})
    version = {"hash": CATALOG_VERSION, "document": catalog_document(), "stored_at": NOW}
    plan.add(Insert("catalog_versions", (CATALOG_VERSION,), None, version))
    await engine.commit(plan)
    await engine.stop()
    await database.close()
