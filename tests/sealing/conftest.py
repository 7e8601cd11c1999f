"""Books of the simplest kind, entries that move one dollar, and whoever seals them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from storefront.core.accounts import clearing, revenue
from storefront.core.audit import Report, verify_database
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import Plan, Transfer
from storefront.core.sealing.sealer import Sealer
from storefront.core.sealing.seals import StoredSeal, each_seal
from storefront.core.sqlite_database import SqliteDatabase
from storefront.testing.empty_files import lay_tables

SELLER = "cus_seller"


@dataclass
class Books:
    """An open database with an engine; ``sealer`` closes seals over three entries at most."""

    database: SqliteDatabase
    engine: CommitEngine
    clock: Clock
    sealer: Sealer

    async def sell(self, *, entries: int = 1) -> list[str]:
        """Book sales of one dollar, all in one commit; return the entries' ids."""
        plan = Plan(actor="test", anchors={SELLER})
        ids = []
        for number in range(entries):
            label = f"sale {number}"
            ids.append(plan.entry("sale", about="stall", anchor=SELLER, label=label))
            plan.add(Transfer(label, clearing("cash", "USD"), revenue("USD"), 100, SELLER))
        await self.engine.commit(plan)
        return ids

    async def seals(self) -> list[StoredSeal]:
        return await self.database.read(lambda connection: list(each_seal(connection)))

    async def audit(self) -> Report:
        return await verify_database(self.database, deep=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
async def books(path: Path) -> AsyncIterator[Books]:
    """Open books; at the end they must be in order."""
    async with open_books(path) as opened:
        yield opened
        report = await opened.audit()
        assert report.is_clean, report.explain()


@asynccontextmanager
async def open_books(path: Path) -> AsyncIterator[Books]:
    """Open a database as a process does that has just started, and close it without a last word."""
    database = SqliteDatabase(path)
    await lay_tables(database)
    await database.open(mode="sandbox")
    clock = Clock()
    engine = CommitEngine(database.store, clock)
    engine.start()
    try:
        yield Books(database, engine, clock, Sealer(database.reader, engine, clock, largest_seal=3))
    finally:
        await engine.stop()
        await database.close()
