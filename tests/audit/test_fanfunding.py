"""Tips that were paid twice, shares that are wrong and reserves that are empty are seen, where they are planted.

Mio's tip of 1000 is released and paid out, then disputed and lost: 900 are owed. A second one of 555 waits, part of it
refunded; a third of 500 is frozen by a dispute.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_fanfunding.auditing import CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, give, pay_out, purse, refund, tip

OUTSIDE = Outside(checks=CHECKS)
_SPLIT = (
    "(SELECT id FROM entries WHERE kind = 'tip.split' AND about = (SELECT id FROM fanfunding_tips WHERE total = 555))"
)
_TIP = "UPDATE fanfunding_tips SET {} WHERE total = 555 AND state = 'paid'"
_REVERSAL = "UPDATE fanfunding_reversals SET {} WHERE amount = 100"

PLANTS = {
    "a share of a unit too much": (_TIP.format("earned = earned + 1"), "P1-share", "earned 500, its share is 499"),
    "a share that was booked higher": (
        f"UPDATE transfers SET amount = 500 WHERE entry_id = {_SPLIT}", "P1-share", "500 were booked to",
    ),
    "a share that went to another": (
        f"UPDATE transfers SET destination = 'platform:revenue:EUR' WHERE entry_id = {_SPLIT}", "P1-share",
        "were booked to platform:revenue:EUR",
    ),
    "more in reserve than there is": (_TIP.format("reserved = reserved + 1"), "P1-reserve", "are to wait there"),
    "nothing set aside for a dispute": (
        "UPDATE fanfunding_reversals SET from_reserve = 0 WHERE stage = 'held'", "P1-reserve", "are to wait there",
    ),
    "taken back, and still there": (_REVERSAL.format("wanted = 0"), "P1-earned", "was given"),
    "paid out without a payout": (
        "UPDATE entries SET kind = 'gone' WHERE kind = 'payout.paid'", "P1-earned", "was given",
    ),
    "more paid out than was payable": (
        "UPDATE transfers SET amount = amount + 1 WHERE destination = 'platform:bank:USD'", "P1-floor", "stood at -1",
    ),
    "more back than the tip says": (_TIP.format("back_amount = 99"), "P1-reversals", "its reversals come to 99"),
    "a part that is too small": (
        "UPDATE fanfunding_reversals SET wanted = 80, from_reserve = 80 WHERE amount = 100", "P1-reversals",
        "are back, and 80 of",
    ),
    "a part that nobody found": (_REVERSAL.format("from_reserve = 1"), "P1-reversals", "and found 1"),
    "a tip that nobody paid": (
        "UPDATE fanfunding_tips SET state = 'paid' WHERE state = 'void'", "P2-tips", "is paid, and nothing paid it",
    ),
    "a tip that was paid with another amount": (_TIP.format("total = 556"), "P2-tips", "paid 555 USD"),
    "a purchase without its tip": (
        "DELETE FROM fanfunding_tips WHERE total = 555 AND state = 'paid'", "P2-tips", "a tip that is not there",
    ),
    "bought, and given elsewhere": (
        _TIP.format("source = 'kofi'"), "P2-imported", "of kofi stands in the books",
    ),
    "a number that is left out": (_TIP.format("sequence = 7"), "P2-queue", "3 tips, numbered 1 to 7"),
    "an alert that is lost": (
        "DELETE FROM fanfunding_alerts WHERE sequence = 3", "P2-queue", "is paid, and has 0 alerts",
    ),
    "an alert of what was never paid": (
        "UPDATE fanfunding_alerts SET tip_id = (SELECT id FROM fanfunding_tips WHERE total = 777) WHERE sequence = 1",
        "P2-queue", "is void, and has 1 alerts",
    ),
    "a creator who is gone": ("DELETE FROM fanfunding_creators", "P2-queue", "a creator who is not there"),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fanfunding")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    (folder / "luna.yaml").write_text(LUNA)
    async with running_shop(folder, FAN_SHOP) as shop:
        first = await tip(shop, 1000)
        await give(shop, 777)
        await shop.advance("25h")
        await pay_out(shop, 900)
        await dispute(shop, first, "lost")
        assert (await refund(shop, await tip(shop, 555), 100)).status == 201
        await dispute(shop, await tip(shop, 500))
        assert purse(shop) == {"reserve": 860, "payable": 0, "debt": 900}


async def _violations(book: Path) -> list[tuple[str, str]]:
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    names = {check.name for check in CHECKS}
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
