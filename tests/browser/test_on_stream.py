"""Five dollars go from a phone to the stream: one alert, goal and board move, a badge is given, the share is exact."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, purse

from .test_overlay import open_overlay, states
from .test_overlay_boards import opened

pytestmark = pytest.mark.asyncio(loop_scope="session")

LUNA = """
name: Luna
tips:
  min: {USD: 100}
  presets: {USD: [300, 500, 1000]}
  tiers: [{id: gold, min: {USD: 500}, badge: gold-heart}]
badges: [{id: gold-heart, title: Heart of gold}]
goals: [{id: mic, title: New microphone, target: {USD: 1000}}]
alerts: {gap: 0s, duration: 2s}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser, tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA)
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def test_five_dollars_go_from_a_phone_through_the_checkout_to_the_stream(visit, stage):
    screen = await open_overlay(visit, stage)
    token = screen.page.url.partition("token=")[2]
    goal = await opened(visit, stage, token, "goal")
    board = await opened(visit, stage, token, "leaderboard")

    phone = await visit(width=390, shop=stage)
    await phone.open("/tip/luna")
    await phone.page.get_by_role("radio", name="$5", exact=True).check(force=True)
    await phone.page.get_by_label("Your name").fill("Mio")
    await phone.page.get_by_label("Message").fill("For the cat")
    await phone.page.get_by_role("button", name="Tip $5.00").click()
    await phone.page.get_by_role("button", name="Pay $5.00").click()
    await expect(phone.page.get_by_role("heading", name="Thank you, Mio")).to_be_visible()

    await expect(screen.page.locator("#alert")).to_be_visible()
    await expect(screen.page.locator("#sum")).to_have_text("$5.00")
    await expect(screen.page.locator("#badges")).to_have_text("Heart of gold")
    await expect(goal.page.locator("#percent")).to_have_text("50%")
    await expect(board.page.locator(".line")).to_have_text(["1Mio$5.00"])
    await stage.until(lambda: states(stage) == ["done"])
    await expect(screen.page.locator("#alert")).to_be_hidden()
    assert await screen.page.evaluate("window.seen") == ["1 For the cat"]
    assert [one["badge"] for one in stage.query("SELECT badge FROM fanfunding_badges")] == ["gold-heart"]
    screen.forgive("AudioContext")
    await stage.advance("25h")
    await stage.quiet()
    assert purse(stage) == {"reserve": 0, "payable": 450, "debt": 0}
