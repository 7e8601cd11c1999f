"""Exact top-ups: as much as is missing, at the pack's own rate, rounded up, and never less than a gateway takes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.testing import TINY_SHOP, Shop, running_shop

MORE = """
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, exact: {min: 10, max: 5000},
             prices: {USD: 109, EUR: 105}}
  throne: {kind: item, type: durable, title: Throne, prices: {gems: 5600}}
"""


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + MORE, database=database_url) as running:
        yield running


async def test_who_is_short_is_offered_just_what_is_missing_and_buys_it_as_it_stands(shop):
    short = await shop.buy("sword")
    offered = short.json["exact_top_up"]
    assert offered == {"sku": "gems-100", "amount": 120, "price": {"amount": 131, "currency": "USD"}}

    bought = await shop.bought(offered["sku"], amount=offered["amount"], expected_price=offered["price"])
    assert (bought["total"], bought["lines"][0]["title"]) == (offered["price"], "120 Gems")
    assert shop.balance("customer:ada:gems") == 120
    assert (await shop.buy("sword")).status == 201
    assert shop.balance("customer:ada:gems") == 0


async def test_what_costs_too_little_to_be_charged_is_offered_as_more(shop):
    await shop.bought("gems-500")
    await shop.bought("potion", quantity=33)
    short = await shop.buy("potion")

    assert short.json["short_by"] == 10
    # 45 gems are 49.05 cents, charged as 50; 44 would be 48.
    assert short.json["exact_top_up"] == {"sku": "gems-100", "amount": 45, "price": {"amount": 50, "currency": "USD"}}


async def test_more_than_its_terms_is_not_offered_and_not_sold(shop):
    short = await shop.buy("throne")
    assert (short.status, "exact_top_up" in short.json) == (402, False)
    for amount in (9, 5001):
        refused = await shop.buy("gems-100", amount=amount)
        assert (refused.status, refused.json["code"]) == (422, "amount_out_of_range")
        assert refused.json["min"] == {"amount": 10, "currency": "gems"}
    refused = await shop.buy("gems-100", amount=100, quantity=2)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/quantity")
    refused = await shop.buy("gems-100", details={"amount": 5000})
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/details")


async def test_the_pack_itself_is_sold_as_before_and_in_the_buyers_currency(shop):
    assert (await shop.bought("gems-100", quantity=2))["total"] == {"amount": 218, "currency": "USD"}
    assert shop.balance("customer:ada:gems") == 200
    quote = await shop.as_customer("ada").post("/v1/quotes", {"sku": "gems-100", "amount": 77, "currency": "EUR"})
    assert quote.json["total"] == {"amount": 81, "currency": "EUR"}  # 80.85


async def test_a_refund_takes_back_exactly_what_was_bought(shop):
    bought = await shop.bought("gems-100", amount=777)
    assert shop.balance("customer:ada:gems") == 777

    path = f"/v1/purchases/{bought['id']}/refunds"
    refund = await shop.as_server().post(path, {"reason": "asked"}, key="refund")
    assert refund.status in (201, 202), refund
    await shop.quiet()
    assert shop.balance("customer:ada:gems") == 0
    assert shop.balance("platform:revenue:USD") == 0
