"""E3-top-ups: what is planted in a shop's automatic top-ups is seen: one that worked, one asked about, one declined."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storefront.core.audit import verify_file
from storefront.testing import running_shop
from tests.shop.topping_up import ASKS_ALWAYS, DECLINES_LATER, TOPPED_UP, agreed, spend

_OF = "(SELECT id FROM customers WHERE external_id = '{}')"
ADA, BOB, CLEO = (_OF.format(name) for name in ("ada", "bob", "cleo"))
COUNTER = f"key LIKE 'auto_top_up:' || {ADA} || ':gems:{{}}:%'"

PLANTS = {
    "a second run that is open": (
        [
            "DROP INDEX auto_top_up_open_once",
            "INSERT INTO auto_top_up_runs SELECT 'atr_x', customer_id, asset, 'due', below, available, NULL, 0, NULL, "
            f"NULL, created_at, updated_at, NULL FROM auto_top_up_runs WHERE customer_id = {BOB}",
        ],
        "2 top-ups of",
    ),
    "a wallet watched while a run is open": (
        [f"UPDATE accounts SET top_up_below = 100 WHERE id = 'customer:' || {BOB} || ':gems'"],
        "(on) should watch below None, its wallet says 100",
    ),
    "a wallet that is watched no more": (
        [f"UPDATE accounts SET top_up_below = NULL WHERE id = 'customer:' || {ADA} || ':gems'"],
        "(on) should watch below 100, its wallet says None",
    ),
    "a wallet watched although it was switched off": (
        [f"UPDATE auto_top_ups SET state = 'off' WHERE customer_id = {ADA}"],
        "(off) should watch below None, its wallet says 100",
    ),
    "a wallet watched below another threshold": (
        [f"UPDATE auto_top_ups SET below = 101 WHERE customer_id = {ADA}"],
        "(on) should watch below 101, its wallet says 100",
    ),
    "terms that are gone": (
        [f"DELETE FROM auto_top_ups WHERE customer_id = {ADA}"],
        "is watched, but nobody agreed to top it up and tops up a wallet whose owner agreed to nothing",
    ),
    "a failure that was completed": (
        [f"UPDATE auto_top_up_runs SET state = 'completed' WHERE customer_id = {CLEO}"],
        "is completed, its purchase",
    ),
    "a run that cost less": (
        [f"UPDATE auto_top_up_runs SET amount = 1 WHERE customer_id = {ADA}"],
        "or tells otherwise",
    ),
    "a purchase that names no run": (
        [f"UPDATE auto_top_up_runs SET purchase_id = NULL WHERE customer_id = {BOB}"],
        "says that it tops a wallet up, but no run made it",
    ),
    "a day that forgot a charge": (
        [f"UPDATE counters SET value = 0 WHERE {COUNTER.format('USD')}"],
        "says 0, the top-ups it counts say 499",
    ),
    "a day that counts one more": (
        [f"UPDATE counters SET value = 2 WHERE {COUNTER.format('times')}"],
        "says 2, the top-ups it counts say 1",
    ),
}


@pytest.fixture(scope="module")
def topped_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The books of ada (topped up once), bob (his bank asks him), and cleo (her card was declined)."""
    folder = tmp_path_factory.mktemp("topped-up")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, TOPPED_UP) as shop:
        for name, *card in (("ada",), ("bob", ASKS_ALWAYS), ("cleo", DECLINES_LATER)):
            await agreed(shop, *card, customer=name, gems=110)
            await spend(shop, 1, customer=name)
        await shop.quiet()


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(topped_up: Path, tmp_path: Path, plant: str) -> None:
    statements, said = PLANTS[plant]
    book = Path(shutil.copy(topped_up, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        for statement in statements:
            connection.execute(statement)
            assert connection.total_changes or statement.startswith("DROP")
        connection.commit()

    report = await verify_file(book, deep=True)

    seen = [one.message for one in report.violations if one.check == "E3-top-ups"]
    for part in said.split(" and ") if "tops up" in said else [said]:
        assert any(part in message for message in seen), report.explain()
    assert {one.check for one in report.violations} == {"E3-top-ups"}, report.explain()


async def test_nothing_is_seen_where_nothing_is_planted(topped_up: Path) -> None:
    report = await verify_file(topped_up, deep=True)
    assert report.is_clean, report.explain()
