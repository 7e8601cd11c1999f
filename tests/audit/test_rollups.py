"""R1-rollups: what is planted in the roll-ups of a shop is seen, by counting all again."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.rolling import FIGURES

from storefront.core.analytics.metrics import AllFigures
from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import subscribe

PLANTS = {
    "a sum that is one more": (
        "UPDATE analytics_rollups SET amount = amount + 1 WHERE metric = 'gross' AND kind = 'currency_pack'",
        "says 500 in 1, the books come to 499 in 1",
    ),
    "a count that is one more": (
        "UPDATE analytics_rollups SET count = count + 1 WHERE metric = 'customers'",
        "says 0 in 2, the books come to 0 in 1",
    ),
    "a sum that is gone": (
        "DELETE FROM analytics_rollups WHERE metric = 'spent'",
        "says 0 in 0, the books come to 120 in 1",
    ),
    "a sum on another day": ("UPDATE analytics_rollups SET day = day - 1 WHERE metric = 'issued'", "says 500 in 1"),
    "a sum of nothing": (
        "INSERT INTO analytics_rollups SELECT generation, metric, 'EUR', day, kind, key, part, 1, 1 "
        "FROM analytics_rollups WHERE metric = 'gross' AND kind = 'currency_pack'",
        "says 1 in 1, the books come to 0 in 0",
    ),
    "a member who pays more": (
        "UPDATE analytics_members SET standing = replace(standing, '499', '599')",
        "pays a month is not what their events say",
    ),
    "a member who is forgotten": ("DELETE FROM analytics_members", "roll-ups know nothing of what"),
    "a cursor behind what is counted": (
        "UPDATE analytics_generations SET folded = folded - 1",
        "say that they know",
    ),
    "two that are read": (
        "INSERT INTO analytics_generations SELECT 2, state, commit_no, counted_until, folded, created_at "
        "FROM analytics_generations",
        "several roll-ups are said to be read",
    ),
}  # fmt: skip
FIGURED = Outside(figures=AllFigures([FIGURES]))


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The books of ada, who bought gems, a sword and a membership, with their roll-ups."""
    folder = tmp_path_factory.mktemp("counted")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, SUBSCRIBED) as shop:
        await shop.bought("gems-500", currency="USD")
        await shop.bought("sword")
        await subscribe(shop, "basic", currency="USD")
        await shop.quiet()
        await shop.parts.roller.fold_all()


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(counted: Path, tmp_path: Path, plant: str) -> None:
    statement, said = PLANTS[plant]
    book = Path(shutil.copy(counted, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        connection.execute(statement)
        assert connection.total_changes
        connection.commit()

    report = await verify_file(book, deep=True, outside=FIGURED)

    assert any(said in one.message for one in report.violations), report.explain()
    assert {one.check for one in report.violations} == {"R1-rollups"}, report.explain()


async def test_nothing_is_seen_where_nothing_is_planted(counted: Path) -> None:
    report = await verify_file(counted, deep=True, outside=FIGURED)
    assert report.is_clean, report.explain()
