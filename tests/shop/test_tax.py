"""Tax: half up to the smallest unit, inside the price or on top of it, by the buyer's country, booked apart."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from storefront.core.ids import new_id
from storefront.testing import Shop, running_shop
from storefront.testing.tiny_shop import TINY_SHOP

RATES = """
tax:
  prices: {prices}
  rates:
    - {{country: DE, class: digital, percent: "19"}}
    - {{country: DE, class: books, percent: "7"}}
    - {{country: JP, class: digital, percent: "10", name: JCT}}
    - {{country: KW, class: digital, percent: "8.875"}}
    - {{country: IE, class: digital, percent: "0"}}
"""
MORE = """
  cheap: {kind: item, type: consumable, title: Cheap, prices: {EUR: 50}}
  tale: {kind: item, type: consumable, title: A tale, prices: {EUR: 1000}, tax_class: books}
  fish: {kind: item, type: consumable, title: Fish, prices: {JPY: 500, KWD: 1230}}
"""
Running = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def running(data_folder: Path, database_url: str | None) -> Running:
    return partial(running_shop, data_folder, database=database_url)


@pytest.fixture
async def inclusive(running: Running) -> AsyncIterator[Shop]:
    async with running(TINY_SHOP + MORE + RATES.format(prices="inclusive")) as shop:
        yield shop


@pytest.fixture
async def exclusive(running: Running) -> AsyncIterator[Shop]:
    async with running(TINY_SHOP + MORE + RATES.format(prices="exclusive")) as shop:
        yield shop


async def of_country(shop: Shop, country: str | None) -> str:
    """Return a customer whom the game's server places in a country."""
    name = new_id("player")
    await shop.session(name, **({} if country is None else {"country": country}))
    return name


async def quoted(shop: Shop, customer: str, sku: str, **more: Any) -> dict[str, Any]:
    answer = await shop.as_server().post("/v1/quotes", {"customer": customer, "sku": sku, **more})
    assert answer.status == 200, answer
    document: dict[str, Any] = answer.json
    return document


