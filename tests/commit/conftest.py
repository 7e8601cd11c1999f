"""A migrated database and a running engine; after each test its books are audited."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.audit import verify_database
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Outcome
from storefront.core.commit.plan import (
    Demand,
    Deposit,
    GrantEntitlement,
    GrantItem,
    LotPart,
    LotTerms,
    OpenEntry,
    Plan,
    Spend,
    WalletDemand,
)
from storefront.core.database import Database
from storefront.core.postgres_database import PostgresDatabase
from storefront.core.sqlite_database import SqliteDatabase
from storefront.testing.empty_files import lay_tables
from storefront.testing.looking import look_into, tables_of

NOW = 1_800_000_000_000
ADA, BOB = "cus_ada", "cus_bob"


class Books:
    """An engine over a file; ``commit`` applies plans, ``now`` is its time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self._look = look_into(database)
        self.engine = CommitEngine(database.store, Clock(lambda: self.now))

    async def commit(self, plan: Plan) -> Outcome:
        return await self.engine.commit(plan)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._look(sql, parameters)]

    def dump(self) -> list[str]:
        """Return the whole content of the database as text."""
        tables = tables_of(self._look, self.database)
        return [f"{table} {row}" for table in tables for row in sorted(map(repr, self.query(f"SELECT * FROM {table}")))]

    def gems(self, customer_id: str) -> int:
        found = self.query("SELECT balance FROM accounts WHERE id = ?", f"customer:{customer_id}:gems")
        return int(found[0][0]) if found else 0


@pytest.fixture
async def books(data_folder: Path, database_url: str | None) -> AsyncIterator[Books]:
    path = data_folder / "data" / "storefront.sqlite"
    database = SqliteDatabase(path) if database_url is None else PostgresDatabase(database_url)
    await lay_tables(database)
    await database.open(mode="sandbox")
    books = Books(database)
    books.engine.start()
    yield books
    await books.engine.stop()
    await database.close()
    report = await verify_database(database, deep=True)
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


@pytest.fixture
def pack(books, plan_for):
    """Buys ada a pack of gems; answers what a reversal would demand of it."""

    async def buy(amount=100, *, entry="ent_pack", expires_at=None, items=None, rights=(), customer=ADA):
        plan = plan_for(customer)
        plan.add(OpenEntry("entry", entry, "test.pack", "pack", customer))
        terms = LotTerms(payment=f"pay_{entry}", expires_at=expires_at)
        plan.add(Deposit("entry", customer, "gems", amount, issuance("gems"), terms))
        for sku, quantity in (items or {}).items():
            plan.add(GrantItem(customer, sku, quantity, "pack"))
        plan.add(*(GrantEntitlement(customer, key, True, "reward", "pack") for key in rights))
        await books.commit(plan)
        [[lot]] = books.query("SELECT lot_id FROM credits WHERE entry_id = ?", entry)
        wanted = WalletDemand("gems", (LotPart(lot, amount),), amount)
        return Demand(entry, (wanted,), items or {}, rights, "pack")

    return buy


@pytest.fixture
def do(books, plan_for):
    """Commits steps under ada's anchor, in an entry if they need one."""

    async def commit(*steps, reverses=None, kind="test", customer=ADA):
        plan = plan_for(customer)
        plan.entry(kind, about="rev_1", anchor=customer, reverses=reverses)
        plan.add(*steps)
        return await books.commit(plan)

    return commit
