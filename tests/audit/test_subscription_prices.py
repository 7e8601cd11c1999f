"""S2-prices: a period that asks another price than was agreed to, or than an edit said, is seen where it is planted.

Ada pays 10.00 for 30 days; an edit to 12.00 reaches nobody, and one that says ``existing`` her third period. Bob begins
at 12.00.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing_prices import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.subscribing import subscribe
from tests.subscriptions.test_price_versions import TOLD, edit, edited

OUTSIDE = Outside(checks=CHECKS)
_ADAS = "customer_id = (SELECT id FROM customers WHERE external_id = 'ada')"
_INVOICE = f"UPDATE subscriptions_invoices SET {{}} WHERE {_ADAS} AND period = {{}}"
_ACTIVATED = "UPDATE events SET occurred_at = {} WHERE type = 'catalog.activated' AND sequence = {}"
_NUMBER = "(SELECT sequence FROM events WHERE type = 'catalog.activated' ORDER BY sequence LIMIT 1 OFFSET {})"

PLANTS = {
    "another price than its catalog has": (_INVOICE.format("price = 999, total = 999", 0), "its catalog cat_"),
    "a total that is not its price": (_INVOICE.format("total = 1100", 1), "asks 1100 for 1 × 1000"),
    "an edit that says nothing reached a period": (
        _ACTIVATED.format("(SELECT max(occurred_at) FROM events)", _NUMBER.format(2)), "due was 1000 by None",
    ),
    "a newer price was not asked": (
        _INVOICE.format("price = 1000, total = 1000, priced_by = NULL", 2), "due was 1200 by cat_",
    ),
    "an edit reached a period before it was made": (
        _ACTIVATED.format("0", _NUMBER.format(2)), "is priced 1000 by None, due was 1200",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("priced")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, TOLD) as shop:
        await subscribe(shop, "bronze")
        await edit(shop, folder, edited())
        await subscribe(shop, "bronze", customer="bob")
        await pass_days(shop, 31)
        await edit(shop, folder, edited(existing="next_renewal"))
        await pass_days(shop, 30)


async def _violations(book: Path):
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    return [one for one in report.violations if one.check == "S2-prices"]


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
        asked = connection.execute(f"SELECT total FROM subscriptions_invoices WHERE {_ADAS} ORDER BY period").fetchall()
    assert asked == [(1000,), (1000,), (1200,)]
