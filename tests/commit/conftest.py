"""A migrated database and a running engine; after each test its books are audited."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.audit import verify_file
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Outcome
from storefront.core.commit.plan import Deposit, LotTerms, Plan, Spend
from storefront.core.sqlite_database import SqliteDatabase

NOW = 1_800_000_000_000
ADA, BOB = "cus_ada", "cus_bob"


class Books:
    """An engine over a file; ``commit`` applies plans."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self.engine = CommitEngine(database.store, Clock(lambda: NOW))

    async def commit(self, plan: Plan) -> Outcome:
        return await self.engine.commit(plan)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.database.path}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def dump(self) -> list[str]:
        """Return the whole content of the file as text."""
        with closing(sqlite3.connect(f"file:{self.database.path}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())

    def gems(self, customer_id: str) -> int:
        found = self.query("SELECT balance FROM accounts WHERE id = ?", f"customer:{customer_id}:gems")
        return int(found[0][0]) if found else 0


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    database = SqliteDatabase(tmp_path / "shop.db")
    await database.open(mode="sandbox")
    books = Books(database)
    books.engine.start()
    yield books
    await books.engine.stop()
    await database.close()
    report = await verify_file(database.path, deep=True)
    assert report.is_clean, [violation.message for violation in report.violations]


@pytest.fixture
def plan_for():
    """Makes a plan under these anchors."""

    def make(*anchors: str, **more: Any) -> Plan:
        return Plan(actor="test", anchors=set(anchors), **more)

    return make


@pytest.fixture
def credit(plan_for):
    """Makes a plan that puts gems into a wallet."""

    def make(customer_id: str, amount: int) -> Plan:
        plan = plan_for(customer_id)
        plan.entry("test.credit", about="gift", anchor=customer_id)
        plan.add(Deposit("entry", customer_id, "gems", amount, issuance("gems"), LotTerms(source="granted")))
        return plan

    return make


@pytest.fixture
def spend(plan_for):
    """Makes a plan that spends gems, and tells the world."""

    def make(customer_id: str, amount: int, **more: Any) -> Plan:
        plan = plan_for(customer_id, **more)
        plan.entry("test.spend", about="thing", anchor=customer_id)
        plan.add(Spend("entry", customer_id, "gems", amount, sink("gems")))
        plan.emit("test.spent", anchor=customer_id, subject="thing", payload={"amount": amount})
        return plan

    return make
