"""An overlay that runs for a whole stream: every alert once, in order, and the page does not grow."""

import os

import pytest

from tests.browser.test_overlay import luna, open_overlay
from tests.fanfunding.tipping import tip

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.heavy]

__all__ = ["luna"]

SOME = 100
TIPS = int(os.environ.get("STOREFRONT_SOAK_TIPS", "2000"))
"""As many as ten thousand make an hour of a very busy stream."""
MOST_GROWTH_BYTES = 20 * 2**20


async def in_use(devtools) -> tuple[int, int]:
    """Return the page's heap in bytes and its nodes, once what is not needed any more is gone."""
    await devtools.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in (await devtools.send("Performance.getMetrics"))["metrics"]}
    return int(found["JSHeapUsedSize"]), int(found["Nodes"])


async def some_tips(shop, begin: int) -> None:
    server = shop.as_server()
    for at in range(begin, begin + SOME):
        await tip(shop, 20, "gems", message=f"no {at}", by=server, customer="ada")
    done = "SELECT count(*) AS done FROM fanfunding_alerts WHERE state = 'done'"
    await shop.until(lambda: shop.query(done)[0]["done"] == begin + SOME)


async def test_thousands_of_alerts_leave_no_more_behind_than_a_hundred(luna, visit, record_property):
    await luna.as_server().post(
        "/v1/grants", {"customer": "ada", "asset": "gems", "amount": 20 * TIPS, "reason": "t"}, key="g"
    )
    here = await open_overlay(visit, luna)
    devtools = await here.context.new_cdp_session(here.page)
    await devtools.send("Performance.enable")
    await some_tips(luna, 0)
    heap, nodes = await in_use(devtools)
    for begin in range(SOME, TIPS, SOME):
        await some_tips(luna, begin)
    assert await here.page.evaluate("window.seen") == [f"{at + 1} no {at}" for at in range(TIPS)]
    after, nodes_after = await in_use(devtools)
    grown = after - heap
    record_property(
        "played", f"{TIPS} alerts on an overlay: its heap grew by {grown / 2**20:.1f} MiB, {nodes_after} nodes"
    )
    assert grown < MOST_GROWTH_BYTES
    assert nodes_after <= nodes + 10
    here.forgive("AudioContext")