def tax_of(document: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Return (title, base, tax) of each line of tax."""
    lines = [line for line in document["lines"] if line["type"] == "tax"]
    return [(line["title"], line["base"]["amount"], line["total"]["amount"]) for line in lines]


@pytest.mark.parametrize(
    ("country", "sku", "more", "expected"),
    [
        ("DE", "gems-500", {"currency": "EUR"}, ("VAT 19%", 403, 76)),  # 76.48
        ("DE", "gems-500", {"currency": "USD"}, ("VAT 19%", 419, 80)),  # 79.67
        ("DE", "gems-500", {"currency": "EUR", "quantity": 3}, ("VAT 19%", 1208, 229)),  # 229.44, of the whole line
        ("DE", "cheap", {}, ("VAT 19%", 42, 8)),  # 7.98
        ("DE", "tale", {}, ("VAT 7%", 935, 65)),  # 65.42
        ("JP", "fish", {"currency": "JPY"}, ("JCT 10%", 455, 45)),  # 45.45
        ("KW", "fish", {"currency": "KWD"}, ("VAT 8.875%", 1130, 100)),  # 100.26
        ("IE", "cheap", {}, ("VAT 0%", 50, 0)),
    ],
)
async def test_inside_the_price(inclusive: Shop, country: str, sku: str, more: dict[str, Any], expected: Any) -> None:
    quote = await quoted(inclusive, await of_country(inclusive, country), sku, **more)

    assert tax_of(quote) == [expected]
    assert quote["total"]["amount"] == expected[1] + expected[2]


@pytest.mark.parametrize(
    ("country", "sku", "more", "expected"),
    [
        ("DE", "gems-500", {"currency": "EUR"}, (479, 91, 570)),  # 91.01
        ("DE", "cheap", {}, (50, 10, 60)),  # 9.5 goes up
        ("DE", "cheap", {"quantity": 3}, (150, 29, 179)),  # 28.5 goes up, once
        ("DE", "tale", {}, (1000, 70, 1070)),
        ("JP", "fish", {"currency": "JPY"}, (500, 50, 550)),
        ("KW", "fish", {"currency": "KWD"}, (1230, 109, 1339)),  # 109.1625
    ],
)
async def test_on_top_of_the_price(
    exclusive: Shop, country: str, sku: str, more: dict[str, Any], expected: Any
) -> None:
    quote = await quoted(exclusive, await of_country(exclusive, country), sku, **more)

    assert [line[1:] for line in tax_of(quote)] == [expected[:2]]
    assert quote["total"]["amount"] == expected[2]


async def test_it_is_booked_to_its_jurisdiction_and_the_rest_is_revenue(inclusive: Shop) -> None:
    german, irish, unknown = [await of_country(inclusive, country) for country in ("DE", "IE", None)]
    bought = [await inclusive.bought("gems-500", customer=name, currency="EUR") for name in (german, irish, unknown)]

    assert [purchase["total"]["amount"] for purchase in bought] == [479, 479, 479]
    assert tax_of(bought[0]) == [("VAT 19%", 403, 76)]
    assert tax_of(bought[1]) == [("VAT 0%", 479, 0)]
    assert tax_of(bought[2]) == []
    assert inclusive.balance("tax:DE:EUR") == 76
    assert inclusive.balance("tax:IE:EUR") == 0
    assert inclusive.balance("platform:revenue:EUR") == 403 + 479 + 479
    assert inclusive.balance("gateway:sandbox:clearing:EUR") == -3 * 479


async def test_what_is_on_top_is_charged_expected_and_booked(exclusive: Shop) -> None:
    german = await of_country(exclusive, "DE")
    listed = {"amount": 479, "currency": "EUR"}
    refused = await exclusive.buy("gems-500", customer=german, currency="EUR", expected_price=listed)
    assert (refused.status, refused.json["code"], refused.json["price"]["amount"]) == (409, "price_changed", 570)

    due = {"amount": 570, "currency": "EUR"}
    purchase = await exclusive.bought("gems-500", customer=german, currency="EUR", expected_price=due)

    assert purchase["total"] == due
    assert exclusive.balance("tax:DE:EUR") == 91
    assert exclusive.balance("platform:revenue:EUR") == 479
    assert [charge["amount"] for charge in (await exclusive.sandbox.books())["charges"]] == [570]


async def test_virtual_currency_carries_no_tax(inclusive: Shop) -> None:
    german = await of_country(inclusive, "DE")
    await inclusive.bought("gems-500", customer=german, currency="USD")

    sword = await inclusive.bought("sword", customer=german)

    assert tax_of(sword) == []
    assert inclusive.balance("tax:DE:USD") == 80
    assert inclusive.balance("tax:DE:gems") == 0


async def test_a_rate_that_changes_before_it_is_paid_changes_nothing(running: Running, data_folder: Path) -> None:
    async with running(TINY_SHOP + RATES.format(prices="inclusive")) as shop:
        german = await of_country(shop, "DE")
        purchase = await shop.buy("gems-500", customer=german, currency="EUR")
        await shop.stop()
        changed = (TINY_SHOP + RATES.format(prices="inclusive")).replace('"19"', '"25"')
        (data_folder / "shop.yaml").write_text(changed)
        await shop.start()

        assert tax_of(await quoted(shop, german, "gems-500", currency="EUR")) == [("VAT 25%", 383, 96)]
        assert await shop.pay(purchase) == 303
        settled = await shop.settled(purchase)

        assert tax_of(settled) == [("VAT 19%", 403, 76)]
        assert shop.balance("tax:DE:EUR") == 76


async def test_a_session_says_where_the_buyer_is_now(inclusive: Shop) -> None:
    german = await of_country(inclusive, "DE")
    travelling = inclusive.bearing(await inclusive.session(german, country="IE"))

    answer = await travelling.post("/v1/quotes", {"sku": "gems-500", "currency": "EUR"})

    assert tax_of(answer.json) == [("VAT 0%", 479, 0)]


async def test_the_page_shows_what_is_paid(exclusive: Shop) -> None:
    token = await exclusive.session(await of_country(exclusive, "DE"), country="DE")
    cookies = {"Cookie": f"storefront_session={token}", "Accept-Language": "en"}

    async with exclusive.http.get("/shop", headers=cookies) as answer:
        page = await answer.text()

    assert "$5.94" in page
    assert 'name="expected_price" value="594"' in page
    assert "Prices include 19% VAT." in page
