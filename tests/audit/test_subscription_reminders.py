"""S8: reminders that come twice, too late or after the end are seen, where they are planted in a shop's books.

Ada is on a trial, and her card expires while it lasts. Bob has canceled after he was told of his trial's end.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from storefront_subscriptions.auditing_reminders import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import subscribe
from tests.subscriptions.test_reminders import go_to, save_card

OUTSIDE = Outside(checks=CHECKS)
TWICE = (
    "INSERT INTO events (anchor, sequence, id, commit_no, type, subject, occurred_at, recorded_at, payload) "
    "SELECT anchor, sequence + 9000, id || 'x', commit_no + 1, type, subject, occurred_at, recorded_at, payload "
    "FROM events WHERE type = 'subscription.{}' LIMIT 1"
)
PLANTS = {
    "a trial's end twice": (TWICE.format("trial_ending"), "more often than it was due"),
    "a card twice": (TWICE.format("card_expiring"), "more often than it was due"),
    "when the trial was over": (
        "UPDATE events SET occurred_at = occurred_at + 3 * 86400000 WHERE id = "
        "(SELECT min(id) FROM events WHERE type = 'subscription.trial_ending')", "when it was over",
    ),
    "after the end": (
        "UPDATE events SET commit_no = 0 WHERE type = 'subscription.canceled'", "of a subscription that had ended",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reminded")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    async with running_shop(folder, SUBSCRIBED.replace("trial: 14d", "trial: 96d")) as shop:
        await subscribe(shop, "tried")
        bob = await subscribe(shop, "tried", customer="bob")
        _, gone = await save_card(shop)
        await go_to(shop, gone - timedelta(days=6))
        shop.wall.move(96 * 86_400 - (shop.parts.services.clock.now() - shop.query(
            "SELECT min(period_start) AS at FROM subscriptions")[0]["at"]) // 1000 - 86_400)  # fmt: skip
        shop.parts.jobs.wake()
        await shop.quiet()
        await shop.as_customer("bob").post(f"/v1/subscriptions/{bob}/cancel", {"at": "now"})
        await shop.quiet()


async def _violations(book: Path):
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    return [one for one in report.violations if one.check == "S8"]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount > 0
        connection.commit()

    found = await _violations(book)

    assert len(found) == 1, found
    assert said in found[0].message


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
    with closing(sqlite3.connect(finished)) as connection:
        told = connection.execute(
            "SELECT type, count(*) FROM events WHERE type LIKE 'subscription.%ing' GROUP BY type ORDER BY type"
        ).fetchall()
    assert told == [("subscription.card_expiring", 2), ("subscription.trial_ending", 2)]
