"""A pack with a bonus is taken back: what was bought and what was granted are told apart, by whoever tells it."""

import pytest

from storefront.testing import OPERATOR_KEY, TINY_SHOP, running_shop
from tests.shop.test_disputes import disputed, drink
from tests.shop.test_gateway_refunds import refund

BONUS = TINY_SHOP.replace("contents: {gems: 500}", "contents: {gems: 500}, bonus: {gems: 50}", 1)


@pytest.fixture
async def shop(data_folder):
    async with running_shop(data_folder, BONUS) as running:
        yield running


async def pack_of_which_15_are_spent(shop):
    pack = await shop.bought("gems-500")
    await shop.bought("potion")
    await drink(shop, 1)
    assert shop.balance("customer:ada:gems") == 535
    return pack


def told(credits):
    return [(one["source"], one["demanded"], one["taken"], one["written_off"], one["owed"]) for one in credits]


@pytest.mark.parametrize(("strategy", "missing"), [("floor", (15, 0)), ("debt", (0, 15))])
async def test_a_refund_tells_beforehand_and_afterwards_what_of_the_bonus_is_missing(shop, strategy, missing):
    pack = await pack_of_which_15_are_spent(shop)
    refused = await refund(shop, pack)
    assert "15 of 50 gems" in refused.json["detail"]
    tried = await refund(shop, pack, strategy=strategy, dry_run=True)
    made = await refund(shop, pack, strategy=strategy)
    split = [("purchased", 500, 500, 0, 0), ("granted", 50, 35, *missing)]
    assert told(tried.json["taken_back"]["credits"]) == told(made.json["taken_back"]["credits"]) == split
    assert shop.balance("customer:ada:gems") == 0


async def test_a_dispute_tells_them_apart_and_takes_them_again_when_it_is_lost_after_all(shop):
    pack = await pack_of_which_15_are_spent(shop)
    possible = await shop.bearing(OPERATOR_KEY).get(f"/v1/purchases/{pack['id']}/loss")
    split = [("purchased", 500, 500, 0, 0), ("granted", 50, 35, 0, 15)]
    assert told(possible.json["taken_back"]["credits"]) == split
    assert [(lot["source"], lot["amount"]) for lot in possible.json["lots"]] == [("purchased", 500), ("granted", 35)]
    await shop.sandbox.dispute(pack)
    await shop.quiet()
    await disputed(shop, pack, "lost")
    assert shop.balance("customer:ada:gems") == 0
    await disputed(shop, pack, "won")
    assert shop.balance("customer:ada:gems") == 535
    lots = shop.query("SELECT source, remaining FROM lots WHERE remaining > 0 ORDER BY source")
    assert [(lot["source"], lot["remaining"]) for lot in lots] == [("granted", 35), ("purchased", 500)]
    await disputed(shop, pack, "lost")
    assert shop.balance("customer:ada:gems") == 0
    assert [row["amount"] for row in shop.query("SELECT amount FROM debts")] == [15]


async def test_what_of_the_bonus_paid_a_debt_is_owed_again_and_the_rest_of_it_is_set_aside(shop):
    async def seen():
        wallet = (await shop.as_customer().get("/v1/me")).json["wallets"]["gems"]
        return wallet["balance"], wallet["available"], wallet["owed"]

    first = await shop.bought("gems-500")
    await shop.bought("potion", quantity=34)
    await drink(shop, 34)
    await disputed(shop, first, "lost")
    second = await shop.bought("gems-500")
    assert await seen() == (40, 40, 0)
    await disputed(shop, second, "needs_response")
    assert await seen() == (40, 0, 0)
    for _ in range(2):
        await disputed(shop, second, "lost")
        assert await seen() == (0, 0, 510)
        await disputed(shop, second, "won")
        assert await seen() == (40, 40, 0)
