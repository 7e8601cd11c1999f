"""Promo codes: what they take off, from whom, how often, and when a use is given back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop
from storefront.testing.tiny_shop import TINY_SHOP

CODES = """
promo_codes:
  WINTER-30: {percent: 30, label: Winter sale}
  once: {percent: 50, uses: once}
  thrice: {percent: 10, uses: 3, per_customer: 1}
  five-off: {amount: {USD: 500, gems: 30}}
  large: {percent: 10, minimum: {USD: 1000}}
  potions: {percent: 10, offers: [potion]}
  packs: {percent: 10, kinds: [currency_pack]}
  first: {percent: 50, first_purchase: true}
  german: {percent: 10, countries: [DE, AT]}
  soon: {percent: 10, from: "2100-01-01T00:00:00Z"}
  gone: {percent: 10, until: "2020-01-01T00:00:00Z"}
  free: {percent: 100, per_customer: 1}
  add-10: {percent: 10, stackable: true}
  add-20: {percent: 20, stackable: true}
  add-usd: {amount: {USD: 100}, stackable: true}
  back: {percent: 10, uses: once, restore_on_refund: true}
"""


@pytest.fixture
async def sale(data_folder, database_url) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + CODES, database=database_url) as shop:
        yield shop


async def quoted(shop: Shop, sku: str, code: str | list[str], *, customer: str = "ada", **more: Any) -> Answer:
    codes = {"promo_code": code} if isinstance(code, str) else {"promo_codes": code}
    return await shop.as_customer(customer).post("/v1/quotes", {"sku": sku, **codes, **more})


def redemptions(shop: Shop) -> list[tuple[str, str]]:
    rows = shop.query("SELECT code, state FROM redemptions ORDER BY created_at, code")
    return [(row["code"], row["state"]) for row in rows]


def counted(shop: Shop, key: str) -> int:
    rows = shop.query("SELECT value FROM counters WHERE key = ?", key)
    return rows[0]["value"] if rows else 0


async def test_a_percentage_is_a_line_of_the_quote_and_of_the_purchase(sale):
    quote = await quoted(sale, "gems-500", "winter30")

    assert quote.json["total"] == {"amount": 349, "currency": "USD"}
    discount = {"type": "adjustment", "title": "Winter sale", "promo_code": "WINTER30",
                "total": {"amount": -150, "currency": "USD"}}  # fmt: skip
    assert quote.json["lines"][1] == discount

    purchase = await sale.bought("gems-500", promo_code="Winter-30", expected_price=quote.json["total"])

    assert purchase["total"] == {"amount": 349, "currency": "USD"}
    assert purchase["lines"][1] == discount
    assert sale.balance("platform:revenue:USD") == 349
    assert redemptions(sale) == [("WINTER30", "redeemed")]
    story = sale.query("SELECT type FROM events WHERE subject = ? ORDER BY sequence", purchase["id"])
    assert [one["type"] for one in story] == [
        "promo_code.reserved", "purchase.pending", "purchase.completed", "promo_code.redeemed",
    ] or {one["type"] for one in story} == {
        "promo_code.reserved", "purchase.pending", "purchase.completed", "promo_code.redeemed",
    }  # fmt: skip
