"""What is in a bundle, or comes out of a container, reaches the game as if it had been bought on its own."""

from collections.abc import AsyncIterator

import pytest

from storefront.testing import Shop, running_shop

from .conftest import DELIVERY_SHOP, GameServer, fund, refund, states, told

OFFERS = """
  hat:
    kind: item
    type: durable
    title: Hat
    prices: {gems: 10}
    delivery: &hat
      on_purchase: [{to: survival, command: "give {player} {sku} {quantity} {purchase}"}]
      on_refund: [{to: survival, command: "clear {player} {sku} {quantity} {purchase}"}]
      on_chargeback: [{to: survival, command: "freeze {player} {sku} {quantity} {purchase}"}]
      on_dispute_won: [{to: survival, command: "thaw {player} {sku} {quantity} {purchase}"}]
  berry: {kind: item, type: consumable, title: Berry, prices: {gems: 1}, delivery: *hat}
  pouch: {kind: bundle, title: Pouch, prices: {gems: 5}, delivery: *hat, contents: [{sku: berry, quantity: 3}]}
  kit: {kind: bundle, title: Kit, prices: {gems: 40, USD: 500}, delivery: *hat, contents: [
          {sku: berry, quantity: 2, worth: {USD: 10}}, {sku: pouch, quantity: 2, worth: {USD: 50}},
          {sku: hat, worth: {USD: 100}}, {sku: charm, worth: {USD: 1}}]}
  plain: {kind: bundle, title: Plain, prices: {gems: 5}, contents: [{sku: berry}]}
  quiet:
    kind: bundle
    title: Quiet
    prices: {gems: 5}
    contents: [{sku: berry}]
    delivery:
      contents: false
      on_purchase: [{to: survival, command: "kit {player} quiet"}]
  crate: {kind: container, title: Crate, prices: {gems: 5}, delivery: *hat,
          drops: [{weight: 1, gives: {berry: 2, hat: 1, gems: 1}, instead: {gems: 3}}]}
  mute: {kind: container, title: Mute, prices: {gems: 5}, delivery: {contents: false},
         drops: [{weight: 1, gives: {berry: 2}}]}
"""


@pytest.fixture
async def shop(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, DELIVERY_SHOP + OFFERS, database=database_url) as running:
        await fund(running)
        yield running


async def opened(shop, sku, key, customer="ada"):
    path = f"/v1/microtransactions/containers/{sku}/open"
    answer = await shop.as_customer(customer).post(path, {}, key=key)
    assert answer.status == 201, answer
    await told(shop)
    return answer.json["id"]


async def test_what_is_in_a_bundle_is_delivered_behind_it_nested_too_each_with_its_number(shop, survival):
    kit = await shop.bought("kit", currency="gems")
    await told(shop)
    told_of = [f"{what} {kit['id']}" for what in ("kit 1", "berry 8", "pouch 2", "hat 1")]
    assert await survival.run_all() == [f"give ada {one}" for one in told_of]

    await refund(shop, kit)
    assert await survival.run_all() == [f"clear ada {one}" for one in told_of]


async def test_a_bundle_without_commands_of_its_own_has_those_of_what_is_in_it(shop, survival):
    plain = await shop.bought("plain", quantity=3)
    body = {"customer": "bob", "sku": "plain", "quantity": 2, "reason": "a prize"}
    granted = await shop.as_server().post("/v1/grants", body, key="g1")
    await told(shop)
    assert sorted(await survival.run_all()) == [
        f"give ada berry 3 {plain['id']}", f"give bob berry 2 {granted.json['id']}",
    ]  # fmt: skip


async def test_a_bundle_may_speak_for_all_that_is_in_it(shop, survival):
    await shop.bought("quiet")
    await told(shop)
    assert await survival.run_all() == ["kit ada quiet"]


async def test_a_refund_by_line_undoes_those_lines_alone(shop, survival):
    kit = await shop.bought("kit", currency="gems")
    await told(shop)
    await survival.run_all()

    await refund(shop, kit, lines=[{"sku": "berry", "quantity": 3}])
    assert await survival.run_all() == [f"clear ada berry 3 {kit['id']}"]
    await refund(shop, kit, lines=[{"sku": "hat"}])
    assert await survival.run_all() == [f"clear ada hat 1 {kit['id']}"]
    await refund(shop, kit)
    assert await survival.run_all() == [f"clear ada {what} {kit['id']}" for what in ("kit 1", "berry 5", "pouch 2")]


