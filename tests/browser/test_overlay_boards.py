"""Goal and leaderboard over a stream, in a real browser source: at once, then live; and words stay words."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.goals import LUNA_COLLECTS
from tests.fanfunding.tipping import FAN_SHOP, refund, tip

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINK = "/v1/fanfunding/creators/luna/overlay/token"
TRAIN = "train: {levels: {USD: [1000, 1500, 2000, 2500, 3000]}}\n"
HOSTILE = "<img src=x onerror=alert"


@pytest_asyncio.fixture(loop_scope="session")
async def luna(browser, tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA_COLLECTS + TRAIN)
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def opened(visit, shop, token, what, **more):
    here = await visit(shop=shop, width=1920, **more)
    await here.open(f"/overlay/{what}#token={token}")
    assert await here.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
    return here


async def test_goal_and_board_stand_there_at_once_and_then_follow_each_tip_and_refund(luna, visit):
    link = (await luna.as_server().post(LINK)).json
    assert sorted(link["urls"]) == ["alerts", "goal", "leaderboard", "train"]
    first = await tip(luna, 600, name=HOSTILE)
    goal = await opened(visit, luna, link["token"], "goal")
    board = await opened(visit, luna, link["token"], "leaderboard")
    await expect(goal.page.locator("#title")).to_have_text("New microphone")
    await expect(goal.page.locator("#percent")).to_have_text("60%")
    await expect(board.page.locator("#head")).to_have_text("Today’s kindest")
    await expect(board.page.locator(".line")).to_have_text([f"1{HOSTILE}$6.00"])

    await tip(luna, 700, anonymous=True)
    await expect(goal.page.locator("#title")).to_have_text("And a stand")
    await expect(goal.page.locator("#amount")).to_have_text("$13.00")
    await expect(goal.page.locator("#bar")).to_have_attribute("aria-valuenow", "86")
    await expect(board.page.locator(".line__name")).to_have_text(["Someone kind", HOSTILE])
    await goal.shot("overlay-goal")
    await board.shot("overlay-leaderboard")

    await luna.restart()
    assert (await refund(luna, first)).status == 201
    await expect(goal.page.locator("#percent")).to_have_text("70%")
    await expect(board.page.locator(".line__sum")).to_have_text(["$7.00"])
    for here in (goal, board):
        here.forgive("net::ERR_")

    share = await opened(visit, luna, link["token"] + "&goal=share", "goal")
    await expect(share.page.locator("#amount")).to_have_text("$6.30")
    again = (await luna.as_server().post(LINK)).json
    assert (await luna.as_nobody().post("/v1/fanfunding/overlay/ticket", {"token": link["token"]})).status == 401
    assert (await luna.as_nobody().post("/v1/fanfunding/overlay/ticket", {"token": again["token"]})).status == 201


async def test_the_train_comes_with_its_riders_counts_down_and_rises(luna, visit):
    token = (await luna.as_server().post(LINK)).json["token"]
    here = await opened(visit, luna, token, "train")
    await expect(here.page.locator("#train")).to_be_hidden()
    for name, amount in (("Mio", 300), (HOSTILE, 400), ("ليلى", 500), ("Bartholomew the Third", 800)):
        await tip(luna, amount, name=name, by=luna.as_server(), customer=f"fan-{amount}")
    await expect(here.page.locator("#level")).to_have_text("Level 2")
    await expect(here.page.locator("#aim")).to_have_text("66% to level 3")
    await expect(here.page.locator(".wagon__name")).to_have_text(["Bartholomew the Third", "ليلى", HOSTILE, "+1"])
    await expect(here.page.locator(".tick.is-lit")).to_have_count(26)
    await expect(here.page.locator("#left")).to_have_text(re.compile(r"^4:5[0-9]$"))
    await here.shot("overlay-train")
