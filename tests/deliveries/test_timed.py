"""Items that last: their end is one event, however often they were bought, and ``on_expire`` follows from it."""

from collections.abc import AsyncIterator

import pytest

from storefront.testing import Shop, running_shop

from .conftest import DELIVERY_SHOP, fund, refund, told

OFFERS = """
  wings:
    kind: item
    type: timed
    duration: 6h
    title: Wings
    prices: {gems: 5, USD: 100}
    grants: [flying]
    delivery:
      on_purchase: [{to: survival, command: "fly {player} on {purchase}"}]
      on_expire: [{to: survival, command: "fly {player} off {quantity} {purchase}"}]
      on_refund: [{to: survival, command: "fly {player} refunded {quantity}"}]
      on_chargeback: [{to: survival, command: "fly {player} disputed"}]
      on_dispute_won: [{to: survival, command: "fly {player} won"}]
  pair: {kind: bundle, title: Pair, prices: {gems: 9}, contents: [{sku: wings, quantity: 2}]}
  nest: {kind: container, title: Nest, prices: {gems: 9}, drops: [{weight: 1, gives: {wings: 1}}]}
"""


@pytest.fixture
async def shop(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, DELIVERY_SHOP + OFFERS, database=database_url) as running:
        await fund(running)
        for name in ("bob", "dora"):
            await running.session(name)
        yield running


async def later(shop, how_long):
    await shop.advance(how_long)
    await shop.quiet()
    await told(shop)


async def test_what_lasts_is_over_once_however_often_it_was_bought(shop, survival):
    first = await shop.bought("wings", currency="gems")
    await later(shop, "5h")
    second = await shop.bought("wings", currency="gems")
    await told(shop)
    assert await survival.run_all() == [f"fly ada on {first['id']}", f"fly ada on {second['id']}"]
    await later(shop, "6h")
    assert await survival.run_all() == []
    await later(shop, "61m")
    assert await survival.run_all() == [f"fly ada off 1 {second['id']}"]
    await later(shop, "20h")
    assert await survival.run_all() == []


async def test_a_refund_that_ends_it_is_no_end_of_its_time(shop, survival):
    bought = await shop.bought("wings", currency="gems")
    await told(shop)
    await survival.run_all()
    await refund(shop, bought)
    await later(shop, "7h")
    assert await survival.run_all() == ["fly ada refunded 1"]


async def test_what_a_refund_leaves_is_over_at_its_new_end(shop, survival):
    first = await shop.bought("wings", currency="gems")
    await shop.bought("wings", currency="gems")
    await told(shop)
    await survival.run_all()
    await refund(shop, first)
    await later(shop, "5h")
    assert await survival.run_all() == ["fly ada refunded 1"]
    await later(shop, "61m")
    assert [one.rsplit(" ", 1)[0] for one in await survival.run_all()] == ["fly ada off 1"]


async def test_what_a_refund_leaves_without_any_time_is_over_at_once(shop, survival):
    first = await shop.bought("wings", currency="gems")
    await shop.bought("wings", currency="gems")
    await later(shop, "7h")
    await survival.run_all()
    await refund(shop, first)
    await later(shop, "1s")
    assert [one.split(" pur_")[0] for one in await survival.run_all()] == ["fly ada refunded 1", "fly ada off 1"]


async def test_what_is_bought_again_after_its_end_goes_off_and_on_again(shop, survival):
    first = await shop.bought("wings", currency="gems")
    await later(shop, "7h")
    second = await shop.bought("wings", currency="gems")
    await told(shop)
    on, off = "fly ada on {}", "fly ada off 1 {}"
    assert await survival.run_all() == [on.format(first["id"]), off.format(first["id"]), on.format(second["id"])]


async def test_an_item_is_over_by_the_words_it_was_sold_with_though_it_is_sold_no_more(shop, survival, data_folder):
    bought = await shop.bought("wings", currency="gems")
    (data_folder / "shop.yaml").write_text(DELIVERY_SHOP)
    await shop.restart()
    await later(shop, "7h")
    assert await survival.run_all() == [f"fly ada on {bought['id']}", f"fly ada off 1 {bought['id']}"]


async def test_what_lasts_is_over_whatever_gave_it(shop, survival):
    pair = await shop.bought("pair")
    await shop.bought("nest", recipient="bob")
    answer = await shop.as_customer("bob").post("/v1/microtransactions/containers/nest/open", {}, key="o1")
    await shop.as_server().post("/v1/grants", {"customer": "cleo", "sku": "pair", "reason": "a prize"}, key="g1")
    gift = await shop.bought("wings", currency="gems", recipient="dora")
    await told(shop)
    await survival.run_all()
    await later(shop, "7h")
    ends = [one.removesuffix(one.rsplit("_", 1)[1]) for one in sorted(await survival.run_all())]
    assert ends == ["fly bob off 1 open_", "fly dora off 1 pur_"]
    await later(shop, "6h")
    ends = sorted(await survival.run_all())
    assert ends[0] == f"fly ada off 1 {pair['id']}"
    assert ends[1].startswith("fly cleo off 1 grant_")
    assert (answer.status, gift["recipient"]) == (201, {"id": "dora"})


async def test_a_refunded_gift_takes_its_time_back_and_leaves_the_rest(shop, survival):
    await shop.bought("gems-100", customer="bob")
    own = await shop.bought("wings", customer="bob", currency="gems")
    gift = await shop.bought("wings", currency="gems", recipient="bob")
    await told(shop)
    assert await survival.run_all() == [f"fly bob on {own['id']}", f"fly bob on {gift['id']}"]
    await refund(shop, gift)
    await later(shop, "5h")
    assert await survival.run_all() == ["fly bob refunded 1"]
    await later(shop, "61m")
    assert [one.rsplit(" ", 1)[0] for one in await survival.run_all()] == ["fly bob off 1"]


async def test_a_dispute_that_is_won_too_late_gives_back_what_is_over(shop, survival):
    bought = await shop.bought("wings", currency="USD")
    await told(shop)
    assert await survival.run_all() == [f"fly ada on {bought['id']}"]
    await shop.sandbox.dispute(bought)
    await shop.quiet()
    await later(shop, "7h")
    assert await survival.run_all() == ["fly ada disputed"]
    await shop.sandbox.dispute(bought, "won")
    await shop.quiet()
    await told(shop)
    assert await survival.run_all() == ["fly ada won", f"fly ada off 1 {bought['id']}"]
