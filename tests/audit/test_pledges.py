"""Pledges that are charged twice, too early or below the target, and holds that are lost, are seen when planted.

Luna's tour is reached: 600 are collected, 500 in vain, 100 were withdrawn. Her raid is missed. Ada has pledged gems to
that, and to a goal that still collects.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_fanfunding.pledge_auditing import PLEDGE_CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.fanfunding.pledging import ONE, STOLEN, luna_tours, pledge, pledged, seen, turn
from tests.fanfunding.tipping import FAN_SHOP

OUTSIDE = Outside(checks=PLEDGE_CHECKS)
FAN = "kT3vQ9xWm2Lr8sYc"
_OF = "UPDATE fanfunding_pledges SET {} WHERE amount = {}"
_TOUR = "UPDATE fanfunding_campaigns SET {} WHERE goal = 'tour'"
_HOLD = "UPDATE holds SET {} WHERE amount = 70"

PLANTS = {
    "charged twice": (
        "UPDATE purchases SET status = 'completed' WHERE status = 'failed'", "P5-once", "is failed, and 1 purchases",
    ),
    "collected, and nothing was paid": (_OF.format("state = 'collected'", 500), "P5-once", "and 0 purchases paid it"),
    "withdrawn, and charged": (_OF.format("state = 'withdrawn'", 600), "P5-once", "is withdrawn, and 1 purchases"),
    "charged with another amount": (_OF.format("amount = 601", 600), "P5-once", "is of 601 USD"),
    "charged by another's purchase": (_OF.format("purchase_id = 'pur_0'", 600), "P5-once", "is of 600 USD"),
    "a purchase without its pledge": (
        "DELETE FROM fanfunding_pledges WHERE amount = 600", "P5-once", "a pledge that is not there",
    ),
    "reached below the target": (_TOUR.format("pledged = 999"), "P5-due", "is collected by 999 of 1000"),
    "reached before the deadline": (_TOUR.format("closed_at = deadline - 1"), "P5-due", "by 1100 of 1000"),
    "charged before the deadline": (
        "UPDATE purchases SET created_at = 5 WHERE status = 'failed'", "P5-due", "which was not due",
    ),
    "charged below the target": (_TOUR.format("state = 'missed'"), "P5-due", "which was not due"),
    "open, and nothing set aside": (_HOLD.format("state = 'released'"), "P5-holds", "is open, and its hold released"),
    "less set aside than was pledged": (_HOLD.format("amount = 69"), "P5-holds", "its hold open of 69"),
    "withdrawn, and set aside": (_OF.format("state = 'withdrawn'", 70), "P5-holds", "is withdrawn, and its hold open"),
    "set aside by nobody's pledge": (
        _OF.format("hold_id = NULL", 70), "P5-holds", "stands for no pledge",
    ),
    "a sum that is too large": (_TOUR.format("pledged = pledged + 1"), "P5-sums", "its pledges are 1100 of 2"),
    "a backer too many": (_TOUR.format("backers = 3"), "P5-sums", "says 1100 of 3"),
    "more collected than was": (_TOUR.format("collected = 601"), "P5-sums", "600 of 1000 were collected"),
    "too little collected, and kept": (_TOUR.format("min_collected = 6001"), "P5-sums", "is collected by 600"),
    "refunded, and nothing went back": (
        _OF.format("state = 'refunded', reason = 'too_little_collected'", 600), "P5-sums", "and nothing went back",
    ),
    "charged, and its goal still collects": (_OF.format("state = 'charging'", 70), "P5-sums", "collecting, does not"),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pledges")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    (folder / "luna.yaml").write_text(luna_tours())
    async with running_shop(folder, FAN_SHOP) as shop:
        ada = shop.as_customer()
        await shop.bought("gems-500")
        await pledged(shop, 600)
        await turn(shop, await pledged(shop, 500), STOLEN)
        gone = await pledged(shop, 100, fan=FAN)
        assert (await shop.as_nobody().post(f"{ONE}/{gone['id']}/withdraw", {"fan": FAN})).status == 200
        raid = await pledge(shop, 80, "gems", by=ada, goal="raid")
        assert (await pledge(shop, 70, "gems", by=ada, goal="later")).status == 201
        await shop.advance("11d")
        await seen(shop, raid.json, "released")


async def _violations(book: Path) -> list[tuple[str, str]]:
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    names = {check.name for check in PLEDGE_CHECKS}
    return [(one.check, one.message) for one in report.violations if one.check in names]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, check, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
        connection.commit()

    found = await _violations(book)

    assert any(name == check and said in message for name, message in found), found


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
