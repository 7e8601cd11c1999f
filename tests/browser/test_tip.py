"""A fan tips in a real browser: by the keyboard, without script, at every width and theme; hostile words stay words."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.hostile import HOSTILE
from tests.fanfunding.tipping import FAN_SHOP, tip

from .test_account_looks import CLEAN
from .test_looks import RING
from .test_story import tab_to

pytestmark = pytest.mark.asyncio(loop_scope="session")
LUNA = """
name: Luna
title: Luna plays Lanternfall
about: Cosy speedruns, four evenings a week, and one very old cat called Biscuit.
accent: "#ffd700"
tips:
  min: {USD: 100, EUR: 100}
  max: {USD: 2000000}
  presets: {USD: [300, 500, 1000, 2500]}
  tiers:
    - {id: bronze, title: Your name on stream, min: {USD: 300}, color: "#cd7f32", max_chars: 80}
    - {id: gold, title: Message read out loud, min: {USD: 1000}, color: "#ffd700"}
moderation: {hold: [links]}
goals:
  - id: mic
    title: A capture card that does not scream
    target: {USD: 90000}
    stretch: [{target: {USD: 2000000}, title: And a stand}]
  - {id: month, title: Rent of the studio, target: {USD: 4000}, reset: month}
links: [{title: Schedule, url: "https://luna.example/schedule"}]
"""


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser, tmp_path):
    (tmp_path / "luna.yaml").write_text(LUNA)
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def measured(here, name, page="tip"):
    for theme in ("light", "dark"):
        await here.page.emulate_media(color_scheme=theme)
        assert await here.barriers() == []
        for width, height in ((1440, 900), (390, 844), (320, 640)):
            await here.page.set_viewport_size({"width": width, "height": height})
            looks = await here.looks()
            await here.shot(f"{page}-{name}-{width}-{theme}")
            assert looks.pop("measured") > 2
            assert looks == CLEAN


async def test_a_fan_tips_five_dollars_on_a_phone_by_the_keyboard_alone(visit, stage):
    here = await visit(width=390, shop=stage)
    await here.open("/tip/luna")
    box = await here.page.locator(".tip__keys").bounding_box()
    assert box["y"] + box["height"] < 844  # within the first screen
    while (await here.page.evaluate("document.activeElement.name")) != "preset":
        await here.page.keyboard.press("Tab")
    await here.page.keyboard.press("ArrowRight")
    await expect(here.page.get_by_role("button", name="Tip $10.00")).to_be_visible()
    await expect(here.page.locator(".tier[data-lit]")).to_have_count(2)
    await here.page.keyboard.press("ArrowLeft")
    await here.page.keyboard.press("Tab")
    await here.page.keyboard.type("7.5")
    await expect(here.page.get_by_role("button", name="Tip $7.50")).to_be_visible()
    await expect(here.page.locator(".tier[data-lit]")).to_have_count(1)
    for _ in "7.5":
        await here.page.keyboard.press("Backspace")
    await here.page.keyboard.type("5")
    await here.page.keyboard.press("Tab")
    await here.page.keyboard.type("Mio")
    await here.page.keyboard.press("Tab")
    await here.page.keyboard.type("For the cat")
    await expect(here.page.locator("[data-left]")).to_have_text("69 left")
    await here.page.keyboard.press("Tab")
    await here.page.keyboard.press("Tab")
    await here.page.keyboard.press("Enter")
    await expect(here.page.get_by_role("heading", name="Payment", exact=True)).to_be_visible()
    await tab_to(here, r"Pay \$5\.00")
    await here.page.keyboard.press("Enter")
    await expect(here.page.get_by_role("heading", name="Thank you, Mio")).to_be_visible()
    await expect(here.page.locator(".ticket")).to_contain_text("$5.00")
    assert [amount for _, amount in await stage.sandbox.charged()] == [500]
    await measured(here, "thanks")


async def test_a_fan_tips_without_script_and_the_button_says_the_sum(visit, stage):
    here = await visit(width=390, javascript=False, shop=stage)
    await here.open("/tip/luna")
    await expect(here.page.get_by_role("button", name="Tip $5.00")).to_be_visible()
    await here.page.get_by_label("Your name").fill("M")
    await here.page.get_by_label("Message").fill("For the cat")
    await here.page.get_by_role("radio", name="$10", exact=True).check(force=True)
    await expect(here.page.locator(".tier__tick:visible")).to_have_count(2)
    await here.page.get_by_role("button", name="Tip $10.00").click()
    await expect(here.page.get_by_role("heading", name="There is a problem")).to_be_visible()
    await expect(here.page.get_by_role("button", name="Tip $10.00")).to_be_visible()
    await here.page.get_by_label("Your name").fill("Mio")
    await here.page.get_by_role("button", name="Tip $10.00").click()
    await here.page.get_by_role("button", name="Pay $10.00").click()
    await expect(here.page.get_by_role("heading", name="Thank you, Mio")).to_be_visible()
    await expect(here.page.locator(".ticket")).to_contain_text("For the cat")


async def test_the_page_can_be_read_pressed_and_named_empty_wrong_and_full(visit, stage):
    here = await visit(width=390, shop=stage)
    answer = await here.open("/tip/luna")
    assert not re.search(r"<[^>]*\s(style|on\w+)=", await answer.text())
    await measured(here, "empty")
    await here.page.get_by_label("Other amount").fill("0.50")
    await here.page.get_by_role("button", name="Tip $0.50").click()
    await expect(here.page.locator("#problem")).to_be_focused()
    await expect(here.page.get_by_label("Other amount")).to_have_value("0.50")
    await measured(here, "wrong")
    await tip(stage, 1_248_000, name="w" * 25, message="w" * 52)
    await tip(stage, 500, name="لیلى", message="بثّ رائع")
    await tip(stage, 500, name="たけし", anonymous=True)
    await here.open("/tip/luna")
    await measured(here, "full")
    await here.page.set_viewport_size({"width": 390, "height": 844})
    stops = []
    while not stops or (not stops[-1]["isOver"] and len(stops) < 40):
        await here.page.keyboard.press("Tab")
        stops.append(await here.page.evaluate(RING))
    assert [one["name"] for one in stops[:-1] if not one["isSeen"]] == []


async def test_hostile_words_open_nothing_and_ask_nobody(visit, stage):
    for words in HOSTILE[::8]:
        await tip(stage, 1000, name=f"{words[:12]} x", message=words)
    here = await visit(width=390, shop=stage)
    asked = []
    here.page.on("request", lambda request: asked.append(request.url))
    await here.open("/tip/luna")
    await expect(here.page.locator(".recent li")).to_have_count(8)
    assert [url for url in asked if not url.startswith(stage.url)] == []
    assert await here.page.locator("main img, main iframe, main script").count() == 0
    await here.page.get_by_label("Message").fill("</textarea><script>alert(1)</script>")
    await here.page.get_by_role("button", name="Tip $5.00").click()
    await expect(here.page.get_by_label("Message")).to_have_value("</textarea><script>alert(1)</script>")


async def test_goals_and_those_who_gave_most_stand_on_the_page_and_goals_move_while_it_is_open(visit, stage):
    await tip(stage, 64250, name="Mio")
    await tip(stage, 500, name="Zoe", anonymous=True)
    await stage.quiet()
    here = await visit(width=390, shop=stage)
    await here.open("/tip/luna")
    goal = here.page.locator('[data-goal="mic"]')
    await expect(goal).to_contain_text("$647.50 of $900.00")
    await expect(goal.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "71")
    await expect(here.page.locator(".kindest li")).to_have_text(["Mio$642.50", "Someone kind$5.00"])
    await tip(stage, 30000, name="Ada")
    await expect(goal.locator("[data-title]")).to_have_text(
        "And a stand", timeout=15_000
    )  # it looks every five seconds
    await expect(goal.locator("[data-tips]")).to_have_text("3 tips so far")
    await expect(goal.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "4")
    plain = await visit(width=390, shop=stage, javascript=False)
    await plain.open("/tip/luna")
    await expect(plain.page.locator('[data-goal="mic"]')).to_contain_text("$947.50 of $20,000.00")
