"""What the shop page says about every offer, for a customer and for a visitor."""

from collections.abc import Callable
from typing import Any

import pytest

from storefront.web.pages import AssetName, ShopView, bought_notice
from storefront.web.pages.views import ItemCard

Shop = Callable[..., ShopView]


def card(view: ShopView, sku: str) -> ItemCard:
    return next(item for item in view.items if item.sku == sku)


def test_every_item_says_what_can_be_done_with_it(shop: Shop) -> None:
    view = shop()
    said = {item.sku: (item.state.value, item.status.replace("\N{NO-BREAK SPACE}", " ")) for item in view.items}
    assert said == {
        "sword": ("get", ""),
        "cloak": ("owned", "In your inventory"),
        "crown": ("short", "860 gems short"),
        "potion": ("get", ""),
        "lantern": ("back_on", "Back on 1 December"),
        "shield": ("sold_out", "Sold out"),
        "hard": ("get", ""),
    }


def test_gem_prices_carry_money_at_the_smallest_packs_rate(shop: Shop) -> None:
    view = shop()
    assert (card(view, "sword").price, card(view, "sword").real_price) == ("480", "€4.75")
    assert card(view, "crown").real_price == "€31.68"
    assert card(shop(currency="USD"), "sword").real_price == "$5.23"


def test_packs_go_from_small_to_large_with_their_unit_price(shop: Shop) -> None:
    (shelf,) = shop().shelves
    assert [(pack.figure, pack.bonus, pack.unit_price, pack.badge) for pack in shelf.packs] == [
        ("100", None, "€0.99 per 100", None),
        ("1,200", None, "€0.83 per 100", "Most bought"),
        ("14,000", "1,000", "€0.67 per 100", None),
    ]


def test_unit_prices_of_one_shelf_have_one_basis(shop: Shop, catalog: dict[str, Any]) -> None:
    catalog["offers"][2]["contents"] = [{"asset": "gems", "amount": 80}]
    (shelf,) = shop().shelves
    assert [pack.unit_price.split(" per ")[1] for pack in shelf.packs] == ["100", "100", "100"]


def test_each_currency_has_a_shelf_of_its_own(shop: Shop, catalog: dict[str, Any]) -> None:
    catalog["offers"][2]["contents"] = [{"asset": "embers", "amount": 100}]
    shelves = shop().shelves
    assert [(shelf.asset.name, [pack.sku for pack in shelf.packs]) for shelf in shelves] == [
        ("gems", ["gems-1200", "gems-15000"]),
        ("embers", ["gems-100"]),
    ]


def test_a_tag_carries_what_the_server_needs_to_sell_at_this_price(shop: Shop) -> None:
    view = shop()
    sword, pack = card(view, "sword").tag, view.shelves[0].packs[0].tag
    assert sword is not None
    assert pack is not None
    assert {**sword.fields, "idempotency_key": ""} == {
        "sku": "sword", "currency": "gems", "expected_price": "480", "idempotency_key": "", "pay_with": "wallet",
    }  # fmt: skip
    assert {**pack.fields, "idempotency_key": ""} == {
        "sku": "gems-100", "currency": "EUR", "expected_price": "99", "idempotency_key": "",
    }  # fmt: skip
    assert pack.name.replace("\N{NO-BREAK SPACE}", " ") == "Buy 100 gems for €0.99"


def test_every_button_has_a_key_of_its_own(shop: Shop) -> None:
    view = shop()
    assert view.featured is not None
    cards = [view.featured.card, *view.items]
    tags = [pack.tag for pack in view.shelves[0].packs]
    tags += [one.tag for item in cards for one in (item, *item.others)]
    keys = [tag.fields["idempotency_key"] for tag in tags if tag]
    keys += [line.use.fields["idempotency_key"] for line in view.inventory if line.use]
    assert len(keys) == len(set(keys)) == 9


def test_who_is_short_of_gems_may_still_pay_with_money(shop: Shop) -> None:
    crown = card(shop(), "crown")
    assert crown.tag is None
    assert [(other.price, other.tag is not None) for other in crown.others] == [("€29.99", True)]


