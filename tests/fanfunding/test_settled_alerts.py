"""Alerts that wait for their money: once each and in order, as it is settled; held ones not before they are read."""

import asyncio

import pytest
from storefront_fanfunding.showing import show_settled

from storefront.core.gateway_books import follow_books
from storefront.testing import running_shop
from tests.fanfunding.test_overlay_queue import OVERLAY, act, overlays, states  # noqa: F401 (a fixture)
from tests.fanfunding.tipping import FAN_SHOP, LUNA, give, tip

LUNA_WAITS = LUNA + "alerts: {show: on_settled}\n"


@pytest.fixture
async def stream(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_WAITS)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def test_an_alert_comes_once_its_money_stands_in_the_gateways_books(stream, overlays):  # noqa: F811
    here = await overlays()
    assert await here.hear() == ("clear", {})
    first = await tip(stream, 555, message="one")
    await tip(stream, 500, message="see www.example.org")
    await tip(stream, 100, message="three")
    await stream.bought("gems-500")
    assert (await give(stream, 20, "gems", by=stream.as_customer())).status == 201  # from the wallet: settled
    assert states(stream) == ["unsettled", "held", "unsettled", "queued"]
    queue = await act(stream, "approve", 2)
    assert ([one["sequence"] for one in queue["queued"]], queue["held"]) == ([4], [])
    assert [one["sequence"] for one in queue["unsettled"]] == [1, 2, 3]
    assert (await stream.as_server().post(OVERLAY, {"act": "replay", "sequence": 1})).status == 409
    kind, alert = await here.hear()
    assert (kind, alert["sequence"]) == ("alert", 4)
    assert (await here.ack(4, "shown"), await here.ack(4, "done")) == (200, 200)
    assert await here.ack(1, "shown") == 409

    assert await follow_books(stream.parts.services, "sandbox") > 0
    payload = {"tip": first["details"]["tip"]}
    await asyncio.gather(*(show_settled(stream.parts.services, payload) for _ in range(4)))
    await stream.advance("10s")
    assert states(stream) == ["queued", "queued", "queued", "done"]
    for sequence in (1, 2, 3):
        assert (await here.ack(sequence, "shown"), await here.ack(sequence, "done")) == (200, 200)
        await stream.advance("2s")
    told = stream.query("SELECT COUNT(*) AS found FROM events WHERE type = 'alert.shown'")
    assert told == [{"found": 4}]
