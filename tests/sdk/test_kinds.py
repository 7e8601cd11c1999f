"""Bundles, containers and numbered items through the Python client, awaited and blocking."""

import asyncio

import pytest
from storefront_sdk import BlockingStorefront, NotEnoughItems, OddsChanged, RefundTooLarge, StorefrontClient

from storefront.testing import SERVER_KEY, TINY_SHOP, running_shop

OFFERS = """
  relic: {kind: item, type: consumable, unique: true, title: Relic, prices: {gems: 1}}
  nest: {kind: container, title: Nest, prices: {gems: 5}, drops: [{weight: 1, gives: {relic: 2, gems: 7}}]}
  kit: {kind: bundle, title: Kit, prices: {gems: 100}, contents: [{sku: sword}, {sku: potion, quantity: 2}]}
"""


@pytest.fixture
async def shop(tmp_path):
    async with running_shop(tmp_path, TINY_SHOP + OFFERS) as running:
        await running.bought("gems-500")
        yield running


@pytest.fixture
async def server(shop):
    async with StorefrontClient(shop.url, key=SERVER_KEY, pause_seconds=0.01) as client:
        yield client


async def test_an_opening_is_committed_to_beforehand_and_happens_once_per_key(shop):
    async with StorefrontClient(shop.url, token=await shop.session("ada")) as game:
        await game.purchase("nest", quantity=2)
        beforehand = await game.next_opening("nest")
        opened = await game.open_container("nest", client_seed="mine", idempotency_key="o1")
        again = await game.open_container("nest", client_seed="mine", idempotency_key="o1")
        assert (opened.items, opened.credits, opened.number, opened.remaining) == ({"relic": 2}, {"gems": 7}, 1, 1)
        assert (again.id, again.is_replay, opened.is_replay) == (opened.id, True, False)
        assert (opened.raw["commitment"], opened.raw["client_seed"]) == (beforehand["commitment"], "mine")
        assert (await game.next_opening("nest"))["number"] == 2
        assert (await game.wallet("gems")).balance == 500 - 10 + 7
        with pytest.raises(OddsChanged):
            await game.open_container("nest", odds_version="cat_of_old")
        await game.open_container("nest", odds_version=beforehand["odds_version"])
        with pytest.raises(NotEnoughItems):
            await game.open_container("nest")


async def test_a_server_opens_for_a_customer_and_uses_up_the_one_that_was_named(shop, server):
    await server.purchase("nest", customer="ada")
    assert (await server.next_opening("nest", customer="ada"))["number"] == 1
    assert (await server.open_container("nest", customer="ada")).items == {"relic": 2}
    relics = await server.inventory(customer="ada")
    assert [(one.sku, one.number) for one in relics] == [("relic", 1), ("relic", 2)]

    left = await server.consume("relic", instance=relics[1].instance, customer="ada")

    assert left == 1
    assert [one.number for one in await server.inventory(customer="ada")] == [1]
    with pytest.raises(NotEnoughItems):
        await server.consume("relic", instance=relics[1].instance, customer="ada")


async def test_a_bundle_is_refunded_by_line(shop, server):
    kit = await server.purchase("kit", customer="ada")
    shown = await server.refund(kit, lines={"potion": 1}, reason="broken", dry_run=True)
    made = await server.refund(kit, lines={"potion": 1, "sword": 1}, reason="broken")
    assert (shown.id, shown.raw["lines"][0]["quantity"]) == (None, 1)
    assert [(one["sku"], one["quantity"]) for one in made.raw["lines"]] == [("potion", 1), ("sword", 1)]
    assert [(one.sku, one.quantity) for one in await server.inventory(customer="ada")] == [("potion", 1)]
    with pytest.raises(RefundTooLarge):
        await server.refund(kit, lines={"sword": 1}, reason="broken")


async def test_a_blocking_server_opens_uses_up_and_refunds_by_line(shop):
    def play():
        with BlockingStorefront(shop.url, key=SERVER_KEY) as server:
            server.purchase("nest", customer="ada")
            number = server.next_opening("nest", customer="ada")["number"]
            opened = server.open_container("nest", customer="ada")
            relic = server.inventory(customer="ada")[0]
            left = server.consume("relic", instance=relic.instance, customer="ada")
            kit = server.purchase("kit", customer="ada")
            made = server.refund(kit, lines={"sword": 1}, reason="broken")
            return number, opened.items, left, [one["sku"] for one in made.raw["lines"]]

    assert await asyncio.to_thread(play) == (1, {"relic": 2}, 1, ["sword"])
