"""Goods that a reversal frees, and another then claims: the game server is told of those, too, once."""

import pytest

from storefront.testing import running_shop
from tests.deliveries.conftest import DELIVERY_SHOP, GameServer, told
from tests.shop.test_disputes import disputed
from tests.shop.test_freed_goods import let_it_fail, refund_that_waits
from tests.shop.test_gateway_refunds import refund
from tests.shop.test_mixed_reversals import fail_refund

RUBIES = (
    DELIVERY_SHOP
    + """
  ruby:
    kind: item
    type: consumable
    title: Ruby
    prices: {USD: 200}
    delivery: &told
      on_purchase: [{to: survival, command: "give {player} {quantity} {sku}"}]
      on_refund: [{to: survival, command: "clear {player} {quantity} {sku}"}]
      on_chargeback: [{to: survival, command: "seize {player} {quantity} {sku}"}]
      on_dispute_won: [{to: survival, command: "return {player} {quantity} {sku}"}]
  ring: {kind: item, type: durable, title: Ring, prices: {USD: 600}, delivery: *told}
  box: {kind: bundle, title: Box, prices: {USD: 1000}, contents: [
         {sku: ruby, quantity: 2, worth: {USD: 200}}, {sku: ring, worth: {USD: 600}}]}
"""
)


@pytest.fixture
async def shop(data_folder):
    async with running_shop(data_folder, RUBIES) as running:
        yield running


async def ran(shop):
    """Let all commands run that wait for the server; return them in order."""
    await shop.quiet()
    await told(shop)
    return await GameServer(shop).run_all()


@pytest.mark.parametrize("is_lost_first", [False, True])
async def test_a_unit_that_a_failed_refund_frees_is_seized_once(shop, is_lost_first):
    rubies = await shop.bought("ruby", quantity=2)
    await refund_that_waits(shop, rubies, quantity=1)
    await shop.sandbox.dispute(rubies)
    assert await ran(shop) == ["give ada 2 ruby", "seize ada 1 ruby"]
    if is_lost_first:
        await disputed(shop, rubies, "lost")
    await let_it_fail(shop)
    assert await ran(shop) == ["seize ada 1 ruby"]
    await disputed(shop, rubies, "lost")
    assert await ran(shop) == []
    await disputed(shop, rubies, "won")
    assert await ran(shop) == ["return ada 2 ruby"]
    told_of = [
        event["data"]["claimed"]["quantity"]
        for event in (await shop.as_server().get("/v1/events")).json["data"]
        if event["type"] == "purchase.dispute_claimed"
    ]
    assert told_of == [1]


async def test_a_unit_that_was_refunded_and_is_given_again_is_seized_behind_that(shop):
    rubies = await shop.bought("ruby", quantity=2)
    assert (await refund(shop, rubies, quantity=1)).status == 201
    await shop.sandbox.dispute(rubies, amount=400)
    assert await ran(shop) == ["give ada 2 ruby", "clear ada 1 ruby", "seize ada 1 ruby"]
    await fail_refund(shop)
    assert await ran(shop) == ["give ada 1 ruby", "seize ada 1 ruby"]


async def test_a_server_that_had_only_the_first_of_what_was_seized_gets_the_rest_before_all_is_returned(shop):
    rubies = await shop.bought("ruby", quantity=2)
    await refund_that_waits(shop, rubies, quantity=1)
    await shop.sandbox.dispute(rubies)
    assert await ran(shop) == ["give ada 2 ruby", "seize ada 1 ruby"]
    await let_it_fail(shop)
    await disputed(shop, rubies, "won")
    assert await ran(shop) == ["seize ada 1 ruby", "return ada 2 ruby"]


async def test_what_was_freed_before_the_plugin_hears_of_the_dispute_is_seized_no_more_than_it_was(shop):
    rubies = await shop.bought("ruby", quantity=2)
    await refund_that_waits(shop, rubies, quantity=1)
    await shop.sandbox.dispute(rubies)
    await let_it_fail(shop)
    assert await ran(shop) == ["give ada 2 ruby", "seize ada 1 ruby", "seize ada 1 ruby"]


async def test_a_line_of_a_bundle_whose_refund_fails_is_seized_alone(shop):
    box = await shop.bought("box")
    assert await ran(shop) == ["give ada 2 ruby", "give ada 1 ring"]
    await refund_that_waits(shop, box, lines=[{"sku": "ring"}])
    await shop.sandbox.dispute(box)
    assert await ran(shop) == ["seize ada 2 ruby"]
    await let_it_fail(shop)
    assert await ran(shop) == ["seize ada 1 ring"]
