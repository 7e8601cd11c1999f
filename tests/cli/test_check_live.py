"""``storefront check --against-live``: what a YAML edit changes of what is on sale, and whom that concerns."""

import json
from pathlib import Path

import pytest

from storefront.testing import TINY_SHOP, running_shop

from .conftest import storefront

EDITS = {
    "prices: {USD: 499, EUR: 479}": "prices: {USD: 599, EUR: 479}",
    "limits: [{per: customer, count: 5, window: day}]": "limits: [{per: customer, count: 3, window: day}]",
    "contents: {gems: 1200}": "contents: {gems: 1250}",
}
NEW = "  cloak: {kind: item, type: durable, title: Cloak, prices: {gems: 80}}\n"


@pytest.fixture
def edited(config: Path) -> Path:
    """The tiny shop's YAML after an edit: prices, a limit, contents; one offer new, one gone."""
    lines = [line for line in TINY_SHOP.splitlines(keepends=True) if not line.startswith("  potion:")]
    text = "".join(lines)
    for before, after in EDITS.items():
        assert before in text
        text = text.replace(before, after)
    config.write_text(text + NEW)
    return config


def check(config: Path, data: Path, *flags: str):
    return storefront("check", config, "--data", data, "--against-live", *flags)


@pytest.fixture
async def sold(tmp_path: Path) -> Path:
    """The data folder of a tiny shop that has sold potions and has an open purchase of gems."""
    async with running_shop(tmp_path) as shop:
        await shop.bought("gems-500")
        await shop.bought("potion", quantity=2)
        await shop.buy("gems-500", customer="bob")
    return tmp_path / "data"


def by_name(told):
    return {one["name"]: one for one in json.loads(told.stdout)["against_live"]["changes"]}


async def test_every_change_is_told_with_its_percent_and_whom_it_concerns(sold, edited):
    told = check(edited, sold, "--json")
    changes = by_name(told)

    assert told.returncode == 0
    assert {name: one["change"] for name, one in changes.items()} == {
        "gems-500": "changed", "gems-1200": "changed", "key": "changed", "cloak": "added", "potion": "removed",
    }  # fmt: skip
    assert changes["gems-500"]["differences"] == [
        {"what": "price USD", "before": "4.99 USD", "after": "5.99 USD", "percent": "+20.0"}
    ]
    assert changes["key"]["differences"] == [
        {"what": "limit per customer and day", "before": "5", "after": "3", "percent": None}
    ]
    assert changes["gems-1200"]["differences"][0]["what"] == "contents"
    assert (changes["gems-500"]["open_purchases"], changes["potion"]["owners"]) == (1, 1)
    assert changes["cloak"]["differences"][0]["after"] == "80 gems"


async def test_it_reads_for_people(sold, edited):
    told = check(edited, sold)

    assert "price USD: 4.99 USD → 5.99 USD (+20.0 %)" in told.stdout
    assert "1 open purchase keeps its price and goods" in told.stdout
    assert "1 customer owns it, and will" in told.stdout
    assert "1 added, 3 changed, 1 removed. Only compared: nothing was written." in told.stdout


async def test_the_exit_code_tells_changes_from_none_and_from_mistakes(sold, edited):
    assert check(edited, sold, "--exit-code").returncode == 2
    edited.write_text(TINY_SHOP)
    same = check(edited, sold, "--exit-code")
    assert (same.returncode, "would stay as it is" in same.stdout) == (0, True)
    edited.write_text(TINY_SHOP.replace("USD: 499", "USD: nine"))
    assert check(edited, sold, "--exit-code").returncode == 1
    assert check(edited, sold).returncode == 2


def test_without_a_database_all_is_new_and_none_is_made(tmp_path, config):
    told = check(config, tmp_path / "nothing", "--json")

    assert {one["change"] for one in by_name(told).values()} == {"added"}
    assert not (tmp_path / "nothing").exists()


async def test_beside_a_running_server_it_tells_and_changes_nothing(tmp_path, edited):
    folder = tmp_path / "running"
    folder.mkdir()
    async with running_shop(folder) as shop:
        before = shop.rows()
        told = check(edited, folder / "data", "--json")
        assert by_name(told)["potion"]["change"] == "removed"
        assert shop.rows() == before


async def test_countries_sales_and_order_are_compared_too(sold, config):
    lines = TINY_SHOP.replace(
        "prices: {gems: 120}",
        "prices: [{amount: 120, currency: gems}, {amount: 90, currency: gems, countries: [BR, IN]}], "
        "sales: [{percent: 10, from: 2030-01-01T00:00:00Z, until: 2030-01-02T00:00:00Z}]",
    )
    config.write_text(lines)
    differences = by_name(check(config, sold, "--json"))["sword"]["differences"]

    assert [(one["what"], one["before"], one["after"]) for one in differences] == [
        ("price gems for BR, IN", None, "90 gems"),
        ("sale 2030-01-01 00:00 until 2030-01-02 00:00", None, "10 % off"),
    ]
    head, _, offers = TINY_SHOP.partition("offers:\n")
    first, second, *rest = offers.splitlines(keepends=True)
    config.write_text(head + "offers:\n" + second + first + "".join(rest))
    assert by_name(check(config, sold, "--json"))["shelves"]["about"] == "order"


