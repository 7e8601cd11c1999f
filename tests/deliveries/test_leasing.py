"""The queue: who gets a command, for how long, in which order, and what becomes of it then."""

import asyncio

import pytest

from .conftest import PATH, GameServer, fund, states, told

GIVE = "give ada diamond_sword 1"


async def buy_potions(shop, count, customer="ada"):
    for _ in range(count):
        await shop.bought("potion", customer=customer)
    await told(shop)


async def test_a_leased_command_is_nobody_elses_until_the_lease_is_over(shop, survival):
    await buy_potions(shop, 1)
    first = await survival.lease(lease_seconds=30)
    assert [one["attempt"] for one in first["data"]] == [1]

    assert (await survival.lease())["data"] == []
    shop.wall.move(31)
    second = await survival.lease()

    assert [one["id"] for one in second["data"]] == [one["id"] for one in first["data"]]
    assert [one["attempt"] for one in second["data"]] == [2]


async def test_an_acknowledgement_may_be_repeated(shop, survival):
    await buy_potions(shop, 1)
    leased = await survival.lease()
    answers = [await survival.say("ack", leased) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert states(shop) == [("survival", "give ada potion 1", "done")]
    assert len(shop.query("SELECT id FROM events WHERE type = 'delivery.done'")) == 1


async def test_a_late_acknowledgement_counts_as_long_as_nobody_else_has_the_command(shop, survival):
    await buy_potions(shop, 1)
    leased = await survival.lease(lease_seconds=30)
    shop.wall.move(31)
    assert (await survival.say("ack", leased)).status == 200
    assert (await survival.lease())["data"] == []


async def test_a_late_acknowledgement_of_what_somebody_else_has_is_refused(shop, survival):
    await buy_potions(shop, 1)
    late = await survival.lease(lease_seconds=30)
    shop.wall.move(31)
    other = await survival.lease()

    refused = await survival.say("ack", late)

    assert (refused.status, refused.json["code"]) == (409, "lease_lost")
    assert refused.json["lost"] == [other["data"][0]["id"]]
    assert (await survival.say("ack", other)).status == 200
    assert (await survival.say("ack", late)).status == 409


async def test_of_several_acknowledged_at_once_one_that_is_lost_refuses_all(shop, survival):
    await fund(shop, "bob")
    await buy_potions(shop, 1)
    await buy_potions(shop, 1, "bob")
    leased = await survival.lease(lease_seconds=30)
    assert len(leased["data"]) == 2
    shop.wall.move(31)
    taken = (await survival.lease(limit=1))["data"]

    assert (await survival.say("ack", leased)).json["lost"] == [taken[0]["id"]]
    mine = [one["id"] for one in leased["data"] if one["id"] != taken[0]["id"]]
    assert (await survival.say("ack", leased, ids=mine)).status == 200


async def test_what_was_never_leased_by_the_caller_cannot_be_acknowledged(shop, survival):
    await buy_potions(shop, 1)
    leased = await survival.lease()
    stranger = {"lease": "lease_somebody_elses", "data": leased["data"]}
    assert (await survival.say("ack", stranger)).json["code"] == "lease_lost"
    unknown = await survival.say("ack", leased, ids=["dlv_nothing"])
    assert (unknown.status, unknown.json["code"]) == (409, "delivery_not_leased")
    assert unknown.json["unknown"] == ["dlv_nothing"]


async def test_another_key_cannot_acknowledge_with_a_lease_that_it_has_seen(shop, survival):
    key = (await shop.bearing("ak_sandbox_demo").post(
        "/v1/keys", {"kind": "server", "name": "other", "scopes": ["microtransactions:deliver"]}, key="k"
    )).json["key"]  # fmt: skip
    await buy_potions(shop, 1)
    leased = await survival.lease()
    other = GameServer(shop, key=key)
    assert (await other.say("ack", leased)).json["code"] == "lease_lost"
    assert (await other.ask()).status == 200


async def test_a_key_without_the_scope_gets_nothing(shop):
    key = (await shop.bearing("ak_sandbox_demo").post(
        "/v1/keys", {"kind": "server", "name": "reader", "scopes": ["catalog:read"]}, key="k"
    )).json["key"]  # fmt: skip
    refused = await GameServer(shop, key=key).ask()
    assert (refused.status, refused.json["code"]) == (403, "missing_scope")
    assert (await shop.as_customer().post(f"{PATH}/lease", {"server": "survival"})).status == 403


async def test_whoever_asks_again_with_its_lease_gets_what_is_left_of_it(shop, survival):
    await fund(shop, "bob")
    await buy_potions(shop, 1)
    await buy_potions(shop, 1, "bob")
    mine = {"lease": "survival-1-0123456789", "limit": 1}
    first = await survival.lease(**mine)
    again = await survival.lease(**mine)
    assert [one["id"] for one in again["data"]] == [one["id"] for one in first["data"]]
    assert again["data"][0]["attempt"] == 1

    await survival.say("ack", first)
    following = await survival.lease(**mine)
    assert following["data"][0]["id"] != first["data"][0]["id"]
    assert (await survival.say("ack", first)).status == 200


async def test_a_players_commands_come_one_after_the_other_in_the_order_of_what_happened(shop, survival):
    await fund(shop, "bob")
    await shop.bought("potion", quantity=1)
    await shop.bought("potion", quantity=2)
    await shop.bought("potion", quantity=3, customer="bob")
    await told(shop)

    leased = await survival.lease()
    assert sorted(one["command"] for one in leased["data"]) == ["give ada potion 1", "give bob potion 3"]
    assert (await survival.lease())["data"] == []
    await survival.say("ack", leased)
    assert await survival.commands() == ["give ada potion 2"]


async def test_a_failed_command_is_tried_later_and_later_and_holds_up_its_player_alone(shop, survival):
    await fund(shop, "bob")
    await buy_potions(shop, 2)
    leased = await survival.lease()
    await survival.say("fail", leased, reason="the world is not loaded")
    await buy_potions(shop, 1, "bob")

    assert await survival.run_all() == ["give bob potion 1"]
    await shop.advance("11s")
    again = await survival.lease()
    assert [one["attempt"] for one in again["data"]] == [2]
    await survival.say("fail", again, reason="still not")
    await shop.advance("11s")
    assert (await survival.lease())["data"] == []
    await shop.advance("10s")
    assert [one["attempt"] for one in (await survival.lease())["data"]] == [3]


async def test_a_command_that_fails_too_often_is_dead_and_an_operator_is_told(shop, survival):
    await buy_potions(shop, 2)
    for _ in range(3):
        leased = await survival.lease()
        answer = await survival.say("fail", leased, reason="no such item", retry_after=0)
    assert [one["state"] for one in answer.json["data"]] == ["dead"]

    [row, _] = shop.query("SELECT state, last_error FROM microtransactions_commands ORDER BY position")
    assert row == {"state": "dead", "last_error": "no such item"}
    [alarm] = shop.query("SELECT kind, about FROM alarms")
    assert alarm == {"kind": "delivery_dead", "about": leased["data"][0]["id"]}
    assert len(shop.query("SELECT id FROM events WHERE type = 'delivery.dead'")) == 1
    assert await survival.run_all() == ["give ada potion 1"]


async def test_a_command_whose_servers_die_of_it_is_given_up(shop, survival):
    await buy_potions(shop, 1)
    for _ in range(3):
        assert len((await survival.lease(lease_seconds=1))["data"]) == 1
        shop.wall.move(2)
    assert (await survival.lease())["data"] == []
    assert states(shop) == [("survival", "give ada potion 1", "dead")]


async def test_what_needs_the_player_online_waits_for_that_player(shop, survival):
    await fund(shop, "bob")
    await shop.bought("sword")
    await shop.bought("sword", customer="bob")
    await told(shop)
    assert await survival.commands() == []
    assert await survival.commands(online=["cleo"]) == []
    assert await survival.commands(online=["bob", "cleo"]) == ["give bob diamond_sword 1"]
    assert await survival.commands(online=["ada"]) == [GIVE]


async def test_a_lease_can_be_extended_while_it_lasts(shop, survival):
    await buy_potions(shop, 1)
    leased = await survival.lease(lease_seconds=30)
    shop.wall.move(20)
    assert (await survival.say("extend", leased, lease_seconds=60)).status == 200
    shop.wall.move(30)
    assert (await survival.lease())["data"] == []
    assert (await survival.say("ack", leased)).status == 200
    assert (await survival.say("extend", leased, lease_seconds=60)).json["code"] == "lease_lost"


async def test_who_waits_is_answered_when_a_command_is_written(shop, survival):
    waiting = asyncio.create_task(survival.commands(wait_seconds=30))
    await shop.bought("potion")
    async with asyncio.timeout(10):
        assert await waiting == ["give ada potion 1"]


async def test_who_waits_in_vain_is_answered_with_nothing(shop, survival):
    async with asyncio.timeout(10):
        assert await survival.commands(wait_seconds=1) == []


async def test_a_shop_that_closes_answers_those_who_wait(shop, survival):
    waiting = asyncio.create_task(survival.ask(wait_seconds=30))
    await shop.as_nobody().get("/healthz")
    async with asyncio.timeout(10):
        shop.parts.services.watchers.close()
        assert (await waiting).json["data"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"server": "Survival!"}, {"server": "survival", "limit": 0}, {"server": "survival", "wait_seconds": 31},
     {"server": "survival", "lease": "short"}, {"server": "survival", "online": [""]}],
)  # fmt: skip
async def test_what_cannot_be_meant_is_refused(shop, body):
    assert (await shop.as_server().post(f"{PATH}/lease", body)).json["code"] == "invalid_request"
