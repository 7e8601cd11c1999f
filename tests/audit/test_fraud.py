"""F1, F2: what is planted among counters and decisions is seen, by the very check that is about it."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_fraud.auditing import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.fraud.screened import shop_with

OUTSIDE = Outside(checks=CHECKS)
RULES = """
{id: pace, do: block, when: "velocity.customer.count_1h > 2"}
{id: spending, do: block, when: "velocity.ip.sum_1h > 1000000"}
"""
PLANTS = {
    "one attempt forgotten": (
        """UPDATE fraud_counters SET buckets = replace(buckets, ',3,', ',2,') WHERE dimension = 'customer'""",
        "F1-counters",
        "is not what its decisions add up to",
    ),
    "a counter dropped": ("DELETE FROM fraud_counters WHERE dimension = 'ip'", "F1-counters", "has no counter"),
    "a counter of nobody": (
        "INSERT INTO fraud_counters SELECT 'device', 'x', buckets, updated_at FROM fraud_counters LIMIT 1",
        "F1-counters",
        "is not what its decisions add up to",
    ),
    "a decision that was never counted": (
        "UPDATE fraud_decisions SET counted = '[\"ip\"]' WHERE verdict = 'block'",
        "F1-counters",
        "is not what its decisions add up to",
    ),
    "a purchase that was blocked": (
        "UPDATE fraud_decisions SET verdict = 'block' WHERE outcome = 'passed'",
        "F2-decisions",
        "was blocked, and is there",
    ),
    "a purchase that passed and is not there": (
        "UPDATE fraud_decisions SET purchase_id = 'pur_none' WHERE outcome = 'passed' AND attributes LIKE '%potion%'",
        "F2-decisions",
        "has passed, and is not there",
    ),
}


@pytest.fixture(scope="module")
def screened_books(tmp_path_factory) -> Path:
    """A shop's file: a pack and two potions are asked for, of which the last is one too many."""
    folder = tmp_path_factory.mktemp("screened")

    async def trade() -> None:
        async with running_shop(folder, shop_with(RULES)) as shop:
            await shop.bought("gems-500")
            assert [(await shop.buy("potion")).status for _ in range(2)] == [201, 403]

    asyncio.run(trade())
    return folder / "data" / "storefront.sqlite"


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(screened_books, tmp_path, plant):
    sql, name, words = PLANTS[plant]
    books = tmp_path / "books.sqlite"
    shutil.copy(screened_books, books)
    with closing(sqlite3.connect(books)) as connection, connection:
        assert connection.execute(sql).rowcount >= 1
    report = await verify_file(books, deep=True, outside=OUTSIDE)
    found = [one for one in report.violations if one.check.startswith("F")]
    assert found, report
    assert {one.check for one in found} == {name}
    assert words in found[0].message
