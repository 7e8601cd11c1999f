"""S1 and S11: what is planted in the books of given periods is seen, by the very check that is about it.

Bob has the second of three periods that Ada gave. Cleo's own plan has one ahead. Dan's gift was refunded.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing import CHECKS
from storefront_subscriptions.auditing_gifts import CHECKS as GIFT_CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import pass_days
from tests.subscriptions.gifting import GIVING, gift
from tests.subscriptions.subscribing import subscribe

OUTSIDE = Outside(checks=(*CHECKS, *GIFT_CHECKS))
_OF = "customer_id = (SELECT id FROM customers WHERE external_id = '{}')"
BOB, CLEO, DAN = (_OF.format(name) for name in ("bob", "cleo", "dan"))
INVOICES, GIFTS = "UPDATE subscriptions_invoices SET", "UPDATE subscriptions_gifts SET"

PLANTS = {
    "S11: a gift that nobody has paid": (
        [f"{GIFTS} purchase_id = 'pur_none' WHERE {CLEO}"], "S11", "was not paid by its purchase",
    ),
    "S11: a gift that was paid and is not there": (
        [f"DELETE FROM subscriptions_gifts WHERE {CLEO}", f"UPDATE subscriptions SET gifted = 0 WHERE {CLEO}"],
        "S11", "paid for a gift that there is not",
    ),
    "S11-periods: a period that is had twice": (
        [f"{GIFTS} remaining = 2 WHERE {BOB}", f"UPDATE subscriptions SET gifted = 2 WHERE {BOB}"],
        "S11-periods", "2 were had, 2 left",
    ),
    "S11-periods: a period that got lost": (
        [f"{GIFTS} remaining = 0 WHERE {CLEO}", f"UPDATE subscriptions SET gifted = 0 WHERE {CLEO}"],
        "S11-periods", "0 were had, 0 left",
    ),
    "S11-periods: a gift whose money is back and that has something left": (
        [f"{GIFTS} remaining = 1 WHERE {DAN}"], "S11-periods", "(taken_back), 1 were had, 1 left",
    ),
    "S11-periods: an invoice that a gift of another plan pays": (
        [f"{INVOICES} sku = 'silver' WHERE {BOB} AND period = 1"], "S11-periods", "is none that gift",
    ),
    "S11-ahead: a subscription that counts on more than it was given": (
        [f"UPDATE subscriptions SET gifted = gifted + 1 WHERE {CLEO}"], "S11-ahead", "counts on 2 given periods",
    ),
    "S1: a gap between given periods": (
        [f"{INVOICES} period_start = period_start + 1 WHERE {BOB} AND period = 1"], "S1 S3", "does not begin where",
    ),
    "S2: a given period that two purchases pay": (
        [f"UPDATE purchases SET bill = (SELECT id FROM subscriptions_invoices WHERE {BOB} AND period = 0) WHERE id = "
         f"(SELECT purchase_id FROM subscriptions_invoices WHERE {BOB} AND period = 1)"],
        "S2", "was paid 2 times",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, GIVING) as shop:
        await gift(shop, "bronze", 3)
        refunded = await gift(shop, "bronze", 2, to="dan")
        await shop.as_server().post(f"/v1/purchases/{refunded['id']}/refunds", {"reason": "asked"}, key="back")
        await shop.quiet()
        await pass_days(shop, 31)
        await subscribe(shop, "bronze", customer="cleo")
        await gift(shop, "bronze", 1, to="cleo")


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statements, checks, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            before = connection.total_changes
            connection.execute(statement)
            assert connection.total_changes > before, statement
        for _, guard in guards:
            connection.execute(guard)
        connection.commit()

    report = await verify_file(book, deep=True, outside=OUTSIDE)

    assert {one.check for one in report.violations} == set(checks.split()), report.explain()
    assert any(said in one.message for one in report.violations), report.explain()


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    report = await verify_file(finished, deep=True, outside=OUTSIDE)
    assert report.is_clean, report.explain()
    with closing(sqlite3.connect(finished)) as connection:
        found = connection.execute("SELECT state, remaining FROM subscriptions_gifts ORDER BY state, remaining")
        assert found.fetchall() == [("given", 1), ("given", 1), ("taken_back", 0)]
