"""The checks of goods, grants, refunds and conversions on PostgreSQL: the same book, plants and verdicts."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from storefront.core.audit import (
    actions,
    auto_top_ups,
    bundles,
    conversions,
    events,
    experiments,
    gifts,
    grants,
    instances,
    ledger,
    movements,
    ownership,
    promos,
    referrals,
    reversal_counters,
    reversals,
    rights,
    transfers,
    usage,
)
from storefront.core.tables import metadata

from .goods_plants import GOODS_PLANTS
from .planted_given_back import GIVEN_BACK

MODULES = (
    *(actions, auto_top_ups, bundles, conversions, transfers, events, experiments, gifts, grants, instances),
    *(ledger, movements, ownership, promos, referrals, reversal_counters, reversals, rights, usage),
)
CHECKS = tuple(check for module in MODULES for check in module.CHECKS)


@pytest.fixture
async def connection(books: Path, postgres_database: str):
    """A connection to a PostgreSQL that holds the book; what is written is never committed."""
    source = create_engine(f"sqlite:///{books}")
    with source.connect() as file:
        rows = {
            table: [dict(row) for row in file.execute(select(table)).mappings()] for table in metadata.sorted_tables
        }
    source.dispose()
    engine = create_async_engine(postgres_database.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        await connection.run_sync(metadata.create_all)
        for table, found in rows.items():
            if found:
                await connection.execute(insert(table), found)
        yield connection
    await engine.dispose()


async def test_a_book_in_order_is_clean_and_each_plant_is_seen_by_its_check(connection):
    assert await connection.run_sync(found) == {}
    for name, (check, statements, message) in {**GIVEN_BACK, **GOODS_PLANTS}.items():
        async with connection.begin_nested() as savepoint:
            for statement in statements:
                await connection.execute(text(statement.replace(":", r"\:")))
            seen = await connection.run_sync(found)
            await savepoint.rollback()
        assert set(seen) == set(check.split(" and ")), name
        assert any(message in said for messages in seen.values() for said in messages), name


def found(connection: Connection) -> dict[str, list[str]]:
    """Return ``check -> messages`` of the checks that fail."""
    said = {check.name: [violation.message for violation in check.run(connection)] for check in CHECKS}
    return {name: messages for name, messages in said.items() if messages}
