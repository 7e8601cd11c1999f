"""A game server's side of deliveries through the Python client, awaited and blocking."""

import asyncio

import pytest
from storefront_sdk import BlockingStorefront, LeaseLost, StorefrontClient

from storefront.testing import SERVER_KEY, running_shop
from tests.deliveries.conftest import DELIVERY_SHOP, fund, states, told

NUT = "  nut: {kind: container, title: Nut, prices: {gems: 5}, drops: [{weight: 1, gives: {potion: 2}}]}\n"


@pytest.fixture
async def shop(tmp_path):
    async with running_shop(tmp_path, DELIVERY_SHOP + NUT) as running:
        await fund(running)
        yield running


@pytest.fixture
async def server(shop):
    async with StorefrontClient(shop.url, key=SERVER_KEY, pause_seconds=0.01) as client:
        yield client


async def potions(shop, *quantities):
    for quantity in quantities:
        await shop.bought("potion", quantity=quantity)
    await told(shop)


async def test_an_extended_lease_keeps_what_it_holds_from_others(shop, server):
    await potions(shop, 1)
    held = await server.deliveries.lease("survival", lease_seconds=30)
    shop.wall.move(20)
    await server.deliveries.extend(held, held.deliveries, lease_seconds=60)
    shop.wall.move(40)

    assert (await server.deliveries.lease("survival")).deliveries == ()
    await server.deliveries.ack(held, held.deliveries)
    assert states(shop) == [("survival", "give ada potion 1", "done")]


async def test_following_survives_a_shop_that_goes_away_before_the_acknowledgement(shop):
    await potions(shop, 1)
    ran, missed = [], []
    restarting = asyncio.Event()

    async def run(delivery):
        ran.append(delivery.id)
        if len(ran) == 1:
            await shop.stop()

    def away(error):
        missed.append(error.code)
        restarting.set()

    async with StorefrontClient(shop.url, key=SERVER_KEY, tries=1, timeout_seconds=1) as client:
        following = asyncio.create_task(client.deliveries.follow("survival", run, lease="of-my-own-making", away=away))
        await restarting.wait()
        await shop.start()
        await shop.until(lambda: states(shop) == [("survival", "give ada potion 1", "done")])
        following.cancel()

    assert len(set(ran)) == 1  # once, or again under the same id
    assert set(missed) == {"connection_lost"}


async def test_a_lease_that_another_server_has_by_now_cannot_be_extended(shop, server):
    await potions(shop, 1)
    late = await server.deliveries.lease("survival", lease_seconds=30)
    shop.wall.move(31)
    taken = await server.deliveries.lease("survival")
    for said in (
        server.deliveries.extend(late, late.deliveries, lease_seconds=60),
        server.deliveries.fail(late, late.deliveries, reason="too late"),
    ):
        with pytest.raises(LeaseLost) as lost:
            await said
        assert lost.value.facts["lost"] == [taken.deliveries[0].id]
    await server.deliveries.ack(taken, taken.deliveries)


async def test_what_failed_comes_again_when_it_was_asked_to_or_later_and_is_given_up_in_the_end(shop, server):
    await potions(shop, 1)
    held = await server.deliveries.lease("survival")
    await server.deliveries.fail(held.id, [held.deliveries[0].id], reason="")
    assert (await server.deliveries.lease("survival")).deliveries == ()
    assert shop.query("SELECT last_error FROM microtransactions_commands") == [{"last_error": "no reason given"}]
    await shop.advance("11s")
    for attempt in (2, 3):
        held = await server.deliveries.lease("survival")
        assert [one.attempt for one in held.deliveries] == [attempt]
        await server.deliveries.fail(held, held.deliveries, reason="x" * 600, retry_after_seconds=0)
    assert (await server.deliveries.lease("survival")).deliveries == ()
    assert shop.query("SELECT state, length(last_error) AS n FROM microtransactions_commands") == [
        {"state": "dead", "n": 500}
    ]


async def test_a_blocking_game_server_leases_extends_fails_and_acknowledges(shop):
    await potions(shop, 1)

    def serve():
        with BlockingStorefront(shop.url, key=SERVER_KEY) as server:
            held = server.deliveries.lease("survival")
            server.deliveries.extend(held, held.deliveries, lease_seconds=90)
            server.deliveries.fail(held, held.deliveries, reason="no room", retry_after_seconds=0)
            again = server.deliveries.lease("survival", online=["ada"])
            server.deliveries.ack(again, again.deliveries)
            return [one.command for one in (*held.deliveries, *again.deliveries)]

    assert await asyncio.to_thread(serve) == ["give ada potion 1"] * 2
    assert states(shop) == [("survival", "give ada potion 1", "done")]


async def test_a_command_says_which_opening_it_comes_from(shop, server):
    await server.purchase("nut", customer="ada")
    opened = await server.open_container("nut", customer="ada")
    await told(shop)
    [delivery] = (await server.deliveries.lease("survival")).deliveries
    assert (delivery.command, delivery.opening, delivery.purchase) == ("give ada potion 2", opened.id, None)
