"""Databases of earlier revisions, and what stands in a database, told so that two can be compared."""

import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storefront.core.accounts import issuance, sink
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import Deposit, LotTerms, Plan, Spend
from storefront.core.database import Database
from storefront.core.sqlite_database import SqliteDatabase

NOW = 1_763_717_400_000
DATA = Path(__file__).parent / "data"


@pytest.fixture
def of_0001(tmp_path) -> Path:
    """A shop's database as revision 0001 left it: purchases by card and by gems, of several customers."""
    path = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / "0001.sql").read_text())
    return path


@pytest.fixture
async def joined(tmp_path) -> Path:
    """A wallet that was credited four times at one instant: two credits joined one lot, and some was spent."""
    database = SqliteDatabase(tmp_path / "joined.sqlite")
    await write_joined(database)
    return database.path


async def write_joined(database: Database) -> None:
    """Write the wallet of ``joined`` into a new database."""
    await database.open(mode="sandbox")
    engine = CommitEngine(database.store, Clock(lambda: NOW))
    engine.start()
    paid = LotTerms(payment="pay_1", cost_amount=100, cost_currency="USD")
    for amount, terms in [(5, LotTerms("gift")), (50, LotTerms("reward")), (7, LotTerms("reward")), (30, paid)]:
        plan = Plan(actor="test", anchors={"cus_ada"})
        plan.entry("reward", about="quest", anchor="cus_ada")
        plan.add(Deposit("entry", "cus_ada", "gems", amount, issuance("gems"), terms))
        await engine.commit(plan)
    plan = Plan(actor="test", anchors={"cus_ada"})
    plan.entry("reward.spent", about="quest", anchor="cus_ada")
    plan.add(Spend("entry", "cus_ada", "gems", 20, sink("gems")))
    await engine.commit(plan)
    await engine.stop()
    await database.close()


def dump(path: Path) -> list[str]:
    """Return every row and every object of a database as text, in an order of its own; blanks and quotes aside."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return sorted(re.sub(r'[\s"]+', " ", line) for line in connection.iterdump())


def fingerprint(path: Path) -> str:
    """Return the hash of the dump."""
    return hashlib.sha256("\n".join(dump(path)).encode()).hexdigest()


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()
