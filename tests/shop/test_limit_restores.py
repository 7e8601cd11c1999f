"""Limits given back by refunds, where an offer says so: with the goods, in their own window, in the same commit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.testing import TINY_SHOP, Shop, running_shop

MORE = """
  relic: {kind: item, type: consumable, title: Two in all, prices: {gems: 10},
    limits: [{per: global, count: 2, restore_limit_on_refund: true}, {per: customer, count: 2}]}
  token: {kind: item, type: consumable, title: Three a day, prices: {gems: 10},
    limits: [{per: customer, count: 3, window: day, restore_limit_on_refund: true}]}
  crown: {kind: item, type: consumable, title: One each of two, prices: {USD: 2000},
    limits: [{per: global, count: 2, restore_limit_on_refund: true},
             {per: customer, count: 1, restore_limit_on_refund: true}]}
"""


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + MORE, database=database_url) as running:
        yield running


async def refund(shop, purchase, **more):
    path = f"/v1/purchases/{purchase['id']}/refunds"
    answer = await shop.as_server().post(path, {"reason": "asked", **more}, key=f"refund-{purchase['id']}")
    assert answer.status in (201, 202), answer
    await shop.quiet()
    return answer.json


def counters(shop, sku):
    rows = shop.query("SELECT key, value FROM counters WHERE key LIKE ? ORDER BY key", f"limit:{sku}:%")
    return {row["key"].split(":")[2][:3]: row["value"] for row in rows}


async def test_a_refund_gives_back_the_limits_that_say_so_and_no_others(shop):
    await shop.bought("gems-500")
    bought = await shop.bought("relic", quantity=2)
    assert counters(shop, "relic") == {"*": 2, "cus": 2}

    await refund(shop, bought)

    assert counters(shop, "relic") == {"*": 0, "cus": 2}
    assert (await shop.buy("relic")).json["code"] == "limit_reached"
    await shop.bought("gems-500", customer="bob")
    assert (await shop.buy("relic", customer="bob", quantity=2)).status == 201


async def test_a_part_refund_gives_back_as_many_as_it_takes(shop):
    await shop.bought("gems-500")
    bought = await shop.bought("token", quantity=3)

    await refund(shop, bought, quantity=2)
    assert counters(shop, "token") == {"cus": 1}
    assert (await shop.buy("token", quantity=3)).json["code"] == "limit_reached"
    assert (await shop.buy("token", quantity=2)).status == 201


async def test_an_amount_refunded_without_goods_gives_nothing_back(shop):
    await shop.bought("gems-500")
    bought = await shop.bought("token", quantity=3)
    await refund(shop, bought, amount=5)
    assert counters(shop, "token") == {"cus": 3}


async def test_a_refund_in_a_later_window_changes_only_the_one_it_was_bought_in(shop):
    await shop.bought("gems-500")
    old = await shop.bought("token", quantity=3)
    await shop.advance("1d")
    await shop.bought("token", quantity=3)

    await refund(shop, old)

    values = shop.query("SELECT value FROM counters WHERE key LIKE 'limit:token:%' ORDER BY key")
    assert [row["value"] for row in values] == [0, 3]
    assert (await shop.buy("token")).json["code"] == "limit_reached"


async def test_a_refund_through_a_gateway_gives_back_once_the_money_is_on_its_way(shop):
    bought = await shop.bought("crown")
    assert counters(shop, "crown") == {"*": 1, "cus": 1}
    await refund(shop, bought)
    assert counters(shop, "crown") == {"*": 0, "cus": 0}
    assert (await shop.bought("crown"))["status"] == "completed"


async def test_a_lost_dispute_frees_the_stock_but_not_the_customers_own_limit(shop):
    bought = await shop.bought("crown")
    await shop.sandbox.dispute(bought)
    await shop.quiet()
    assert counters(shop, "crown") == {"*": 1, "cus": 1}

    await shop.sandbox.dispute(bought, "lost")
    await shop.quiet()

    assert counters(shop, "crown") == {"*": 0, "cus": 1}
    assert (await shop.buy("crown")).json["code"] == "limit_reached"
    await shop.bought("crown", customer="bob")


async def test_what_is_given_again_counts_again_though_others_have_bought_it_meanwhile(shop):
    bought = await shop.bought("crown")
    await shop.sandbox.dispute(bought, "lost")
    await shop.quiet()
    await shop.bought("crown", customer="bob")
    await shop.bought("crown", customer="cleo")

    await shop.sandbox.dispute(bought, "won")
    await shop.quiet()

    assert counters(shop, "crown")["*"] == 3
    assert (await shop.buy("crown", customer="dora")).json["code"] == "sold_out"
