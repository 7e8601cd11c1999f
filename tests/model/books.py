"""The real shop of one example: a fresh migrated database, the commit engine over it, and a clock to set."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from storefront.core.audit import verify_database
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Outcome
from storefront.core.commit.plan import Insert, Plan
from storefront.core.database import Database
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from tests.postgres import Postgres

from .deciding import CUSTOMERS
from .plans import ACTOR, CATALOG_VERSION, catalog_document

NOW = 1_800_000_000_000
Rows = list[dict[str, Any]]
TABLES = {
    "lots": "SELECT * FROM lots ORDER BY id",
    "accounts": "SELECT * FROM accounts WHERE guarded = 1",
    "moved": "SELECT account, sum(amount) AS amount FROM (SELECT destination AS account, amount FROM transfers"
    " UNION ALL SELECT source, -amount FROM transfers) AS both_ways GROUP BY account",
    "items": "SELECT customer_id, sku, quantity FROM items",
    "counters": "SELECT key, value FROM counters WHERE key NOT LIKE 'reversed:%'",
    "holds": "SELECT id, amount, state, captured FROM holds",
    "keys": "SELECT caller, key, state FROM idempotency",
    "claims": "SELECT key FROM claims",
    "purchases": "SELECT id, refunded FROM purchases",
}
"""What the model is compared with, after every step."""


class Books:
    """An open shop. Everything happens in one loop, which the test owns."""

    def __init__(self, database: Database, look: "Look") -> None:
        self.database = database
        self.now = NOW
        self.engine = CommitEngine(database.store, Clock(lambda: self.now))
        self._look = look

    async def commit(self, plans: Sequence[Plan]) -> list[Outcome | BaseException]:
        """Commit the plans together, in their order."""
        return await asyncio.gather(*(self.engine.commit(plan) for plan in plans), return_exceptions=True)

    async def rows(self) -> dict[str, Rows]:
        """Read all that the model is compared with."""
        return {name: await self._look.all(sql) for name, sql in TABLES.items()}

    async def violations(self) -> str:
        """Audit the books, deep; return what is wrong with them."""
        report = await verify_database(self.database, deep=True)
        return report.explain()


class Look(Protocol):
    """Reads behind the engine's back."""

    async def all(self, sql: str) -> Rows: ...

    async def close(self) -> None: ...


class Shelf(Protocol):
    """Makes the books of one example after the other, from a template that was migrated once."""

    async def open(self) -> Books: ...

    async def close(self, books: Books) -> None: ...


class SqliteShelf:
    """A copy of one migrated file for every example."""

    def __init__(self, folder: Path) -> None:
        self._template, self._copy = folder / "template.db", folder / "shop.db"

    async def prepare(self) -> None:
        await _make_template(SqliteDatabase(self._template))

    async def open(self) -> Books:
        for suffix in ("", "-wal", "-shm"):
            self._copy.with_name(self._copy.name + suffix).unlink(missing_ok=True)
        shutil.copy(self._template, self._copy)
        database = SqliteDatabase(self._copy)
        await database.store.open()
        books = Books(database, _LookIntoFile(self._copy))
        books.engine.start()
        return books

    async def close(self, books: Books) -> None:
        await books.engine.stop()
        await books._look.close()
        await books.database.store.close()


class PostgresShelf:
    """A copy of one migrated database for every example."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._template = ""

    async def prepare(self) -> None:
        self._template = await self._server.new_database()
        await _make_template(PostgresDatabase(self._template))

    async def open(self) -> Books:
        url = await self._server.new_database(template=self._template)
        database = PostgresDatabase(url)
        await database.open(mode="sandbox")
        books = Books(database, _LookIntoPostgres(await asyncpg.connect(url)))
        books.engine.start()
        return books

    async def close(self, books: Books) -> None:
        await books.engine.stop()
        await books._look.close()
        await books.database.close()
        assert isinstance(books.database, PostgresDatabase)
        await self._server.drop_database(books.database.url)

    async def clear(self) -> None:
        await self._server.drop_database(self._template)


class _LookIntoFile:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
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
        row = {"id": customer, "external_id": customer, "country": None, "created_at": NOW}
        plan.add(Insert("customers", (customer,), customer, row))
        plan.emit("customer.created", anchor=customer, subject=customer, payload={})
    version = {"hash": CATALOG_VERSION, "document": catalog_document(), "stored_at": NOW}
    plan.add(Insert("catalog_versions", (CATALOG_VERSION,), None, version))
    await engine.commit(plan)
    await engine.stop()
    await database.close()
