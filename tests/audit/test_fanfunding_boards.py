"""What goals and boards count wrongly is seen, where it is planted.

Mio gave 555 USD, of which 100 came back, then 400 EUR, which are worth 500 USD; Ada gave 200 USD anonymously.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from storefront_fanfunding.board_auditing import BOARD_CHECKS

from storefront.core.audit import Outside, verify_file
from storefront.testing import running_shop
from tests.fanfunding.goals import LUNA_COLLECTS, amounts
from tests.fanfunding.tipping import FAN_SHOP, refund, tip

OUTSIDE = Outside(checks=BOARD_CHECKS)
_COUNTED = (
    "UPDATE fanfunding_counted SET {} WHERE currency = 'USD' "
    "AND tip_id = (SELECT id FROM fanfunding_tips WHERE amount = 400)"
)

PLANTS = {
    "a goal that a refund did not lower": (
        "UPDATE fanfunding_counted SET gross = 555 WHERE gross = 455", "F1-counted", "'gross': 455, 'net': 410",
    ),
    "a tip that is not counted": (
        "DELETE FROM fanfunding_counted WHERE gross = 200", "F1-counted", "is not counted",
    ),
    "a tip that is not counted where it was given": (
        "DELETE FROM fanfunding_counted WHERE currency = 'EUR'", "F1-counted", "not counted in its own currency",
    ),
    "another rate than the tip's": (_COUNTED.format("factor = '3/2', gross = 600"), "F1-counted", "no rate of its own"),
    "a tip of another's": (_COUNTED.format("customer_id = 'cus_other'"), "F1-counted", "another creator, fan or day"),
    "a tip of another day": (_COUNTED.format("day = day + 1"), "F1-counted", "another creator, fan or day"),
    "a day that is too much": (
        "UPDATE fanfunding_days SET net = net + 1 WHERE currency = 'USD'", "F1-sums", "the tips come to (1155,",
    ),
    "a day that is lost": ("DELETE FROM fanfunding_days WHERE currency = 'EUR'", "F1-sums", "are ()"),
    "a fan who is too high on the board": (
        "UPDATE fanfunding_fans SET gross = 956 WHERE gross = 955 AND span = 'all'", "F1-sums", "come to (955,)",
    ),
    "an anonymous fan's sum under a name": (
        "UPDATE fanfunding_fans SET is_anonymous = 0 WHERE gross = 200 AND span = 'all'", "F1-sums", "come to (200,)",
    ),
    "a badge that was kept after its tip went back": (
        "UPDATE fanfunding_badges SET reason = '{\"lifetime\":{\"USD\":956}}' WHERE badge = 'patron'", "F2-badges",
        "which they do not keep",
    ),
    "a badge of the first for the second": (
        "UPDATE fanfunding_badges SET customer_id = 'cus_other' WHERE badge = 'founder'", "F2-badges",
        "the badge founder",
    ),
    "more given of the game than was counted": (
        "UPDATE fanfunding_grants SET quantity = 2 WHERE state = 'given'", "F2-grants", "tips gave 2 potion",
    ),
    "a grant that was never allowed": (
        "UPDATE fanfunding_grants SET per_day = 0 WHERE state = 'given'", "F2-grants", "1 were counted, 0 allowed",
    ),
    "items of a tip that says nothing of them": (
        "UPDATE fanfunding_grants SET state = 'refused' WHERE state = 'given'", "F2-grants", "its grants do not say so",
    ),
    "a goal that gave more than it promised": (
        "UPDATE fanfunding_goal_grants SET quantity = 2", "F2-goals", "and promised 1 of it",
    ),
    "a goal that gave to somebody who gave nothing": (
        "UPDATE fanfunding_goal_grants SET customer_id = 'cus_other'", "F2-goals", "who gave nothing for it",
    ),
    "a goal that gave to somebody whose money went back": (
        "UPDATE fanfunding_tips SET state = 'refunded' WHERE customer_id = "
        "(SELECT customer_id FROM fanfunding_goal_grants)", "F2-goals", "their money has gone back",
    ),
    "items of a goal that says nothing of them": (
        "UPDATE fanfunding_goal_grants SET state = 'refused'", "F2-goals", "no goal's grant says so",
    ),
    "a grant of a tip that went back": (
        "UPDATE fanfunding_tips SET state = 'refunded' WHERE amount = 555", "F2-grants", "what it gave did not",
    ),
}  # fmt: skip
ROWS = {"a goal that gave to somebody whose money went back": 2}
"""How many rows a plant touches, where that is not one: all of a fan's tips have gone back then."""
MAY_GRANT = "hold_days: 1, may_grant: [{sku: potion, per_tip: 1, per_day: 1}, {sku: key, per_tip: 1, per_day: 9}]}"
BADGES = """
badges:
  - {id: patron, when: {lifetime: {USD: 900}}}
  - {id: founder, when: {first: 1}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boards")
    asyncio.run(_write(folder))
    return folder / "data" / "storefront.sqlite"


async def _write(folder: Path) -> None:
    (folder / "luna.yaml").write_text(
        LUNA_COLLECTS.replace("sound: chime", "sound: chime, grants: {potion: 1}").replace(
            "target: {USD: 1000}", "target: {USD: 1000}\n    grants: {key: 1}"
        )
        + BADGES
    )
    async with running_shop(folder, FAN_SHOP.replace("hold_days: 1}", MAY_GRANT)) as shop:
        mio = {"by": shop.as_server(), "customer": "mio"}
        assert (await refund(shop, await tip(shop, 555, **mio), 100)).status == 201
        await tip(shop, 400, "EUR", **mio)
        await tip(shop, 200, name="Ada", anonymous=True)
        assert (await amounts(shop))["mic"] == 455 + 500 + 200


async def _violations(book: Path) -> list[tuple[str, str]]:
    report = await verify_file(book, deep=True, outside=OUTSIDE)
    names = {check.name for check in BOARD_CHECKS}
    return [(one.check, one.message) for one in report.violations if one.check in names]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_is_seen(finished: Path, tmp_path: Path, plant: str) -> None:
    statement, check, said = PLANTS[plant]
    book = Path(shutil.copy(finished, tmp_path / "book.sqlite"))
    with closing(sqlite3.connect(book)) as connection:
        assert connection.execute(statement).rowcount == ROWS.get(plant, 1)
        connection.commit()

    found = await _violations(book)

    assert any(name == check and said in message for name, message in found), found


async def test_nothing_is_seen_where_nothing_is_planted(finished: Path) -> None:
    assert await _violations(finished) == []
