"""Prices: by the buyer's country, chosen by the buyer, in sales, in exact amounts; never another than was shown."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storefront.core.clock import parse_iso
from storefront.core.ids import new_id
from storefront.testing import TINY_SHOP, Shop, running_shop
from storefront.testing.calling import Wall

MORE = """
  tale:
    kind: item
    type: consumable
    title: A tale
    prices:
      - {amount: 499, currency: USD, countries: [US, CA]}
      - {amount: 399, currency: EUR, countries: [DE, AT]}
      - {amount: 599, currency: EUR}
      - {amount: 300, currency: gems}
      - {amount: 250, currency: gems, countries: [CA]}
  song:
    kind: item
    type: consumable
    title: A song
    prices:
      - {currency: USD, pay_what_you_want: {min: 0, suggested: 500, max: 10000}}
      - {currency: gems, pay_what_you_want: {min: 10, suggested: 50, max: 100}}
  hat:
    kind: item
    type: consumable
    title: A hat
    prices: {USD: 999, gems: 99}
    sales:
      - {percent: 25, from: 2030-01-01T00:00:00Z, until: 2030-01-08T00:00:00Z, label: New year}
      - {prices: {USD: 699}, from: 2030-01-03T00:00:00Z, until: 2030-01-04T00:00:00Z}
  gems-100: {kind: currency_pack, title: 100 gems, contents: {gems: 100}, exact: {min: 10, max: 5000},
             prices: {USD: 109, EUR: 105}}
price_lists:
  brazil: {countries: [BR], from: USD, currency: BRL, rate: "5.2", ending: "90"}
"""
YEAR = "2030-01-0{}T00:00:00Z"


class StoppedClock(Wall):
    """A clock that stands where a test puts it."""

    def __init__(self, moment: str) -> None:
        super().__init__()
        self.at(moment)

    def __call__(self) -> int:
        return self._now

    def at(self, moment: str) -> None:
        self._now = parse_iso(moment)


@pytest.fixture
def wall() -> StoppedClock:
    return StoppedClock("2029-12-31T12:00:00Z")


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None, wall: StoppedClock) -> AsyncIterator[Shop]:
    async with running_shop(data_folder, TINY_SHOP + MORE, database=database_url, wall=wall) as running:
        yield running


async def in_country(shop: Shop, country: str | None) -> Any:
    """Return the API as a new customer's session from a country sees it, and their name."""
    name = new_id("player")
    token = await shop.session(name, **({} if country is None else {"country": country}))
    return shop.bearing(token)


async def prices(caller: Any, sku: str, query: str = "") -> list[dict[str, Any]]:
    answer = await caller.get(f"/v1/catalog{query}")
    assert answer.status == 200, answer
    return next(offer["prices"] for offer in answer.json["offers"] if offer["sku"] == sku)


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def gems(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "gems"}


@pytest.mark.parametrize(
    ("country", "shown"),
    [
        ("US", [usd(499), gems(300)]),
        ("CA", [usd(499), gems(250)]),
        ("DE", [eur(399), gems(300)]),
        ("FR", [eur(599), gems(300)]),
        (None, [eur(599), gems(300)]),
    ],
)
async def test_a_session_sees_and_pays_the_prices_of_its_country(shop, country, shown):
    caller = await in_country(shop, country)

    assert await prices(caller, "tale") == shown
    quote = await caller.post("/v1/quotes", {"sku": "tale"})
    assert quote.json["total"] == shown[0]
    bought = await caller.post("/v1/purchases", {"sku": "tale", "expected_price": shown[0]}, key="k")
    assert (bought.status, bought.json["total"]) == (202, shown[0])


@pytest.mark.parametrize(("country", "currency"), [("US", "EUR"), ("FR", "USD"), (None, "USD"), ("DE", "USD")])
async def test_naming_a_currency_gets_no_other_countrys_price(shop, country, currency):
    caller = await in_country(shop, country)

    refused = await caller.post("/v1/purchases", {"sku": "tale", "currency": currency}, key="k")

    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/currency")


async def test_the_first_session_says_the_country_where_the_present_one_does_not(shop):
    await shop.session("ada", country="DE")

    assert await prices(shop.as_customer("ada"), "tale") == [eur(399), gems(300)]
    quote = await shop.as_server().post("/v1/quotes", {"customer": "ada", "sku": "tale"})
    assert quote.json["total"] == eur(399)


async def test_strangers_may_look_at_a_countrys_prices_and_sessions_only_at_their_own(shop):
    assert await prices(shop.as_nobody(), "tale", "?country=DE") == [eur(399), gems(300)]
    assert await prices(shop.as_nobody(), "tale") == [eur(599), gems(300)]
    refused = await (await in_country(shop, "FR")).get("/v1/catalog?country=DE")
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/country")
    assert (await shop.as_nobody().get("/v1/catalog?country=XX")).status == 422


