"""Usage by the SDK: reported in batches, buffered, counted once although replies get lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from storefront_sdk import BlockingStorefront, StorefrontClient, UsageEvent

from storefront.testing import Shop, running_shop

from .conftest import Road

KEY = "sk_sandbox_demo"
METERED = """
shop: {name: Metered}
mode: sandbox
data: ${DATA}
keys: [{key: sk_sandbox_demo, kind: server}]
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
meters:
  calls: {event_type: api.call, aggregation: count}
  minutes: {event_type: voice.minute, aggregation: sum, value: minutes}
usage:
  api: {meter: calls, mode: prepaid, asset: gems, model: per_unit, price: "0.01"}
"""


@pytest.fixture
async def metered(tmp_path) -> AsyncIterator[Shop]:
    async with running_shop(tmp_path, METERED) as shop:
        yield shop


@pytest.fixture
async def road_to_it(metered) -> AsyncIterator[Road]:
    road = Road(int(metered.url.rpartition(":")[2]))
    await road.start()
    yield road
    await road.close()


async def _fund(server: StorefrontClient) -> None:
    await server.grants.create("ada", asset="gems", amount=100, reason="for the test")


async def test_events_are_counted_once_although_a_reply_is_lost(metered, road_to_it):
    async with StorefrontClient(road_to_it.url, key=KEY, pause_seconds=0.01) as server:
        await _fund(server)
        events = [UsageEvent("api.call", "ada") for _ in range(600)]
        road_to_it.lose_replies()

        found = await server.usage.report([*events, UsageEvent("nothing", "ada")])

        assert (found.accepted, found.duplicates) == (100, 500)
        assert [(one.reason, one.event.type) for one in found.rejected] == [("unknown_type", "nothing")]
        check = await server.check("api", customer="ada")
    assert (check.allowed, check.remaining) == (True, 9_400)
    assert metered.query("SELECT metered FROM usage_accounts") == [{"metered": str(6 * 10**12)}]


async def test_a_buffer_sends_what_is_left_when_it_is_closed(metered, road_to_it):
    async with StorefrontClient(road_to_it.url, key=KEY, tries=1) as server:
        await _fund(server)
        async with server.usage.buffered(most=50, every_seconds=60) as usage:
            road_to_it.answer(503)
            for number in range(120):
                usage.add(UsageEvent("api.call", "ada", id=str(number)))
            usage.add(UsageEvent("voice.minute", "ada", {"minutes": "a lot"}))
            await metered.until(lambda: "POST /v1/usage" in road_to_it.requests)

    assert len(usage) == 0
    assert [one.reason for one in usage.rejected] == ["invalid"]
    assert metered.query("SELECT events FROM usage_periods") == [{"events": 120}]


async def test_the_blocking_client_reports_too(metered):
    def report() -> int:
        with BlockingStorefront(metered.url, key=KEY) as server:
            return server.usage.report([UsageEvent("voice.minute", "ada", {"minutes": 2})]).accepted

    assert await asyncio.to_thread(report) == 1
