"""S12: usage that a tier bills and that does not add up is seen, where it is planted in a shop's books.

Ada used 351 calls in her first period, of which 100 are free and 350 were known when it was billed. Bob leaves, and
owes 25 for his last period's.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from storefront_subscriptions.auditing_usage import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.subscribing import subscribe
from tests.subscriptions.test_usage import WORKING, use

OUTSIDE = Outside(checks=CHECKS)
_LINE = "UPDATE subscriptions_usage SET {} WHERE kind = '{}'"
_YEARS = 800 * 86_400_000

PLANTS = {
    "a unit was billed that nobody used": (
        "UPDATE usage_windows SET quantity = '1000000' WHERE quantity = '350000000'", "bills 351000000 millionths",
    ),
    "a unit was billed twice": (_LINE.format("amount = amount + 2", "correction"), "makes 630 of what costs"),
    "a price that its tier does not have": (
        _LINE.format("cost = '626000000000000', amount = 626", "period"), "its tier says 625000000000000",
    ),
    "more is free than its tier includes": (_LINE.format("included = 200000000", "period"), "its tier says 625"),
    "its invoice asks for something else": (
        "UPDATE subscriptions_invoices SET usage = usage + 1 WHERE usage = 625", "asks 626 for usage",
    ),
    "a line of hours that nobody charges": (
        _LINE.format("starts_at = starts_at - 86400000", "correction"), "hours that no tier",
    ),
    "what somebody owes is not carried": (
        "UPDATE subscriptions_carries SET amount = 24 WHERE amount = 25", "left 25 of usage, of which 24 is carried",
    ),
    "what was metered was never billed": (
        f"UPDATE subscriptions_invoices SET created_at = created_at + {_YEARS} WHERE period = 2",
        "2 were metered and never billed",
    ),
    "two plans charge the same hours": (
        "UPDATE subscriptions_usage SET customer_id = (SELECT customer_id FROM subscriptions_usage"
        " WHERE kind = 'period') WHERE kind = 'owed'", "charges too",
    ),
    "a period that was paid was had by grace": (
        "UPDATE subscriptions_invoices SET had_until = 1 WHERE usage = 625", "its period's grace does not fit that",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("used")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, WORKING) as shop:
        await subscribe(shop, "worker")
        leaving = await subscribe(shop, "worker", customer="bob")
        await pass_days(shop, 1)
        await use(shop, "call", 110, customer="bob")
        await shop.as_customer("bob").post(f"/v1/subscriptions/{leaving}/cancel", {"at": "now"})
        await use(shop, "call", 350)
        await pass_days(shop, 29.2)
        await use(shop, "call", 1, ago=timedelta(days=9))
        await pass_days(shop, 30)
        await use(shop, "call", 1, ago=timedelta(days=34))


async def _violations(book: Path):
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    return [one for one in report.violations if one.check == "S12"]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        guards = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in guards:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
        connection.commit()

    found = await _violations(book)

    assert any(said in one.message for one in found), found


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
    with closing(sqlite3.connect(finished)) as connection:
        lines = connection.execute("SELECT kind, quantity, amount FROM subscriptions_usage ORDER BY id").fetchall()
    assert lines == [("owed", "110000000", 25), ("period", "350000000", 625), ("correction", "351000000", 3)]
