"""Alerts over a stream, in a real browser source: shown once, in order, whatever happens to server and network."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, tip

pytestmark = pytest.mark.asyncio(loop_scope="session")

OVERLAY = "/v1/fanfunding/creators/luna/overlay"
QUICK = LUNA + "alerts: {gap: 0s, duration: 0s, variations: [{text_contains: Long, duration: 2s, template: banner}]}\n"
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</p><iframe src=javascript:alert(1)>",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "\"'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#60;",
    "عربي עברית מעורב abc",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪",
    "Z͑ͫa̴l̵g̷o̸",
    "'; DROP TABLE tips; --",
    "data:text/html,<script>alert(1)</script>",
    "<b>bold</b>",
    "<a href=//evil.example>x</a>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//e>",
    "<meta http-equiv=refresh content=0>",
    "<base href=//evil.example>",
    "<form action=//e><input>",
    "<object data=//e>",
    "<embed src=//evil.example>",
    "<video src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<math><mi//xlink:href=x>",
    "<!-- comment -->",
    "<![CDATA[x]]>",
    "]]>",
    "-->",
    "</title></script>",
    "\\u003cscript\\u003e",
    "%3Cscript%3E",
    "alert`1`",
    "constructor.constructor",
    "__proto__",
    "null",
    "undefined",
    "NaN",
    "0",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "event: clear",
    "data: {}",
    "id: 9",
    ": heartbeat",
    "{}",
    "[]",
    "ﷺ" * 8,
    "W" * 80,
    "🇩🇪" * 20,
    "x" + "\u0301" * 6,
)


@pytest_asyncio.fixture(loop_scope="session")
async def luna(browser, tmp_path):
    (tmp_path / "luna.yaml").write_text(QUICK.replace("max_chars: 20", "max_chars: 80"))
    async with running_shop(tmp_path, FAN_SHOP) as shop:
        yield shop


async def open_overlay(visit, shop):
    link = (await shop.as_server().post(OVERLAY + "/token")).json
    here = await visit(shop=shop, width=1920)
    await here.page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
          window.seen = [];
          const box = document.getElementById("alert");
          new MutationObserver(() => {
            const words = document.getElementById("message").textContent, last = window.seen[window.seen.length - 1];
            const now = box.dataset.sequence + " " + words;
            if (!box.hidden && last !== now) window.seen.push(now);
          }).observe(box, {attributes: true});
        });"""
    )
    await here.open(f"/overlay/alerts#token={link['token']}")
    return here


async def all_done(shop, count: int) -> None:
    await shop.until(lambda: states(shop) == ["done"] * count)


def states(shop) -> list[str]:
    return [row["state"] for row in shop.query("SELECT state FROM fanfunding_alerts ORDER BY sequence")]


async def test_alerts_are_shown_once_in_order_and_literally(visit, luna):
    here = await open_overlay(visit, luna)
    messages = [" ".join(HOSTILE[at : at + 6]) for at in range(0, len(HOSTILE), 6)]
    for message in messages:
        await tip(luna, 500, message=message, by=luna.as_server(), customer="ada")
    await all_done(luna, len(messages))
    assert len(HOSTILE) >= 40
    assert await here.page.evaluate("window.seen") == [f"{at} {message}" for at, message in enumerate(messages, 1)]
    here.forgive("AudioContext")  # OBS lets a source sound without a click; a bare browser does not
    await expect(here.page.locator("#alert")).to_be_hidden()


async def test_a_source_that_is_hidden_shows_its_alert_when_it_is_shown(visit, luna):
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