async def test_the_catalogs_etag_tells_countries_apart(shop):
    german, french = await in_country(shop, "DE"), await in_country(shop, "FR")
    first = await german.get("/v1/catalog")

    assert first.headers["Vary"] == "Authorization, Cookie"
    assert (await german.get("/v1/catalog", **{"If-None-Match": first.headers["ETag"]})).status == 304
    assert (await french.get("/v1/catalog", **{"If-None-Match": first.headers["ETag"]})).status == 200


async def test_a_price_list_makes_a_countrys_prices_from_the_general_ones(shop):
    caller = await in_country(shop, "BR")

    assert await prices(caller, "chest") == [{"amount": 7790, "currency": "BRL"}]
    assert await prices(caller, "statue") == [{"amount": 12990, "currency": "BRL"}]
    assert await prices(caller, "gems-100") == [{"amount": 590, "currency": "BRL"}]
    quote = await caller.post("/v1/quotes", {"sku": "chest"})
    assert quote.json["total"] == {"amount": 7790, "currency": "BRL"}
    refused = await caller.post("/v1/quotes", {"sku": "chest", "currency": "USD"})
    assert refused.status == 422


async def test_the_buyer_chooses_within_the_limits_and_what_is_suggested_counts_otherwise(shop):
    caller = await in_country(shop, None)
    asked = await prices(caller, "song")

    assert asked[0] == {**usd(500), "pay_what_you_want": {"min": 0, "suggested": 500, "max": 10000}}
    for amount, total in ((None, 500), (77, 77), (10000, 10000), (usd(1234), 1234)):
        body = {"sku": "song"} if amount is None else {"sku": "song", "amount": amount}
        assert (await caller.post("/v1/quotes", body)).json["total"] == usd(total)
    refused = await caller.post("/v1/purchases", {"sku": "song", "amount": 10001}, key="k")
    assert (refused.status, refused.json["code"]) == (422, "amount_out_of_range")
    assert (refused.json["min"], refused.json["max"]) == (usd(0), usd(10000))
    other = await caller.post("/v1/purchases", {"sku": "song", "amount": usd(5), "currency": "gems"}, key="l")
    assert (other.status, other.json["errors"][0]["pointer"]) == (422, "/amount/currency")


async def test_what_the_buyer_chose_is_paid_and_stands_on_the_receipt(shop):
    purchase = await shop.bought("song", amount=1234, quantity=2)

    assert purchase["total"] == usd(2468)
    receipt = await shop.as_customer("ada").get(f"/v1/purchases/{purchase['id']}/receipt")
    assert receipt.json["document"]["lines"][0]["unit_price"] == usd(1234)
    assert shop.balance("platform:revenue:USD") == 2468


async def test_choosing_nothing_is_free_and_asks_no_gateway(shop):
    answer = await shop.buy("song", amount=0)

    assert (answer.status, answer.json["pay_with"], answer.json["total"]) == (201, "free", usd(0))
    assert (await shop.sandbox.books())["sessions"] == []


async def test_gems_can_be_chosen_too_and_less_than_a_gateway_takes_cannot(shop):
    await shop.bought("gems-500")
    assert (await shop.buy("song", amount=gems(100))).json["total"] == gems(100)
    assert (await shop.buy("song", amount=gems(9))).json["code"] == "amount_out_of_range"
    assert (await shop.buy("song", amount=1)).json["code"] == "amount_not_chargeable"


@pytest.mark.parametrize("sku", ["chest", "sword", "tale", "hat", "gems-500"])
async def test_an_amount_for_an_offer_with_its_price_is_refused(shop, sku):
    refused = await shop.buy(sku, amount=1)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/amount")


@pytest.mark.parametrize(
    ("moment", "money", "virtual"),
    [
        ("2029-12-31T23:59:59.999Z", 999, 99),
        ("2030-01-01T00:00:00Z", 749, 74),
        ("2030-01-02T23:59:59.999Z", 749, 74),
        ("2030-01-03T00:00:00Z", 699, 74),
        ("2030-01-03T23:59:59.999Z", 699, 74),
        ("2030-01-04T00:00:00Z", 749, 74),
        ("2030-01-07T23:59:59.999Z", 749, 74),
        ("2030-01-08T00:00:00Z", 999, 99),
    ],
)
async def test_sales_are_half_open_and_the_best_one_counts_alone(shop, wall, moment, money, virtual):
    wall.at(moment)
    shown = await prices(shop.as_nobody(), "hat")
    assert [price["amount"] for price in shown] == [money, virtual]
    assert [price.get("list_price") for price in shown] == ([None, None] if money == 999 else [usd(999), gems(99)])

    await shop.bought("gems-500")
    assert (await shop.bought("hat"))["total"] == usd(money)
    bought = await shop.bought("hat", currency="gems", expected_price=gems(virtual))
    assert bought["lines"][0]["unit_price"] == gems(virtual)


