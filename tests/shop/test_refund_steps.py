"""Refunds finer than their gateway can make: Stripe gives dinars back in steps of 0.010 only."""

import pytest

from storefront.testing import TINY_SHOP, running_shop
from tests.shop.test_gateway_refunds import refund, refunded_there

DINARS = TINY_SHOP.replace("{USD: 499, EUR: 479}", "{USD: 499, KWD: 1510}", 1)


@pytest.fixture
async def dinars(data_folder, database_url):
    async with running_shop(data_folder, DINARS, database=database_url) as running:
        yield running


def kwd(amount):
    return {"amount": amount, "currency": "KWD"}


async def test_an_amount_between_two_steps_is_refused_before_anything_is_written(dinars):
    pack = await dinars.bought("gems-500", currency="KWD")
    await dinars.quiet()
    before = dinars.rows()

    for asked in (
        await refund(dinars, pack, amount=105, key="once"),
        await refund(dinars, pack, amount=105, dry_run=True),
    ):
        assert (asked.status, asked.json["code"]) == (409, "refund_too_fine")
        assert (asked.json["step"], asked.json["nearest"]) == (kwd(10), [kwd(100), kwd(110)])
        told = "sandbox gives KWD back in steps of 0.010 KWD: 0.105 KWD is between two of them."
        assert asked.json["detail"] == f"{told} Nearest: 0.100 KWD or 0.110 KWD."

    assert dinars.rows() == before
    assert await refunded_there(dinars) == 0
    made = await refund(dinars, pack, amount=110, key="another")
    assert (made.status, made.json["state"]) == (201, "completed")
    assert await refunded_there(dinars) == 110


async def test_the_nearest_amounts_are_those_that_can_be_given_back(dinars):
    pack = await dinars.bought("gems-500", currency="KWD")
    assert (await refund(dinars, pack, amount=1500)).status == 201

    little = await refund(dinars, pack, amount=3)
    much = await refund(dinars, pack, amount=13)

    assert (little.status, little.json["nearest"]) == (409, [kwd(10)])
    assert (much.status, much.json["code"]) == (409, "refund_too_large")


async def test_a_share_of_the_price_between_two_steps_takes_the_amount_that_is_named(data_folder, database_url):
    taxed = DINARS.replace("KWD: 1510", "KWD: 1000")
    taxed += 'tax: {prices: exclusive, rates: [{country: KW, class: digital, percent: "0.5"}]}\n'
    async with running_shop(data_folder, taxed, database=database_url) as shop:
        await shop.session("ada", country="KW")
        packs = await shop.bought("gems-500", currency="KWD", quantity=2)
        assert packs["total"] == kwd(2010)

        half = await refund(shop, packs, quantity=1)
        named = await refund(shop, packs, quantity=1, amount=1000)
        rest = await refund(shop, packs)

        assert (half.status, half.json["code"]) == (409, "refund_too_fine")
        assert half.json["nearest"] == [kwd(1000), kwd(1010)]
        assert [(one.status, one.json["amount"]) for one in (named, rest)] == [(201, kwd(1000)), (201, kwd(1010))]
        assert await refunded_there(shop) == 2010
        assert shop.balance("customer:ada:gems") == 0
