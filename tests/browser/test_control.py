"""The control page in a real browser: signed in by its link, at every width and theme, fresh without a reload."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.test_control import OVERLAY, invited
from tests.fanfunding.tipping import FAN_SHOP, pay_out, tip

from .test_tip import LUNA, measured

LOOKS = (
    LUNA.replace('color: "#ffd700"}', 'color: "#000080", sound: bell}')
    + """
alerts:
  duration: 6s
  variations:
    - {tier: gold, min: {USD: 5000}, text_contains: "<b>raid</b>", template: burst, sound: fanfare, duration: 12s}
    - {is_first: true, template: banner, sound: chime}
"""
)
GROUND = "one => getComputedStyle(one).backgroundColor + ' ' + getComputedStyle(one).color"

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser, tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA)
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def test_a_creator_signs_in_by_the_link_and_steers_from_a_phone(visit, stage):
    here = await visit(width=390, shop=stage)
    page = here.page
    await here.open(f"/creator#code={await invited(stage)}")
    await expect(page.get_by_text("This signs you in on this device.")).to_be_visible()
    assert page.url.endswith("/creator")  # the code has left the address bar
    await measured(here, "sign-in", "control")
    await page.get_by_role("button", name="Sign in").press("Enter")
    await expect(page.get_by_text("Make an overlay link first")).to_be_visible()
    await measured(here, "new", "control")
    await page.get_by_role("button", name="Make a link").click()
    link = await page.get_by_label("Alerts").input_value()
    await measured(here, "link", "control")
    await page.get_by_role("link", name="Done").click()

    overlay = await here.another_tab()
    await overlay.page.goto(link)
    await stage.until(lambda: stage.query("SELECT seen_at FROM fanfunding_overlays")[0]["seen_at"] is not None)
    await page.get_by_role("button", name="Pause").press("Enter")
    await expect(page.get_by_text("Paused. Alerts wait.")).to_be_visible()
    await expect(page.get_by_text("Overlay on")).to_be_visible()
    await tip(stage, 2500, name="pixelpaws", message="For Biscuit’s fancy tuna. Also: that wall clip was art.")
    await tip(stage, 1000, name="ليلى المنصوري", message="بثّ رائع، القطة تستحق التونة الفاخرة!")
    await tip(stage, 500, name="Bartholomew Featherstoneh", message="")
    await tip(stage, 300, name="xX_gatebreaker_Xx", message="watch mine instead, it’s at gate-break.com/win")
    await expect(page.locator("[data-rows] .row")).to_have_count(3)  # without a reload
    await expect(page.locator("[data-held] .row")).to_have_count(1)
    await page.reload()
    await measured(here, "busy", "control")
    await page.get_by_role("button", name="Show it (xX_gatebreaker_Xx, $3.00)", exact=True).click()
    await expect(page.locator("[data-rows] .row")).to_have_count(4)
    await page.get_by_role("button", name="Hide everything").click()
    await expect(page.get_by_text("Everything is hidden. Alerts wait.")).to_be_visible()
    queue = (await stage.as_server().get(OVERLAY)).json
    assert (queue["paused"], queue["hidden"], len(queue["queued"]), queue["held"]) == (True, True, 4, [])
    await measured(here, "hidden", "control")
    here.forgive("AudioContext")


async def test_a_creator_blocks_by_the_keyboard_and_reads_what_they_were_paid(visit, stage):
    await tip(stage, 123_456, name="pixelpaws", fan="a-token-of-this-browser")
    await stage.advance("25h")
    await pay_out(stage, 100_000)
    await stage.as_server().post(OVERLAY + "/token")
    await stage.as_server().post(OVERLAY, {"act": "pause"})
    await tip(stage, 500, name="pixelpaws", message="not so kind words", fan="a-token-of-this-browser")
    await tip(stage, 700, name="Bartholomew Featherstoneh", message="see gate-break.com/win")
    here = await visit(width=390, shop=stage)
    page = here.page
    await here.open(f"/creator#code={await invited(stage)}")
    await page.get_by_role("button", name="Sign in").press("Enter")
    await page.get_by_role("button", name="Name only (Bartholomew").press("Enter")
    await expect(page.locator("[data-rows] .row")).to_have_count(3)
    await expect(page.get_by_text("gate-break.com")).to_have_count(0)
    await page.locator("[data-rows] summary").first.press("Enter")
    await measured(here, "more", "control")
    await page.get_by_role("button", name="Block sender (pixelpaws").press("Enter")
    await expect(page.get_by_role("heading", name="Blocked senders")).to_be_visible()
    await expect(page.get_by_text("not so kind words")).to_have_count(0)
    await measured(here, "blocked", "control")
    await page.get_by_role("button", name="Unblock pixelpaws").press("Enter")
    await expect(page.get_by_role("heading", name="Blocked senders")).to_have_count(0)

    await page.get_by_role("link", name="See statements").press("Enter")
    await expect(page.get_by_text("SEPA 17")).to_be_visible()
    await measured(here, "payouts", "control")
    await page.get_by_role("link", name="See it").press("Enter")
    await expect(page.get_by_role("heading", name="Statement for luna")).to_be_visible()
    await measured(here, "statement", "control")
    await page.get_by_role("link", name="All payouts").press("Enter")
    await expect(page.get_by_role("heading", name="Payouts")).to_be_visible()
    here.forgive("AudioContext")


async def test_the_gallery_shows_every_look_of_the_file(visit, stage, tmp_path):
    (tmp_path / "luna.yaml").write_text(LOOKS)
    await stage.restart()
    link = (await stage.as_server().post(OVERLAY + "/token")).json["url"]
    here = await visit(width=390, shop=stage)
    await here.open(link.partition(stage.url)[2].replace("/alerts", "/preview"))
    await expect(here.page.get_by_role("status")).to_have_text("4 looks, as your file has them now.")
    assert await here.page.locator("h2").all_text_contents() == [
        "Tier Your name on stream",
        "Tier Message read out loud",
        "Variation 1: tier Message read out loud, from $50.00, with “<b>raid</b>”",
        "Variation 2: a fan's first",
    ]
    tickets = here.page.locator(".ticket")
    assert [await tickets.nth(at).get_attribute("class") for at in range(4)] == [
        "ticket card", "ticket card", "ticket burst", "ticket banner",
    ]  # fmt: skip
    assert await here.page.locator(".message").nth(2).text_content() == "This is what a tip looks like. <b>raid</b>"
    grounds = [await here.page.locator(".stub").nth(at).evaluate(GROUND) for at in (0, 1)]
    assert grounds == ["rgb(205, 127, 50) rgb(21, 15, 0)", "rgb(0, 0, 128) rgb(255, 255, 255)"]
    await measured(here, "gallery", "control")
    await here.page.get_by_role("button", name="Dark scene behind them").press("Enter")
    await here.shot("control-gallery-dark-scene")
    await here.page.goto("about:blank")
    await here.open("/overlay/preview#token=ovl_none")
    await expect(here.page.get_by_text("This link does not work")).to_be_visible()
