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
