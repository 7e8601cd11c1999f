"""The checks can fail on PostgreSQL too: the same violations, planted behind the program's back with the guards off."""

import asyncio
from collections.abc import Callable, Iterator

import asyncpg
import pytest

from storefront.core.audit import Report, verify_database
from storefront.core.postgres_database import PostgresDatabase
from tests.postgres import Postgres

from .conftest import write_book
from .test_planted import PLANTS, failed

ALSO_HERE = (
    "an entry without a transfer",
    "a balance raised",
    "a lot shrunk",
    "a deleted event",
    "a reversal of nothing",
    "a key that nobody made",
    "a right that is gone",
    "an item bought with other lots",
    "an event that tells of another price",
    "a key that may do more",
    "a counter of reversals that forgot some",
)
NO_CHANGE = "transfers can be changed: its trigger transfers_no_change"

# What is done to the guards -> what the audit says.
BLUNTED = {
    "DROP TRIGGER transfers_no_change ON transfers": f"{NO_CHANGE} is missing",
    "ALTER TABLE transfers DISABLE TRIGGER transfers_no_change": f"{NO_CHANGE} is switched off",
    "ALTER TABLE transfers ENABLE REPLICA TRIGGER transfers_no_change": f"{NO_CHANGE} is switched off",
    "CREATE OR REPLACE TRIGGER transfers_no_change BEFORE DELETE ON transfers "
    "FOR EACH ROW EXECUTE FUNCTION storefront_append_only()": f"{NO_CHANGE} was altered",
    "CREATE OR REPLACE FUNCTION storefront_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN NEW; END $$": "the books can be changed: the function storefront_append_only is missing or was "
    "altered",
}


@pytest.fixture(scope="module")
def finished_database(postgres: Postgres) -> Iterator[str]:
    url = asyncio.run(postgres.new_database())
    asyncio.run(write_book(PostgresDatabase(url)))
    yield url
    asyncio.run(postgres.drop_database(url))


@pytest.fixture
async def audit(postgres: Postgres, finished_database: str) -> Callable[..., Report]:
    """Plant statements in a copy of the book and audit it."""
    url = await postgres.new_database(template=finished_database)

    async def plant_and_look(*statements: str) -> Report:
        connection = await asyncpg.connect(url)
        await connection.execute("SET session_replication_role = replica")  # no trigger fires for this session
        for statement in statements:
            await connection.execute(statement)
        await connection.close()
        return await verify_database(PostgresDatabase(url), deep=True)

    yield plant_and_look
    await postgres.drop_database(url)


async def test_the_book_is_in_order(audit) -> None:
    report = await audit()
    assert failed(report) == set(), [violation.message for violation in report.violations]
    assert {"L4-guards", "L1", "E5"} <= {check.name for check in report.checks}


@pytest.mark.parametrize("name", ALSO_HERE)
async def test_exactly_this_check_sees(name: str, audit) -> None:
    check, statements, message = PLANTS[name]

    report = await audit(*statements)

    assert failed(report) == set(check.split(" and ")), [violation.message for violation in report.violations]
    assert any(message in violation.message for violation in report.violations), report.violations


@pytest.mark.parametrize("statement", BLUNTED)
async def test_a_guard_that_is_gone_off_or_blunt_is_seen(statement: str, audit) -> None:
    report = await audit(statement)

    assert failed(report) == {"L4-guards"}
    assert [violation.message for violation in report.violations] == [BLUNTED[statement]]


async def test_a_check_that_cannot_be_made_does_not_fail_the_others(audit) -> None:
    report = await audit("ALTER TABLE audit_actions RENAME COLUMN action TO act")

    assert failed(report) == {"A2", "A2-credits", "A2-facts", "E7-reviews"}
    assert report.counts["entries"] > 0


async def test_a_table_that_is_gone_is_not_counted_and_the_others_are(audit) -> None:
    report = await audit("ALTER TABLE promo_codes RENAME TO other", "ALTER TABLE item_instances RENAME TO others")

    assert "item_instances" not in report.counts
    assert report.counts["entries"] > 0
    assert "E3-promos" in failed(report)
    assert all("could not be checked to its end" in violation.message for violation in report.violations)
