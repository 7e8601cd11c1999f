"""S1 and S10: what is planted in the books of paused subscriptions is seen, by the very check that is about it.

Ada paused at once, which cut her period, and resumed. Bob paused with his period, and kept his days when he resumed.
Cleo is paused.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing import CHECKS
from storefront_subscriptions.auditing_changes import CHECKS as CHANGE_CHECKS
from storefront_subscriptions.auditing_pauses import CHECKS as PAUSE_CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import change, pass_days
from tests.subscriptions.pausing import PAUSING, ask_pause, paused, resumed
from tests.subscriptions.subscribing import subscribe

OUTSIDE = Outside(checks=(*CHECKS, *CHANGE_CHECKS, *PAUSE_CHECKS))
_OF = "customer_id = (SELECT id FROM customers WHERE external_id = '{}')"
ADA, BOB, CLEO = (_OF.format(name) for name in ("ada", "bob", "cleo"))
INVOICES, PAUSES = "UPDATE subscriptions_invoices SET", "UPDATE subscriptions_pauses SET"

PLANTS = {
    "S1: a gap that no pause explains": (
        [f"DELETE FROM subscriptions_pauses WHERE {BOB}"], "S1 S3", "does not begin where the one before ended",
    ),
    "S1: a gap that is longer than its pause": (
        [f"{PAUSES} resumed_at = resumed_at - 86400000 WHERE {BOB}"], "S1", "does not begin where the one before ended",
    ),
    "S1: a charge for time that was paused": (
        [f"{INVOICES} period_start = period_start - 86400000, anchor = anchor - 86400000, "
         f"period_end = period_end - 86400000 WHERE {ADA} AND period = 1"],
        "S1 S10", "is paid for the time of the pause",
    ),
    "S3: a period that ends on other days than its anchor says": (
        [f"{INVOICES} period_end = period_end + 86400000 WHERE {BOB} AND period = 1"],
        "S3", "is not the one that its anchor gives",
    ),
    "S4, S10: one that is paused and gives access": (
        [f"UPDATE subscriptions SET access_until = access_until + 8640000000 WHERE {CLEO}"], "S4 S10", "gives access",
    ),
    "S10: one that is paused by no pause": (
        [f"UPDATE subscriptions SET pause_id = NULL WHERE {CLEO}"], "S10", "is paused (None)",
    ),
    "S10-charges: a charge while it is paused": (
        ["UPDATE events SET type = 'subscription.noted' WHERE type = 'subscription.resume_ordered' AND subject = "
         f"(SELECT id FROM subscriptions WHERE {BOB})"],
        "S10-charges", "was begun while its subscription",
    ),
    "S10-credit: a pause that credits a unit too much": (
        [f"{PAUSES} credit = credit + 1, returned = returned + 1 WHERE {ADA}"], "S10-credit", "the rest is worth",
    ),
    "S10-credit: a credit that its period does not have": (
        [f"{INVOICES} spans = replace(spans, 'credited', 'created') WHERE {ADA} AND period = 0"],
        "S10-credit", "credits what its period does not have",
    ),
    "S5-carried: credit that a pause did not keep": (
        [f"DELETE FROM subscriptions_carries WHERE {CLEO}", f"DELETE FROM subscriptions_carried WHERE {CLEO}"],
        "S5-carried", "(kept)",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paused")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, PAUSING) as shop:
        names = ("ada", "bob", "cleo")
        of = {name: (await subscribe(shop, "bronze", customer=name), shop.as_customer(name)) for name in names}
        await ask_pause(shop, of["bob"][0], by=of["bob"][1])
        await pass_days(shop, 6)
        await change(shop, of["ada"][0], "silver")
        await pass_days(shop, 6)
        await paused(shop, of["ada"][0])
        await paused(shop, of["cleo"][0], by=of["cleo"][1])
        await pass_days(shop, 28)
        await resumed(shop, of["ada"][0])
        await resumed(shop, of["bob"][0], by=of["bob"][1], keep_anchor=True)
        await shop.quiet()


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
        states = connection.execute("SELECT state, credit > 0 FROM subscriptions_pauses ORDER BY state, 2").fetchall()
        assert states == [("done", 0), ("done", 1), ("running", 1)]
