"""S9: what is planted in a shop's included credits is seen, by the very check that is about it.

Ada went up a tier within her slot; Bob rolled over what he had not used.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing_credits import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import DAY, pass_days
from tests.subscriptions.test_credits import GRANTING, changed, subscribe

OUTSIDE = Outside(checks=CHECKS)
ADAS = "UPDATE subscriptions_credits SET {} WHERE asset = 'gems' AND number = 1 AND cause = 'granted'"
BOBS = "UPDATE subscriptions_credits SET {} WHERE cause = 'rolled'"

PLANTS = {
    "a slot that begins a second late": (ADAS.format("slot_start = slot_start + 1000"), "S9", "is not on the clock"),
    "a grant of a slot that has none": (ADAS.format("number = 3"), "S9", "do not follow each other"),
    "a slot that granted more than it is worth": ("UPDATE subscriptions_credits SET target = 10", "S9", "granted"),
    "a grant that the ledger does not know": (BOBS.format("entry_id = NULL"), "S9-ledger", "the ledger says None"),
    "a grant of less than was minted": (BOBS.format("amount = amount - 1"), "S9-ledger", "the ledger says 150"),
    "credits of a slot that nobody knows": (
        "DELETE FROM subscriptions_credits WHERE cause = 'rolled'", "S9-ledger", "that nobody knows",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("credited")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, GRANTING) as shop:
        ada = await subscribe(shop, "bronze")
        await subscribe(shop, "yearly", customer="bob")
        shop.wall.move(2 * DAY)
        await changed(shop, ada, "silver")
        await pass_days(shop, 9)


async def _violations(book: Path):
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    return [one for one in report.violations if one.check.startswith("S9")]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, check, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        assert connection.execute(statement).rowcount > 0
        connection.commit()
    found = await _violations(book)
    assert {one.check for one in found} == {check}, found
    assert any(said in one.message for one in found), found


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
    with closing(sqlite3.connect(finished)) as connection:
        rows = connection.execute("SELECT cause, amount > 0 FROM subscriptions_credits ORDER BY id").fetchall()
    assert sorted(rows) == [("granted", 1)] * 4 + [("rolled", 1)]