async def test_a_line_that_no_server_has_had_is_canceled_alone(shop, survival):
    kit = await shop.bought("kit", currency="gems")
    await told(shop)
    await refund(shop, kit, lines=[{"sku": "hat"}])
    assert [(what, state) for _, what, state in states(shop)] == [
        (f"give ada kit 1 {kit['id']}", "queued"), (f"give ada berry 8 {kit['id']}", "queued"),
        (f"give ada pouch 2 {kit['id']}", "queued"), (f"give ada hat 1 {kit['id']}", "canceled"),
    ]  # fmt: skip
    assert len(await survival.run_all()) == 3


async def test_a_dispute_undoes_all_of_a_bundle_and_one_that_is_won_gives_it_back(shop, survival):
    kit = await shop.bought("kit", currency="USD")
    await told(shop)
    await survival.run_all()
    everything = [f"ada {what} {kit['id']}" for what in ("kit 1", "berry 8", "pouch 2", "hat 1")]
    for status, verb in (("needs_response", "freeze"), ("won", "thaw")):
        await shop.sandbox.dispute(kit, status)
        await shop.quiet()
        await told(shop)
        assert await survival.run_all() == [f"{verb} {one}" for one in everything]


async def test_what_is_drawn_is_delivered_once_by_the_opening_and_taken_back_with_it(shop, survival):
    crate = await shop.bought("crate")
    await told(shop)
    opening = await opened(shop, "crate", "o1")
    await opened(shop, "crate", "o1")
    given = [f"crate 1 {crate['id']}", f"berry 2 {opening}", f"hat 1 {opening}"]
    assert await survival.run_all() == [f"give ada {one}" for one in given]

    await refund(shop, crate)

    assert await survival.run_all() == [f"clear ada {one}" for one in given]
    [row] = shop.query("SELECT purchase_id, opening_id FROM microtransactions_commands WHERE command LIKE 'clear%hat%'")
    assert (row["purchase_id"], row["opening_id"]) == (None, opening)


async def test_what_was_withheld_is_not_delivered(shop, survival):
    await shop.bought("hat")
    await shop.bought("crate")
    await told(shop)
    await survival.run_all()
    opening = await opened(shop, "crate", "o1")
    assert await survival.run_all() == [f"give ada berry 2 {opening}"]


async def test_what_is_drawn_and_never_went_out_is_canceled(shop, survival):
    crate = await shop.bought("crate")
    await told(shop)
    await survival.run_all()
    await opened(shop, "crate", "o1")
    await refund(shop, crate)
    assert await survival.run_all() == [f"clear ada crate 1 {crate['id']}"]
    assert [state for *_, state in states(shop)] == ["done", "canceled", "canceled", "done"]


async def test_a_container_may_be_silent_about_what_comes_out(shop, survival):
    mute = await shop.bought("mute")
    await told(shop)
    await opened(shop, "mute", "o1")
    await refund(shop, mute)
    assert states(shop) == []


async def test_the_contents_of_a_gift_reach_its_recipient_in_the_order_of_their_own_events(shop, survival):
    for _ in range(3):
        await shop.bought("charm")
    await shop.bought("gems-100", customer="bob")
    kit = await shop.bought("plain", recipient="bob")
    own = await shop.bought("berry", customer="bob")
    await told(shop)
    assert await survival.run_all() == [f"give bob berry 1 {kit['id']}", f"give bob berry 1 {own['id']}"]
    await refund(shop, kit)
    assert await survival.run_all() == [f"clear bob berry 1 {kit['id']}"]


async def test_two_servers_that_ask_for_a_bundle_get_each_command_once(shop, survival):
    await shop.bought("kit", currency="gems")
    await told(shop)
    first, second = await survival.lease(), await GameServer(shop).lease()
    assert [len(one["data"]) for one in (first, second)] == [1, 0]