BESIDE = [
    ("promo_codes: {NEW: {percent: 90}}", ("promo code", "new")),
    (
        "experiments: {cheap: {offer: sword, variants: {control: {weight: 1}, half: {weight: 1, prices: {gems: 60}}}}}",
        ("experiment", "cheap"),
    ),
    ("referrals: {reward: {referrer: {gems: 100}}, when: first_purchase}", ("referrals", "shop")),
]


@pytest.mark.parametrize(("section", "told"), BESIDE)
async def test_what_is_sold_beside_offers_is_compared_too(sold, config, section, told):
    config.write_text(f"{TINY_SHOP}\n{section}\n")
    answer = check(config, sold, "--json", "--exit-code")
    found = json.loads(answer.stdout)["against_live"]
    assert [(one["about"], one["change"]) for one in found["changes"]] == [(told[0], "added")], found
    assert answer.returncode == 2


async def test_another_title_is_a_change_and_another_catalog_version_is_never_called_none(sold, config):
    config.write_text(TINY_SHOP.replace("title: May wield the sword", "title: May swing the sword"))
    answer = check(config, sold, "--json", "--exit-code")
    found = json.loads(answer.stdout)["against_live"]
    assert found["catalog"]["live"] != found["catalog"]["wanted"]
    assert (found["changed"], answer.returncode) == (True, 2)
    assert by_name(answer)["shop"]["about"] == "texts"


async def test_it_says_what_it_cannot_compare(sold, config):
    config.write_text(TINY_SHOP)
    assert "Sections beside the catalog" in check(config, sold).stdout


CHEST = """
  coffer: {kind: container, title: Coffer, prices: {gems: 60}, drops: [
            {weight: 60, gives: {key: 3}}, {weight: 39, gives: {gems: 30}},
            {weight: 1, gives: {sword: 1}, instead: {gems: 200}}], guaranteed: [{gives: {gems: 5}}]}
  crate: {kind: bundle, title: Crate, prices: {gems: 99}, contents: [{sku: key, quantity: 2}]}
  early: {kind: item, type: durable, title: Early, prices: {gems: 5}, grants: [chapters],
          available: {from: 2030-11-01T00:00:00Z}, metadata: {campaign: winter},
          delivery: {on_purchase: [{to: realm, command: "give {player} early"}]}}
meters: {calls: {event_type: call, aggregation: count, filters: {region: [eu, us]}}}
usage: {api: {meter: calls, mode: prepaid, asset: gems, model: per_unit, price: "0.05"}}
promo_codes: {SALE: {percent: 30, minimum: {USD: 500}, until: 2030-01-01T00:00:00Z}}
"""
REWORDED = {
    "{weight: 60, gives: {key: 3}}": "{weight: 59, gives: {key: 4}}",
    "{weight: 1, gives": "{weight: 2, gives",
    "guaranteed: [{gives: {gems: 5}}]": "guaranteed: [{gives: {gems: 6, key: 1}}]",
    "[{sku: key, quantity: 2}]": "[{sku: key, quantity: 3}, {sku: potion, worth: {gems: 9}}]",
    "{gems: 5}, grants: [chapters]": "{gems: 5}, grants: {sword: true, chapters: 2}",
    "from: 2030-11-01T00:00:00Z": "from: 2030-12-01T00:00:00Z, until: 2031-01-01T12:30:00+01:00",
    "campaign: winter": "campaign: spring",
    "give {player} early": "grant {player} early",
    "region: [eu, us]": "region: [eu]",
    'price: "0.05"': 'price: "0.075"',
    "minimum: {USD: 500}": "minimum: {USD: 700}",
    "until: 2030-01-01T00": "until: 2030-02-01T00",
    "title: Early": "title: {en: Early bird, de: Frühaufsteher}",
}
SAID = """
drops gives 4 × key: weight 59 of 100 (59 %)
drops gives 1 × sword, instead 200 gems: weight 1 of 100 (1 %) → weight 2 of 100 (2 %)
drops gives 3 × key: weight 60 of 100 (60 %) → none
guaranteed: gives 5 gems → gives 6 gems, 1 × key
contents: 2 × key → 3 × key; 1 × potion, worth 9 gems
title: Early (en) → Early bird (en), Frühaufsteher (de)
grants: chapters → sword, chapters: 2
available: from 2030-11-01 00:00 UTC → from 2030-12-01 00:00 UTC until 2031-01-01 11:30 UTC
metadata: campaign: winter → campaign: spring
delivery on purchase: to realm, command: give {player} early → to realm, command: grant {player} early
until: 2030-01-01 00:00 UTC → 2030-02-01 00:00 UTC
minimum: 5.00 USD → 7.00 USD
filters region: eu, us → eu
price: 0.05 → 0.075
"""


async def test_tables_windows_rights_and_commands_are_told_in_words(tmp_path, config):
    async with running_shop(tmp_path, TINY_SHOP + CHEST):
        pass
    text = TINY_SHOP + CHEST
    for before, after in REWORDED.items():
        assert before in text
        text = text.replace(before, after)
    config.write_text(text)

    told = check(config, tmp_path / "data").stdout

    lines = [line.strip() for line in told.splitlines() if line.startswith("      ")]
    assert sorted(lines) == sorted(SAID.strip().splitlines())
    assert not set(told) & set('[]"')
