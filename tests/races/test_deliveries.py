"""Game servers that ask at the same moment: a command is with one of them at a time, in all processes of the shop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from storefront.core.commit.engine import CommitNotice
from storefront.testing import Shop, running_shop
from tests.deliveries.conftest import DELIVERY_SHOP, GameServer, told

CONSUMERS, ROUNDS = 32, 5


BUNDLES = """
  sack: {kind: bundle, title: Sack, prices: {gems: 5}, contents: [{sku: potion, quantity: 3}, {sku: arrow}]}
  nut: {kind: container, title: Nut, prices: {gems: 5}, drops: [{weight: 1, gives: {potion: 2}}]}
"""
MANUAL = DELIVERY_SHOP.replace("gateways: {sandbox: {}}", "gateways: {manual: {instructions: Send it.}}")
RACE_SHOP = MANUAL + BUNDLES


@pytest.fixture
async def shops(data_folder, database_url) -> AsyncIterator[list[Shop]]:
    """The shop: on PostgreSQL as two processes run it, on SQLite as the one that may."""
    async with AsyncExitStack() as stack:
        count = 1 if database_url is None else 2
        yield [
            await stack.enter_async_context(running_shop(data_folder, RACE_SHOP, database=database_url))
            for _ in range(count)
        ]


async def fund(shop: Shop, *customers: str) -> None:
    """Give customers 500 gems each."""
    for customer in customers or ("ada",):
        body = {"customer": customer, "asset": "gems", "amount": 500, "reason": "a race"}
        answer = await shop.as_server().post("/v1/grants", body, key=f"fund-{customer}")
        assert answer.status == 201, answer


async def test_the_last_command_goes_to_one_of_32_servers(shops: list[Shop]) -> None:
    shop = shops[0]
    await fund(shop)
    for turn in range(ROUNDS):
        await shop.bought("potion", quantity=turn + 1)
        await told(shop)

        servers = [GameServer(shops[number % len(shops)]) for number in range(CONSUMERS)]
        leases = await asyncio.gather(*(server.lease() for server in servers))

        [winner] = [(server, one) for server, one in zip(servers, leases, strict=True) if one["data"]]
        got = [(one["command"], one["attempt"]) for one in winner[1]["data"]]
        assert got == [(f"give ada potion {turn + 1}", 1)]
        assert (await winner[0].say("ack", winner[1])).status == 200


async def test_many_commands_go_to_many_servers_each_to_one(shops: list[Shop]) -> None:
    shop = shops[0]
    names = [f"ada-{number}" for number in range(CONSUMERS)]
    await fund(shop, *names)
    await asyncio.gather(*(shop.bought("potion", customer=name) for name in names))
    await told(shop)

    servers = [GameServer(shops[number % len(shops)]) for number in range(CONSUMERS)]
    leases = await asyncio.gather(*(server.lease(limit=3) for server in servers))

    leased = [one["id"] for lease in leases for one in lease["data"]]
    assert len(leased) == len(set(leased)) == CONSUMERS
    answers = await asyncio.gather(
        *(server.say("ack", lease) for server, lease in zip(servers, leases, strict=True) if lease["data"])
    )
    assert {answer.status for answer in answers} == {200}
    assert shop.query("SELECT count(*) AS n FROM microtransactions_commands WHERE state = 'done'") == [{"n": CONSUMERS}]


async def test_an_acknowledgement_and_the_next_lease_of_a_lease_that_is_over_have_one_winner(shops: list[Shop]) -> None:
    shop = shops[0]
    await fund(shop)
    for _ in range(ROUNDS):
        await shop.bought("potion")
        await told(shop)
        first = GameServer(shop)
        late = await first.lease(lease_seconds=5)
        for one in shops:
            one.wall.move(6)

        others = [GameServer(shops[number % len(shops)]) for number in range(CONSUMERS - 1)]
        answer, *leases = await asyncio.gather(first.say("ack", late), *(server.lease() for server in others))

        got = [(server, lease) for server, lease in zip(others, leases, strict=True) if lease["data"]]
        assert (answer.status, len(got)) in ((200, 0), (409, 1))
        for server, lease in got:
            assert (await server.say("ack", lease)).status == 200


async def test_a_refund_beside_a_lease_either_cancels_or_is_sent_behind(shops: list[Shop]) -> None:
    shop = shops[0]
    await fund(shop)
    for turn in range(ROUNDS):
        potion = await shop.bought("potion")
        await told(shop)
        server = GameServer(shops[-1])
        path, body = f"/v1/purchases/{potion['id']}/refunds", {"reason": "asked for"}

        lease, refunded = await asyncio.gather(server.lease(), shop.as_server().post(path, body, key=f"refund-{turn}"))
        await told(shop)

        assert refunded.status == 201
        assert (await server.say("ack", lease)).status == 200 if lease["data"] else True
        ran = [one["command"] for one in lease["data"]] + await server.run_all()
        assert ran in ([], ["give ada potion 1", "clear ada potion 1"])


async def test_every_process_is_told_that_there_are_commands(shops: list[Shop]) -> None:
    notices: list[CommitNotice] = []
    shops[-1].parts.services.engine.follow(notices.append)
    await fund(shops[0])
    await shops[0].bought("potion")
    await shops[0].until(lambda: any("microtransactions_commands" in notice.tables for notice in notices))


async def test_an_opening_beside_leases_and_a_refund_gives_and_takes_in_order_or_not_at_all(shops: list[Shop]) -> None:
    shop = shops[0]
    await fund(shop)
    path = "/v1/microtransactions/containers/nut/open"
    for turn in range(ROUNDS):
        nut = await shop.bought("nut")
        server, back = GameServer(shops[-1]), f"/v1/purchases/{nut['id']}/refunds"
        opened = await asyncio.gather(*(shop.as_customer().post(path, {}, key=f"open-{turn}") for _ in range(4)))
        lease, refunded = await asyncio.gather(
            server.lease(), shops[-1].as_server().post(back, {"reason": "asked for"}, key=f"refund-{turn}")
        )
        await told(shop)
        assert ({one.status for one in opened}, refunded.status) == ({201}, 201)
        assert (await server.say("ack", lease)).status == 200 if lease["data"] else True
        ran = [one["command"] for one in lease["data"]] + await server.run_all()
        assert ran in ([], ["give ada potion 2", "clear ada potion 2"])


async def test_refunds_of_two_lines_beside_leases_each_cancel_or_are_sent_behind(shops: list[Shop]) -> None:
    shop = shops[0]
    await fund(shop)
    for turn in range(ROUNDS):
        sack = await shop.bought("sack")
        await told(shop)
        server, back = GameServer(shops[-1]), f"/v1/purchases/{sack['id']}/refunds"
        lines = ({"sku": "potion", "quantity": 3}, {"sku": "arrow"})
        lease, *refunded = await asyncio.gather(
            server.lease(),
            *(
                shops[number % len(shops)]
                .as_server()
                .post(back, {"reason": "asked for", "lines": [line]}, key=f"refund-{turn}-{line['sku']}")
                for number, line in enumerate(lines)
            ),
        )
        await told(shop)
        assert [one.status for one in refunded] == [201, 201]
        assert (await server.say("ack", lease)).status == 200 if lease["data"] else True
        ran = [one["command"] for one in lease["data"]] + await server.run_all()
        potions = [one for one in ran if "potion" in one]
        assert potions in ([], ["give ada potion 3", "clear ada potion 3"])
