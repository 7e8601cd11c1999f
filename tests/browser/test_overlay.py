"""Alerts over a stream, in a real browser source: shown once, in order, whatever happens to server and network."""

import os
import random

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.hostile import HOSTILE
from tests.fanfunding.test_overlay_queue import act
from tests.fanfunding.test_tip_page import plain
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip

pytestmark = pytest.mark.asyncio(loop_scope="session")

OVERLAY = "/v1/fanfunding/creators/luna/overlay"
QUICK = LUNA + "alerts: {gap: 0s, duration: 0s, variations: [{text_contains: Long, duration: 2s, template: banner}]}\n"


@pytest_asyncio.fixture(loop_scope="session")
async def luna(browser, tmp_path):
    told = QUICK.replace("max_chars: 20", "max_chars: 300")
    (tmp_path / "luna.yaml").write_text(told.replace("moderation: {hold: [links], block_words: [Spoiler]}\n", ""))
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def open_overlay(visit, shop):
    link = (await shop.as_server().post(OVERLAY + "/token")).json
    here = await visit(shop=shop, width=1920)
    await here.page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
          window.seen = [];
          window.names = [];
          window.shows = 0;
          const box = document.getElementById("alert");
          new MutationObserver(() => {
            const words = document.getElementById("message").textContent, last = window.seen[window.seen.length - 1];
            const now = box.dataset.sequence + " " + words;
            if (!box.hidden && last !== now) {
              window.seen.push(now);
              window.names.push(document.getElementById("name").textContent);
            }
          }).observe(box, {attributes: true});
          new MutationObserver(() => { if (!box.hidden) window.shows += 1; }).observe(
            box, {attributes: true, attributeFilter: ["hidden"]});
        });"""
    )
    await here.open(f"/overlay/alerts#token={link['token']}")
    return here


async def all_done(shop, count: int) -> None:
    await shop.until(lambda: states(shop) == ["done"] * count)


def states(shop) -> list[str]:
    return [row["state"] for row in shop.query("SELECT state FROM fanfunding_alerts ORDER BY sequence")]


async def test_alerts_are_shown_once_in_order_and_literally(luna, visit):
    here = await open_overlay(visit, luna)
    messages = [""]
    for words in HOSTILE:  # as many to an alert as it may have letters
        if len(f"{messages[-1]} {words}") > 280:
            messages.append("")
        messages[-1] = plain(f"{messages[-1]} {words}")
    names = [plain(f"{HOSTILE[at][:12]} x") for at in range(len(messages))]
    for name, message in zip(names, messages, strict=True):
        await tip(luna, 500, name=name, message=message, by=luna.as_server(), customer="ada")
    await all_done(luna, len(messages))
    assert len(HOSTILE) >= 120
    assert await here.page.evaluate("window.seen") == [f"{at} {message}" for at, message in enumerate(messages, 1)]
    assert await here.page.evaluate("window.names") == names
    here.forgive("AudioContext")  # OBS lets a source sound without a click; a bare browser does not
    await expect(here.page.locator("#alert")).to_be_hidden()


async def test_a_source_that_is_hidden_shows_its_alert_when_it_is_shown(luna, visit):
    here = await open_overlay(visit, luna)
    say = "visible => dispatchEvent(new CustomEvent('obsSourceVisibleChanged', {detail: {visible}}))"
    await here.page.evaluate(say, False)
    await tip(luna, 100, message="later")
    assert states(luna) == ["queued"]
    await here.page.evaluate(say, True)
    await all_done(luna, 1)
    assert await here.page.evaluate("window.seen") == ["1 later"]


async def test_a_server_that_dies_in_the_middle_of_an_alert_and_a_network_that_is_cut_lose_and_repeat_nothing(
    visit, luna
):
    here = await open_overlay(visit, luna)
    await tip(luna, 100, message="a long one")
    await luna.until(lambda: states(luna) == ["shown"])
    await luna.restart()
    await tip(luna, 100, message="after")
    await here.context.set_offline(True)
    await tip(luna, 100, message="while cut")
    await here.context.set_offline(False)
    await all_done(luna, 3)
    assert await here.page.evaluate("window.seen") == ["1 a long one", "2 after", "3 while cut"]
    here.forgive("net::ERR_")  # the browser itself says what was cut off


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.heavy)])
async def test_random_cuts_lose_and_repeat_nothing(luna, visit, record_property, count):
    seed = int(os.environ.get("STOREFRONT_SEED") or random.randrange(10**6))
    record_property("played", f"cuts of overlays: STOREFRONT_SEED={seed}")
    chance, server = random.Random(seed), luna.as_server()
    await server.post("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 50_000, "reason": "t"}, key="g")
    here = await open_overlay(visit, luna)
    say = "visible => dispatchEvent(new CustomEvent('obsSourceVisibleChanged', {detail: {visible}}))"
    given = 0
    while given < count:
        some = min(chance.randint(1, 6), count - given)
        what = chance.choice(["network", "server", "hidden", "nothing"])
        if what == "network":
            await here.context.set_offline(True)
        elif what == "hidden":
            await here.page.evaluate(say, False)
        for at in range(given, given + some):
            await tip(luna, 20, "gems", message=f"no {at}", by=server, customer="ada")
            if what == "server" and at == given:
                await luna.restart()
        given += some
        await here.context.set_offline(False)
        await here.page.evaluate(say, True)
        if chance.random() < 0.5:  # else it is cut again while it works off what came
            await all_done(luna, given)
    await all_done(luna, count)
    assert await here.page.evaluate("window.seen") == [f"{at + 1} no {at}" for at in range(count)]
    here.forgive("net::ERR_")
    here.forgive("AudioContext")


async def test_an_alert_whose_overlay_is_cut_off_before_it_has_said_so_is_shown_once_and_a_replay_again(luna, visit):
    here = await open_overlay(visit, luna)
    await here.page.route("**/overlay/ack", lambda route: route.abort())
    await tip(luna, 100, message="cut off")
    await expect(here.page.locator("#alert")).to_have_attribute("data-sequence", "1")
    await expect(here.page.locator("#alert")).to_be_hidden()
    async with here.page.expect_response("**/overlay/stream"):
        await luna.restart()  # the stream begins anew, and tells what the server still takes for queued
    assert states(luna) == ["queued"]
    await here.page.unroute("**/overlay/ack")
    await all_done(luna, 1)
    await act(luna, "replay", 1)
    await all_done(luna, 1)
    assert await here.page.evaluate("window.shows") == 2
    here.forgive("net::ERR_")
