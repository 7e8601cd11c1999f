"""What came of an experiment: counts, uplift and its interval, and what to be careful about."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from storefront.control.desk import Desk
from storefront.control.server import control_socket
from storefront.core.audit import verify_file
from storefront.core.config import ConfigError
from storefront.plugins import load
from storefront.testing import running_shop
from tests.cli.conftest import storefront

from .conftest import EXPERIMENT_SHOP, fund, price

PATH = "/v1/experiments/cheap-sword"
OTHER = "  other: {offer: sword, variants: {control: {weight: 1}, b: {weight: 1, prices: {gems: 2}}}}\n"
SWAP = "CASE variant WHEN 'cheap' THEN 'control' ELSE 'cheap' END"
PLANTS = {
    "a variant that never was": ("X1", "UPDATE experiment_exposures SET variant = 'none'", "there is no variant none"),
    "another variant than the first": ("X1", f"UPDATE experiment_exposures SET variant = {SWAP}", "the claim says"),
    "a purchase in another variant": ("X2", f"UPDATE experiment_purchases SET variant = {SWAP}", "its buyer is in"),
    "a purchase of another offer": ("X2", "UPDATE experiment_variants SET sku = 'potion'", "it is of sword, not of"),
    "another price": ("X2", "UPDATE experiment_variants SET prices = '{\"gems\":98}'", "each, not 98"),
    "nobody's purchase": (
        "X2",
        "UPDATE experiment_purchases SET customer_id = 'cus_none'",
        "there is no such purchase",
    ),
}


async def shown(shop):
    answer = await shop.bearing("ak_sandbox_demo").get(PATH)
    assert answer.status == 200, answer
    return {one["name"]: one for one in answer.json["variants"]}, answer.json


async def test_exposures_conversions_and_revenue_are_counted_and_refunds_too(shop):
    names = [f"ada-{number}" for number in range(16)]
    await fund(shop, *names)
    sides = {99: [], 120: []}
    for name in names:
        sides[await price(shop, name)].append(name)
    cheap, control = sides[99], sides[120]
    assert min(len(cheap), len(control)) >= 3
    bought = [await shop.bought("sword", customer=name, currency="gems") for name in cheap[:3] + control[:1]]
    await shop.bought("sword", customer=cheap[0], currency="gems")
    path = f"/v1/purchases/{bought[2]['id']}/refunds"
    assert (await shop.as_server().post(path, {"reason": "no"}, key="r")).status == 201

    variants, report = await shown(shop)

    assert [one["name"] for one in report["variants"]] == ["control", "cheap"]
    told = variants["cheap"]
    assert (told["exposed"], told["converted"], told["purchases"], told["refunded"]) == (len(cheap), 3, 4, 1)
    assert told["revenue"] == [
        {"currency": "gems", "total": 297, "per_exposed": 297 / len(cheap), "uplift": told["revenue"][0]["uplift"]}
    ]
    assert variants["control"]["revenue"][0]["total"] == 120
    assert variants["control"]["uplift"] is None
    difference = 3 / len(cheap) - 1 / len(control)
    assert told["uplift"]["estimate"] == pytest.approx(difference)
    assert told["uplift"]["low"] < difference < told["uplift"]["high"]
    assert told["relative_uplift"] == pytest.approx(difference * len(control))
    assert "looks again and again" in report["warnings"][0]
    assert any("Too few to judge by: cheap, control" in one for one in report["warnings"])


async def test_shares_that_do_not_fit_the_weights_are_warned_of(shop, data_folder):
    await asyncio.gather(*(price(shop, f"ada-{number}") for number in range(40)))
    (data_folder / "shop.yaml").write_text(EXPERIMENT_SHOP.replace("cheap: {weight: 50,", "cheap: {weight: 5000,"))
    await shop.restart()
    _, report = await shown(shop)
    assert report["mismatch"] < 0.001
    assert any("do not trust the rest" in one for one in report["warnings"])


async def test_the_shell_shows_experiments(shop, data_folder):
    await price(shop, "ada")
    host = shop.parts.host
    async with control_socket(Desk(shop.parts, url=shop.url, read=lambda: host)):

        def ask(*arguments):
            return storefront(
                "experiments", *arguments, "--config", data_folder / "shop.yaml", DATA=str(data_folder / "data")
            )

        plain = await asyncio.to_thread(ask)
        one = await asyncio.to_thread(ask, "cheap-sword", "--json")
        unknown = await asyncio.to_thread(ask, "other")
    assert "cheap-sword (sword, running)" in plain.stdout
    assert sum(variant["exposed"] for variant in json.loads(one.stdout)["variants"]) == 1
    assert (unknown.returncode, "no such experiment" in unknown.stderr) == (1, True)


async def test_the_audit_sees_each_lie_that_is_planted(tmp_path):
    async with running_shop(tmp_path, EXPERIMENT_SHOP) as shop:
        await fund(shop, "ada")
        await shop.bought("sword", customer="ada", currency="gems")
        path = shop.database.path
    seen = {}
    for name, (check, statement, says) in PLANTS.items():
        copy = Path(shutil.copy(path, tmp_path / "copy.sqlite"))
        connection = sqlite3.connect(copy, isolation_level=None)
        connection.execute(f"DROP TRIGGER {statement.split()[1]}_no_update")
        assert connection.execute(statement).rowcount >= 1
        connection.close()
        report = await verify_file(copy, deep=True)
        seen[name] = any(one.check == check and says in one.message for one in report.violations)
    assert seen == dict.fromkeys(PLANTS, True)


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        ("      control: {weight: 50}\n", "      other: {weight: 1, prices: {gems: 1}}\n", "variants",
         "must have the variant `control`"),
        ("control: {weight: 50}", "control: {weight: 50, prices: {gems: 1}}", "variants.control.prices",
         "must be absent"),
        ("prices: {gems: 99}}", "prices: {EUR: 99}}", "variants.cheap.prices.EUR", "the offer has no price in EUR"),
        ("offer: sword", "offer: sward", "offer", "did you mean sword?"),
        ("    offer: sword\n", "    offer: sword\n    from: 2027-01-02T00:00:00Z\n    until: 2027-01-02T00:00:00Z\n",
         "until", "must be later than `from`"),
        ("cheap: {weight: 50, prices: {gems: 99}}", "cheap: {weight: 50}", "variants.cheap", "must have `prices`"),
        ("  cheap-sword:\n", f"{OTHER}  cheap-sword:\n", "offer", "is in the experiment other at the same time"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_shown_at_its_place(tmp_path, old, new, path, says):
    assert old in EXPERIMENT_SHOP
    (tmp_path / "shop.yaml").write_text(EXPERIMENT_SHOP.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "shop.yaml", {"DATA": str(tmp_path)})
    found = [str(one) for one in caught.value.mistakes]
    assert any(f"experiments.cheap-sword.{path}: " in one and says in one for one in found), found
