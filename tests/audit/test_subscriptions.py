"""S1 to S6: what is planted in a shop's subscriptions is seen, by the very check that is about it.

Ada went up and down within a period, which left credit; her renewal took it. Bob went from a year to thirty days, and
his renewal took a part of what that had credited. Cleo tried, and pays since. Dan ended.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing import CHECKS
from storefront_subscriptions.auditing_changes import CHECKS as CHANGE_CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.changing import CHANGING, DAY, change
from tests.subscriptions.subscribing import subscribe

OUTSIDE = Outside(checks=(*CHECKS, *CHANGE_CHECKS))
_OF = "customer_id = (SELECT id FROM customers WHERE external_id = '{}')"
ADA, BOB, CLEO, DAN = (_OF.format(name) for name in ("ada", "bob", "cleo", "dan"))
INVOICES, CHANGES = "UPDATE subscriptions_invoices SET", "UPDATE subscriptions_changes SET"
UP, DOWN = f"{ADA} AND sku = 'silver'", f"{ADA} AND sku = 'bronze'"

PLANTS = {
    "S1: a period that begins late": (
        [f"{INVOICES} period_start = period_start + 1 WHERE {CLEO} AND period = 1"],
        "S1 S3", "does not begin where the one before ended",
    ),
    "S1: a period that nobody asked for": (
        [f"{INVOICES} period = 7 WHERE {ADA} AND period = 1"],
        "S1 S3", "does not begin where the one before ended",
    ),
    "S3: a period that is a day longer": (
        [f"{INVOICES} period_end = period_end + 86400000 WHERE {ADA} AND period = 1"],
        "S3", "is not the one that its anchor gives",
    ),
    "S3: a cut that lies beyond the period": (
        [f"{INVOICES} uncut_end = period_end WHERE {BOB} AND period = 0"],
        "S3 S5", "is not the one that its anchor gives",
    ),
    "S3: a period with an anchor of its own": (
        [f"{INVOICES} anchor = period_start, anchor_period = period WHERE {ADA} AND period = 1"],
        "S3", "for no reason",
    ),
    "S2: a period that was paid, they say, and was not": (
        [f"{INVOICES} state = 'paid' WHERE {DAN}"], "S2 S3", "is paid, and was paid 0 times",
    ),
    "S2: a period that was paid and is open": (
        [f"{INVOICES} state = 'open' WHERE {ADA} AND period = 1"], "S2", "is open, and was paid 1 times",
    ),
    "S2: an invoice that asks for more than was paid": (
        [f"{INVOICES} total = total + 1 WHERE {ADA} AND period = 1"], "S2", "not what was paid",
    ),
    "S2: another purchase than the one that paid": (
        [f"{INVOICES} purchase_id = 'pur_x' WHERE {ADA} AND period = 1"], "S2", "names pur_x, but",
    ),
    "S2-changes: a change that nobody paid": (
        [f"UPDATE purchases SET bill = 'sbc_x' WHERE bill = (SELECT id FROM subscriptions_changes WHERE {UP})"],
        "S2-changes", "is done, and was paid 0 times",
    ),
    "S2-changes: a change that sold for less": (
        [f"{CHANGES} total = total - 1, used = used + 1 WHERE {UP}"], "S2-changes S5-carried", "not what",
    ),
    "S4: a right that outlasts its access": (
        [f"UPDATE entitlements SET expires_at = expires_at + 1 WHERE {ADA} AND key = 'rooms'"], "S4", "ends at",
    ),
    "S4: a right of a tier that is no more": (
        [f"UPDATE entitlements SET sku = 'silver' WHERE {ADA} AND key = 'rooms'"], "S4", "of silver lasts",
    ),
    "S5: a credit that is one unit too high": (
        [f"{CHANGES} credit = credit + 1, kept = kept - 1 WHERE {DOWN}"], "S5 S5-carried", "is worth",
    ),
    "S5: a charge that is one unit too low": (
        [f"{CHANGES} charge = charge - 1, kept = kept - 1 WHERE {UP}"], "S5 S5-carried", "is worth",
    ),
    "S5: a change that was made at another time": (
        [f"{CHANGES} at = at - 86400000 WHERE {UP}"], "S5", "is worth",
    ),
    "S5: a change that knows nothing of the one before": (
        [f"{CHANGES} before = (SELECT before FROM subscriptions_changes WHERE {UP}) WHERE {DOWN}"],
        "S5", "does not begin where the one before it ended",
    ),
    "S5: a period that was credited more than was paid": (
        [f"{INVOICES} spans = replace(spans, '\"credited\":500', '\"credited\":5000') WHERE {ADA} AND period = 0"],
        "S5", "was credited more than was paid for it",
    ),
    "S5-carried: credit that came from nowhere": (
        [f"UPDATE subscriptions_carried SET amount = amount - 100 WHERE {BOB}"], "S5-carried", "its movements say",
    ),
    "S5-carried: credit that was used twice": (
        ["INSERT INTO subscriptions_carries SELECT about, 'given_back', customer_id, family, currency, -amount, "
         f"created_at FROM subscriptions_carries WHERE {BOB} AND cause = 'taken'",
         f"UPDATE subscriptions_carried SET amount = amount - 1000 WHERE {BOB}"],
        "S5-carried", "(given_back)",
    ),
    "S5-carried: a renewal that forgot what it took": (
        [f"DELETE FROM subscriptions_carries WHERE {BOB} AND cause = 'taken'",
         f"UPDATE subscriptions_carried SET amount = amount - 1000 WHERE {BOB}"],
        "S5-carried", "(taken)",
    ),
    "S6: a second one of the family": (
        [f"UPDATE subscriptions SET billing_state = 'active', family = 'club' WHERE {DAN}"], "S6", "is named as",
    ),
    "S6: one that is over and still the current one": (
        [f"INSERT INTO subscriptions_current SELECT customer_id, family, id FROM subscriptions WHERE {DAN}"],
        "S6", "is named as the current one",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subscribed")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, CHANGING) as shop:
        ada, bob = await subscribe(shop, "bronze"), await subscribe(shop, "bronze", interval="year", customer="bob")
        await subscribe(shop, "taster", customer="cleo")
        dan = await subscribe(shop, "bronze", card=None, customer="dan")
        await shop.as_customer("dan").post(f"/v1/subscriptions/{dan}/cancel", {"at": "now"})
        shop.wall.move(5 * DAY)
        await change(shop, await _current(shop, "cleo"), "feaster", by=shop.as_customer("cleo"))
        shop.wall.move(10 * DAY)
        await change(shop, ada, "silver")
        await change(shop, ada, "bronze", by=shop.as_server(), timing="now", money="charge_now")
        await change(shop, bob, "bronze", by=shop.as_customer("bob"), interval="30 days")
        shop.wall.move(31 * DAY)
        shop.parts.jobs.wake()
        await shop.quiet()


async def _current(shop, customer: str) -> str:
    return (await shop.as_customer(customer).get("/v1/subscriptions")).json["data"][0]["id"]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statements, checks, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        for statement in statements:
            before = connection.total_changes
            connection.execute(statement)
            assert connection.total_changes > before, statement
        connection.commit()

    report = await verify_file(book, deep=True, outside=OUTSIDE)

    assert {one.check for one in report.violations} == set(checks.split()), report.explain()
    assert any(said in one.message for one in report.violations), report.explain()


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    report = await verify_file(finished, deep=True, outside=OUTSIDE)
    assert report.is_clean, report.explain()
    with closing(sqlite3.connect(finished)) as connection:
        carried = connection.execute("SELECT amount FROM subscriptions_carried ORDER BY amount").fetchall()
        assert carried == [(-7589,), (0,)]
