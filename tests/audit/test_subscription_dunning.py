"""S7: charges that dunning may not make are seen, where they are planted in a shop's books.

Ada's card is short of funds at her renewal, and good two days later. Bob's is stolen; he saves another. Cleo's first
payment is done, and she leaves.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_subscriptions.auditing_dunning import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.shop.topping_up import save_method
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import GOOD, subscribe

OUTSIDE = Outside(checks=CHECKS)
DAY = 86_400
_OF = "(SELECT id FROM customers WHERE external_id = '{}')"
ADA, BOB, CLEO = (_OF.format(name) for name in ("ada", "bob", "cleo"))
FAILED, ENDED = "subscription.renewal_failed", "subscription.canceled"

PLANTS = {
    "S7: charged after the end": (
        f"UPDATE events SET commit_no = 0 WHERE type = '{ENDED}' AND anchor = {CLEO}", "S7", "after its subscription",
    ),
    "S7: charged a day too early": (
        f"UPDATE purchases SET created_at = created_at - {DAY * 1000} WHERE customer_id = {ADA} AND id = "
        f"(SELECT max(id) FROM purchases WHERE customer_id = {ADA})",
        "S7-attempts", "it was to be tried again at",
    ),
    "S7: charged again though the card was gone for good": (
        f"UPDATE events SET type = 'x' WHERE type = 'payment_method.saved' AND anchor = {BOB} AND commit_no > "
        f"(SELECT max(commit_no) FROM events WHERE type = '{FAILED}' AND anchor = {BOB})",
        "S7-attempts", "there was to be no further attempt",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dunned")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, SUBSCRIBED) as shop:
        for customer in ("ada", "bob"):
            await subscribe(shop, customer=customer)
        cleo = await subscribe(shop, customer="cleo")
        await shop.as_customer("cleo").post(f"/v1/subscriptions/{cleo}/cancel", {"at": "now"})
        await _turn(shop, "ada", "4000000000009995")
        await _turn(shop, "bob", "4000000000009979")
        await _go_on(shop, 32)
        await _turn(shop, "ada", GOOD.replace(" ", ""))
        await save_method(shop, customer="bob")
        await _go_on(shop, 2)


async def _go_on(shop, days: int) -> None:
    shop.wall.move(days * DAY)
    shop.parts.jobs.wake()
    await shop.quiet()


async def _turn(shop, customer: str, card: str) -> None:
    sql = f"SELECT reference FROM payment_methods WHERE customer_id = {_OF.format(customer)}"
    await shop.sandbox.turn_card(shop.query(sql)[0]["reference"], card)


async def _violations(book: Path):
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    return [one for one in report.violations if one.check.startswith("S7")]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, check, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        guards = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in guards:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount > 0
        connection.commit()

    found = await _violations(book)

    assert [one.check for one in found] == [check], found
    assert said in found[0].message


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
    with closing(sqlite3.connect(finished)) as connection:
        failed = connection.execute("SELECT count(*) FROM events WHERE type = ?", (FAILED,)).fetchone()
        paid = connection.execute("SELECT count(*) FROM subscriptions_invoices WHERE state = 'paid'").fetchone()
    assert (failed, paid) == ((2,), (5,))