async def test_the_catalog_says_until_when_it_holds_and_its_etag_ends_there(shop, wall):
    before = await shop.as_nobody().get("/v1/catalog")
    assert before.json["fresh_until"] == "2030-01-01T00:00:00.000Z"

    wall.at("2030-01-01T00:00:00Z")
    after = await shop.as_nobody().get("/v1/catalog", **{"If-None-Match": before.headers["ETag"]})
    assert (after.status, after.json["fresh_until"]) == (200, "2030-01-03T00:00:00.000Z")
    sale = next(offer for offer in after.json["offers"] if offer["sku"] == "hat")["prices"][0]
    assert (sale["sale_until"], sale["sale_label"]) == ("2030-01-08T00:00:00.000Z", "New year")
    wall.at("2030-01-08T00:00:00Z")
    assert (await shop.as_nobody().get("/v1/catalog")).json["fresh_until"] is None


async def test_the_price_shown_before_a_sale_ends_is_refused_after_it(shop, wall):
    wall.at("2030-01-08T00:00:00Z")
    refused = await shop.buy("hat", expected_price=usd(749))
    assert (refused.status, refused.json["code"], refused.json["price"]) == (409, "price_changed", usd(999))


async def test_a_checkout_opened_in_a_sale_keeps_its_price_after_it(shop, wall):
    wall.at("2030-01-07T23:59:59Z")
    opened = await shop.buy("hat")

    wall.at("2030-01-08T00:05:00Z")
    assert await shop.pay(opened) == 303
    assert (await shop.settled(opened))["total"] == usd(749)
    assert shop.balance("platform:revenue:USD") == 749


async def test_a_virtual_price_is_told_in_money_at_the_smallest_packs_rate(shop):
    answer = await shop.as_nobody().get("/v1/catalog")
    told = {offer["sku"]: offer["real_price"] for offer in answer.json["offers"]}

    assert (told["sword"], told["key"], told["chest"]) == (usd(131), usd(44), None)
    quote = await (await in_country(shop, "BR")).post("/v1/quotes", {"sku": "sword"})
    assert quote.json["real_price"] == {"amount": 708, "currency": "BRL"}


async def test_open_checkouts_keep_their_price_and_goods_over_an_edit_of_the_yaml(data_folder, database_url, wall):
    before = TINY_SHOP + MORE
    async with running_shop(data_folder, before, database=database_url, wall=wall) as shop:
        chest, pack = await shop.buy("chest"), await shop.buy("gems-500", customer="bob")
        old = chest.json["catalog_version"]

        after = before.replace("prices: {USD: 1499}", "prices: {USD: 1999}")
        after = after.replace("contents: {gems: 500}", "contents: {gems: 450}")
        (data_folder / "shop.yaml").write_text(after)
        await shop.restart()

        quote = (await shop.as_customer("cleo").post("/v1/quotes", {"sku": "chest"})).json
        assert (quote["total"], quote["catalog_version"] == old) == (usd(1999), False)
        stale = await shop.buy("chest", customer="cleo", expected_price=usd(1499))
        assert (stale.status, stale.json["code"], stale.json["price"]) == (409, "price_changed", usd(1999))
        for opened in (chest, pack):
            assert await shop.pay(opened) == 303
            paid = await shop.settled(opened)
            assert (paid["status"], paid["total"], paid["catalog_version"]) == ("completed", opened.json["total"], old)
        assert shop.balance("customer:bob:gems") == 500
        assert shop.balance("platform:revenue:USD") == 1998


async def test_a_checkout_of_an_offer_that_was_taken_off_sale_is_given_what_it_bought(data_folder, database_url, wall):
    async with running_shop(data_folder, TINY_SHOP, database=database_url, wall=wall) as shop:
        opened = await shop.buy("chest")
        kept = [line for line in TINY_SHOP.splitlines(keepends=True) if not line.startswith("  chest:")]
        (data_folder / "shop.yaml").write_text("".join(kept))
        await shop.restart()

        assert (await shop.buy("chest")).json["code"] == "unknown_offer"
        assert await shop.pay(opened) == 303
        assert (await shop.settled(opened))["status"] == "completed"
        assert shop.query("SELECT sku, quantity FROM items") == [{"sku": "chest", "quantity": 1}]
