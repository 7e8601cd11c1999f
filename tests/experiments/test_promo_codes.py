"""A promo code and a variant's price go together: the code takes its part off what this customer's variant costs."""

from collections.abc import AsyncIterator

import pytest

from storefront.testing import Shop, running_shop

from .conftest import EXPERIMENT_SHOP, fund, price

NAMES = [f"ada-{number}" for number in range(8)]
CODES = """
promo_codes:
  HALF: {percent: 50}
  TWENTY: {amount: {gems: 20}}
"""
HALVES = {120: 60, 99: 49}
"""What HALF leaves of each variant's price; 49.5 is rounded for the buyer."""


@pytest.fixture
async def shop(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, EXPERIMENT_SHOP + CODES, database=database_url) as running:
        yield running


async def test_a_code_takes_its_part_off_the_price_of_the_variant(shop):
    await fund(shop, *NAMES)
    shown = {name: await price(shop, name) for name in NAMES}
    assert set(shown.values()) == {99, 120}

    for name, listed in shown.items():
        asked = {"sku": "sword", "currency": "gems", "promo_code": "half"}
        quote = await shop.as_customer(name).post("/v1/quotes", asked)
        bought = await shop.buy(customer=name, expected_price=quote.json["total"], **asked)
        assert (bought.status, bought.json["total"]["amount"]) == (201, HALVES[listed])
        item, discount = bought.json["lines"]
        assert (item["unit_price"]["amount"], discount["total"]["amount"]) == (listed, HALVES[listed] - listed)
        fixed = await shop.buy("sword", customer=name, currency="gems", promo_code="twenty")
        assert fixed.json["total"]["amount"] == listed - 20

    rows = shop.query("SELECT variant, count(*) AS n FROM experiment_purchases GROUP BY variant ORDER BY variant")
    assert {row["variant"]: row["n"] for row in rows} == {
        "cheap": 2 * list(shown.values()).count(99), "control": 2 * list(shown.values()).count(120),
    }  # fmt: skip
    report = await shop.audit()
    assert [one.message for one in report.violations] == []


async def test_a_refund_gives_back_what_was_paid_of_the_variant_and_the_code(shop):
    await fund(shop, *NAMES)
    for name in NAMES:
        listed = await price(shop, name)
        bought = await shop.buy("sword", customer=name, currency="gems", promo_code="half")
        path = f"/v1/purchases/{bought.json['id']}/refunds"
        made = await shop.as_server().post(path, {"reason": "a mistake"}, key=f"r-{name}")
        assert (made.status, made.json["amount"]["amount"]) == (201, HALVES[listed])
        assert shop.balance(f"customer:{name}:gems") == 1000
