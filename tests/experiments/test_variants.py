"""Who is in which variant: by the weights, one price everywhere, and for ever."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from storefront.core.config.model_experiments import Experiment, Variant
from storefront.core.experimenting import ExperimentChanged, assign
from storefront.testing import running_shop

from .conftest import EXPERIMENT_SHOP, fund, price, rewrite, with_weights

NAMES = [f"ada-{number}" for number in range(12)]


def experiment(name="try", percent=100, **weights):
    return Experiment(name, "sword", {one: Variant(weight, {}) for one, weight in weights.items()}, percent)


def test_the_shares_of_variants_are_those_of_their_weights():
    counts = Counter(assign(experiment(control=50, cheap=30, dear=20), f"cus_{number}") for number in range(20_000))
    # Four standard deviations: 4 × √(20000 × p × (1 − p)).
    assert abs(counts["control"] - 10_000) < 283
    assert abs(counts["cheap"] - 6_000) < 260
    assert abs(counts["dear"] - 4_000) < 227


def test_two_experiments_divide_customers_independently_of_each_other():
    one, two = experiment("one", control=1, other=1), experiment("two", control=1, other=1)
    pairs = Counter((assign(one, f"cus_{number}"), assign(two, f"cus_{number}")) for number in range(10_000))
    assert all(abs(count - 2_500) < 174 for count in pairs.values())
    assert len(pairs) == 4


def test_a_part_of_the_customers_takes_part():
    taking = sum(assign(experiment(percent=20, control=1, other=1), f"cus_{n}") is not None for n in range(10_000))
    assert abs(taking - 2_000) < 160
    assert assign(experiment(control=1, other=0), "cus_1") == "control"


async def test_catalog_quote_and_purchase_show_one_price_and_the_purchase_remembers_its_variant(shop):
    await fund(shop, *NAMES)
    shown = {name: await price(shop, name) for name in NAMES}
    assert set(shown.values()) == {99, 120}

    for name in NAMES:
        quote = await shop.as_customer(name).post("/v1/quotes", {"sku": "sword", "currency": "gems"})
        assert quote.json["total"]["amount"] == shown[name]
        bought = await shop.buy("sword", customer=name, currency="gems",
                                expected_price={"amount": shown[name], "currency": "gems"})  # fmt: skip
        assert (bought.status, bought.json["total"]["amount"]) == (201, shown[name])
        [row] = shop.query("SELECT experiment, variant FROM experiment_purchases WHERE purchase_id = ?",
                           bought.json["id"])  # fmt: skip
        assert row == {"experiment": "cheap-sword", "variant": "cheap" if shown[name] == 99 else "control"}
    assert len(shop.query("SELECT id FROM events WHERE type = 'experiment.exposed'")) == len(NAMES)


async def test_a_purchase_by_card_is_in_its_variant_too(shop):
    bought = await shop.bought("sword", customer="ada", currency="USD")
    assert bought["total"]["amount"] == 299
    assert len(shop.query("SELECT variant FROM experiment_purchases")) == 1


async def test_strangers_see_the_control_and_are_not_counted(shop):
    answer = await shop.as_nobody().get("/v1/catalog")
    [sword] = [offer for offer in answer.json["offers"] if offer["sku"] == "sword"]
    assert sword["prices"][0]["amount"] == 120
    assert shop.query("SELECT * FROM experiment_exposures") == []


async def test_a_catalog_that_was_seen_is_known_again_and_looking_writes_nothing_more(shop):
    first = await shop.as_customer().get("/v1/catalog")
    before = shop.rows()
    again = await shop.as_customer().get("/v1/catalog", **{"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    for _ in range(5):
        await price(shop, "ada")
    assert shop.rows() == before
    assert (await shop.as_nobody().get("/v1/catalog")).headers["ETag"] != first.headers["ETag"]


async def test_other_weights_and_a_restart_move_nobody_who_has_seen_a_price(shop, data_folder):
    await fund(shop, *NAMES)
    shown = {name: await price(shop, name) for name in NAMES}
    for weights in ((100, 0), (0, 100), (1, 99)):
        await rewrite(shop, data_folder, with_weights(*weights))
        assert {name: await price(shop, name) for name in NAMES} == shown
    for name in NAMES:
        assert (await shop.buy("sword", customer=name, currency="gems")).json["total"]["amount"] == shown[name]
    await rewrite(shop, data_folder, with_weights(0, 100))
    assert {await price(shop, f"new-{number}") for number in range(8)} == {99}


async def test_customers_who_look_and_buy_at_once_are_in_one_variant(shop):
    await fund(shop, *NAMES[:4])
    for name in NAMES[:4]:
        await shop.session(name)
        answers = await asyncio.gather(
            *(price(shop, name) for _ in range(16)),
            *(shop.buy("sword", customer=name, currency="gems") for _ in range(4)),
        )
        paid = {answer.json["total"]["amount"] for answer in answers[16:]}
        assert set(answers[:16]) == paid
        assert len(paid) == 1
    assert len(shop.query("SELECT * FROM experiment_exposures")) == 4


async def test_when_an_experiment_is_over_everybody_pays_the_normal_price(data_folder, database_url):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    timed = EXPERIMENT_SHOP.replace("    offer: sword\n", f"    offer: sword\n    until: {until}\n")
    async with running_shop(data_folder, timed, database=database_url) as shop:
        assert {await price(shop, name) for name in NAMES} == {99, 120}
        await shop.advance("61m")
        assert {await price(shop, name) for name in NAMES} == {120}


async def test_a_purchase_without_experiment_writes_nothing_about_any(shop):
    await fund(shop, "ada")
    await shop.bought("potion", customer="ada")
    assert shop.query("SELECT * FROM experiment_exposures") == shop.query("SELECT * FROM experiment_purchases") == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cheap: {weight", "cheaper: {weight", "had a variant cheap, which is renamed or gone"),
        ("prices: {gems: 99}}", "prices: {gems: 98}}", "variant cheap of cheap-sword had other prices"),
        ("offer: sword", "offer: potion", "was about sword"),
    ],
)
async def test_an_experiment_is_not_changed_into_another_one(shop, data_folder, old, new, says):
    seen = await price(shop, "ada")
    text = (data_folder / "shop.yaml").read_text()
    with pytest.raises(ExperimentChanged, match=says):
        await rewrite(shop, data_folder, text.replace(old, new))
    await shop.stop()
    await rewrite(shop, data_folder, text)
    assert await price(shop, "ada") == seen