def test_every_price_of_an_item_is_shown_and_which_can_be_paid_now(
    shop: Shop, catalog: dict[str, Any], state: dict[str, Any]
) -> None:
    prices = [{"amount": 320, "currency": "gems"}, {"amount": 9000, "currency": "embers"}]
    catalog["offers"][4]["prices"] = [*prices, {"amount": 499, "currency": "EUR"}]
    state["wallets"]["embers"] = {"available": 1000}

    sword = card(shop(), "sword")

    assert (sword.price, sword.asset.name if sword.asset else "") == ("320", "gems")
    shown = [(other.price, other.status, other.tag is not None) for other in sword.others]
    assert [
        (price.replace("\N{NO-BREAK SPACE}", " "), status.replace("\N{NO-BREAK SPACE}", " "), may)
        for price, status, may in shown
    ] == [
        ("9,000 embers", "8,000 embers short", False),
        ("€4.99", "", True),
    ]


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"per": "customer", "count": 5, "window": "day", "left": 2}, "2 of 5 left for you today"),
        ({"per": "customer", "count": 1, "window": "day", "left": 1}, "One a day each"),
        ({"per": "customer", "count": 5, "window": "week"}, "5 a week each"),
        ({"per": "customer", "count": 1, "window": "lifetime"}, "One each"),
        ({"per": "global", "count": 200, "window": "lifetime", "left": 37}, "37 of 200 left"),
        ({"per": "global", "count": 200, "window": "month", "left": 0}, "0 of 200 left this month"),
    ],
)
def test_limits_are_said(shop: Shop, catalog: dict[str, Any], limit: dict[str, Any], words: str) -> None:
    catalog["offers"][4]["limits"] = [limit]
    assert card(shop(), "sword").limits == (words,)


def test_a_limit_of_today_says_when_it_is_reached(shop: Shop, catalog: dict[str, Any]) -> None:
    catalog["offers"][4]["limits"] = [{"per": "customer", "count": 5, "window": "day", "left": 0}]
    catalog["offers"][5]["limits"] = [{"per": "global", "count": 5, "window": "week", "left": 0}]
    assert card(shop(), "sword").status == "You have bought all you can today"
    assert shop(visitor=True).items[1].status == "Sold out this week"


def test_the_inventory_adds_up_and_offers_to_use_consumables(shop: Shop) -> None:
    lines = [(line.title, line.status, line.use is not None) for line in shop().inventory]
    assert lines == [
        ("Moth-Wing Cloak", "Yours", False),
        ("Health potion", "24\N{NO-BREAK SPACE}left", True),
        ("Left the catalog", "On hold", False),
    ]


def test_the_wallet_shows_what_can_be_spent(shop: Shop) -> None:
    wallet = shop().wallet
    assert wallet is not None
    assert (wallet.amount, wallet.asset.name, wallet.top_up) == ("2,340", "gems", True)


def test_the_featured_offer_stands_first_and_only_there(shop: Shop) -> None:
    view = shop()
    assert view.featured is not None
    assert view.featured.card.sku == "chest"
    assert view.featured.card.until is not None
    assert view.featured.card.until.text == "30 Nov, 18:00 UTC"
    assert [part.label.replace("\N{NO-BREAK SPACE}", " ") for part in view.featured.contents] == ["1,200 gems", "Boots"]
    assert "chest" not in [item.sku for item in view.items]


def test_a_featured_item_does_not_list_itself_as_its_contents(shop: Shop, catalog: dict[str, Any]) -> None:
    catalog["offers"][0]["featured"], catalog["offers"][4]["featured"] = False, True
    view = shop()
    assert view.featured is not None
    assert (view.featured.card.sku, view.featured.contents) == ("sword", ())


def test_what_is_owned_gives_its_first_place_to_the_next(shop: Shop, catalog: dict[str, Any]) -> None:
    catalog["offers"][5]["featured"] = True  # the cloak, owned
    catalog["offers"].insert(0, catalog["offers"].pop(5))
    view = shop()
    assert view.featured is not None
    assert view.featured.card.sku == "chest"


def test_a_visitor_sees_prices_and_cannot_buy(shop: Shop) -> None:
    view = shop(visitor=True)
    assert view.customer is None
    assert view.wallet is None
    assert [item.tag for item in view.items] + [pack.tag for pack in view.shelves[0].packs] == [None] * 10
    assert card(view, "sword").state == "look_only"


def test_an_empty_catalog_makes_an_empty_page(shop: Shop, catalog: dict[str, Any]) -> None:
    catalog["offers"] = []
    view = shop()
    assert (view.featured, view.shelves, view.items) == (None, (), ())


def test_a_purchase_is_told_in_one_sentence(catalog: dict[str, Any], state: dict[str, Any]) -> None:
    offers = {offer["sku"]: offer for offer in catalog["offers"]}
    assets = {"gems": AssetName.titled("gems", "Gems")}

    def told(sku: str, paid_in: str | None = None) -> str:
        return bought_notice(offers[sku], state, assets=assets, paid_in=paid_in).replace("\N{NO-BREAK SPACE}", " ")

    assert told("sword", "gems") == "Sword of Dawn is yours. 2,340 gems left."
    assert told("gems-1200") == "1,200 gems added. You have 2,340 gems."
    assert told("gems-15000") == "14,000 gems and 1,000 bonus added. You have 2,340 gems."
    assert told("chest") == "Winter chest is yours."
