"""The example that a mistake shows is right in its place: pasted there, it makes that mistake go away."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from storefront.core.config import ConfigError, Mistake, PluginSchema, load_config
from storefront.plugins import installed_plugins, plugin_schema

SHOP = """
shop: {name: X}
mode: sandbox
data: data
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {dust: {title: Dust}}
entitlements: {lounge: {title: Lounge}}
meters: {calls: {event_type: call, aggregation: count}}
offers:
  dust-100: {kind: currency_pack, title: Dust, contents: {dust: 100}, prices: {USD: 99}}
  potion: {kind: item, type: consumable, title: Potion, prices: {dust: 5}}
  sword: {kind: item, type: durable, title: Sword, prices: {dust: 5}}
  chest: {kind: container, title: Chest, prices: {dust: 3}, drops: [{weight: 1, gives: {potion: 1}}]}
"""
LATE = "2027-01-01T09:00:00+01:00"
# What is broken, the mistake's place, and the example that is shown for it.
BROKEN: list[tuple[str, str, Any]] = [
    ("usage.api", {"meter": "calls", "mode": "prepaid", "asset": "USD", "model": "volume", "price": 0.05},
     {"tiers": [{"up_to": 1000, "price": "0.05"}, {"price": "0.02"}]}),
    ("offers.dust-100.sales", [{"percent": 1, "from": LATE, "until": "2026-12-08T09:00:00+01:00"}],
     {"until": "2036-12-08T09:00:00+01:00"}),
    ("promo_codes", {"WINTER": {"percent": 10, "countries": ["XX"]}}, {"countries": ["DE"]}),
    ("offers.chest.drops", [{"weight": 1, "gives": {"salt-key": 1}}], {"gives": {"potion": 2}}),
    ("offers.chest.drops", [{"weight": 1, "gives": {"sword": 1}}], {"instead": {"dust": 20}}),
    ("offers.sword.grants", ["longe"], {"grants": ["lounge"]}),
    ("offers.sword.prices", {"gems": 5}, {"prices": {"USD": 499, "EUR": 499}}),
    ("offers.dust-100.contents", {"gems": 500}, {"contents": {"dust": 500}}),
    ("offers.kit", {"kind": "bundle", "title": "Kit", "prices": {"dust": 5}, "contents": [{"sku": "gems-500"}]},
     {"sku": "potion"}),
    ("offers.kit", {"kind": "bundle", "title": "Kit", "prices": {"dust": 5}, "contents": [{"sku": "kit"}]},
     {"sku": "potion"}),
    ("usage.api", {"meter": "cals", "mode": "prepaid", "asset": "dust", "model": "per_unit", "price": "1"},
     {"meter": "calls"}),
    ("promo_codes.SALE", {"percent": 10, "offers": ["poton"]}, {"offers": ["potion"]}),
    ("experiments.e",
     {"offer": "swrd", "variants": {"control": {"weight": 1}, "b": {"weight": 1, "prices": {"dust": 4}}}},
     {"offer": "sword"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def ours() -> Mapping[str, PluginSchema]:
    """The plugins as they are, with their own checks."""
    return {name: plugin_schema(point.load()) for name, point in installed_plugins().items()}


def check(folder: Path, document: Mapping[str, Any], plugins: Mapping[str, PluginSchema]) -> list[Mistake]:
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    try:
        load_config(path, environ={}, plugins=plugins)
    except ConfigError as error:
        return list(error.mistakes)
    return []


def broken(place: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SHOP)
    *way, last = place.split(".")
    inside = document
    for step in way:
        inside = inside.setdefault(step, {})
    inside[last] = value
    return document


def test_the_shop_that_is_broken_here_is_whole(tmp_path, ours):
    assert check(tmp_path, yaml.safe_load(SHOP), ours) == []


@pytest.mark.parametrize(("place", "value", "example"), BROKEN, ids=lambda one: one if isinstance(one, str) else "")
def test_an_example_speaks_of_what_this_shop_has(tmp_path, ours, place, value, example):
    mistakes = check(tmp_path, broken(place, value), ours)
    shown = [yaml.safe_load(mistake.example) for mistake in mistakes if mistake.example]
    assert example in shown, [str(mistake) for mistake in mistakes]


def test_an_example_pasted_into_its_place_mends_it(tmp_path, ours):
    document = broken("offers.chest.drops", [{"weight": 1, "gives": {"salt-key": 1}}])
    (mistake,) = check(tmp_path, document, ours)
    assert mistake.path == "offers.chest.drops[0].gives.salt-key"

    document["offers"]["chest"]["drops"][0] |= yaml.safe_load(mistake.example)

    assert check(tmp_path, document, ours) == []


def test_where_no_example_would_be_right_none_is_shown(tmp_path, ours):
    document = broken(
        "usage.api", {"meter": "none", "mode": "prepaid", "asset": "dust", "model": "per_unit", "price": "1"}
    )
    del document["meters"]
    (mistake,) = check(tmp_path, document, ours)
    assert (mistake.path, mistake.example) == ("usage.api.meter", None)


def test_an_offer_without_a_sale_is_no_example_of_a_sale(tmp_path, ours):
    document = broken("offers.dust-100.sales", [{"percent": 25, "from": LATE, "until": "2027-02-01T09:00:00+01:00"}])
    document["offers"]["dust-100"]["prices"] = {"USD": 50}
    (mistake,) = check(tmp_path, document, ours)
    assert (mistake.path, mistake.example) == ("offers.dust-100.sales[0].percent", None)


@pytest.mark.parametrize(("prices", "says"), [
    ({"USD": 500}, "dust-100 has a price in USD in CA, US alone, and the bundle is sold everywhere"),
    ([{"currency": "EUR", "amount": 500}, {"currency": "USD", "amount": 500, "countries": ["US", "DE", "AT"]}],
     "dust-100 has no price in USD in AT, DE, where the bundle is sold"),
    ([{"currency": "EUR", "amount": 500}, {"currency": "USD", "amount": 500, "countries": ["US"]}], None),
    ({"GBP": 500}, "dust-100 has no price in GBP, in which the bundle is sold"),
])  # fmt: skip
def test_a_bundle_names_the_countries_where_what_is_in_it_has_no_price(tmp_path, ours, prices, says):
    document = broken("offers.kit", {"kind": "bundle", "title": "Kit", "prices": prices, "contents": [
        {"sku": "dust-100"}]})  # fmt: skip
    document["offers"]["dust-100"]["prices"] = [
        {"currency": "EUR", "amount": 99}, {"currency": "USD", "amount": 99, "countries": ["US", "CA"]}
    ]  # fmt: skip
    found = [mistake.message.partition(":")[0] for mistake in check(tmp_path, document, ours)]
    assert found == ([] if says is None else [says])


def test_a_file_with_very_many_mistakes_is_answered(tmp_path, ours):
    offers = {f"sword-{number}": {"kind": "item", "type": "durable", "title": "Sword", "prices": {"gemz": 1}}
              for number in range(150)}  # fmt: skip
    mistakes = check(tmp_path, broken("offers", offers), ours)
    assert len(mistakes) == 150
    assert mistakes[0].example
