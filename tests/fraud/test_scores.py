"""The scores as a shop has them: learned from what is bought, told to rules, explained, and learned once."""

import asyncio
import base64
import json
import sqlite3
import zlib
from contextlib import closing

import pytest
from storefront_fraud.anomaly.world import World
from storefront_fraud.learning import learn
from storefront_fraud.metering import NEXT_PAIR
from storefront_fraud.scoring import Scorer

from storefront.testing import running_shop
from tests.metering.metered_shop import METERED, cloud_event

from .screened import decisions, is_neutral_refusal, matched, shop_with

RULES = """
{id: unusual, do: review, when: "anomaly.score > 0.35 && sku == 'potion'"}
{id: too-many, do: block, when: "quantity > 90"}
"""
CUSTOMERS, DAYS = 35, 9


@pytest.fixture
async def shop(data_folder, database_url):
    """A shop whose rules read the score, and whose customers have gems."""
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as running:
        yield running


async def give_gems(shop, *customers):
    for name in customers:
        body = {"customer": name, "asset": "gems", "amount": 5000, "reason": "for the test"}
        assert (await shop.as_server().post("/v1/grants", body, key=f"gems-{name}")).status == 201


async def play(shop, days=DAYS):
    """Let each of the customers buy one or two potions a day, from their own device."""
    names = [f"player-{number}" for number in range(CUSTOMERS)]
    await give_gems(shop, *names)
    for day in range(days):
        for number, name in enumerate(names):
            more = {"quantity": 1 + (number + day) % 2, "metadata": {"device": f"phone-{number}"}}
            assert (await shop.buy("potion", customer=name, **more)).status == 201
        await shop.advance("1d")


def status_of(shop, purchase):
    """Return what a purchase really is: its buyer is told that it is pending."""
    return shop.query("SELECT status FROM purchases WHERE id = ?", purchase.json["id"])[0]["status"]


def world_of(shop):
    (row,) = shop.query("SELECT world FROM fraud_shared")
    return World.of_text(zlib.decompress(base64.b85decode(row["world"])).decode())


async def test_what_is_unlike_a_customer_is_reviewed_and_the_operator_reads_why(shop):
    await play(shop)
    told = [one["attributes"].get("anomaly.score") for one in decisions(shop)]
    assert (set(told[:300]), None in told[300:]) == ({None}, True)  # nothing is said before enough is learned

    usual = await shop.buy("potion", customer="player-3", metadata={"device": "phone-3"})
    assert usual.status == 201
    assert decisions(shop)[-1]["attributes"]["anomaly.score"] < 0.3
    await give_gems(shop, "mule")
    strange = await shop.buy("potion", customer="player-4", quantity=60, metadata={"device": "emulator"})
    assert status_of(shop, strange) == "in_review"
    (told,) = (await shop.as_server().get(f"/v1/fraud/decisions/{strange.json['id']}")).json["decisions"]
    assert [one["rule"] for one in told["matches"]] == ["unusual"]
    assert told["anomaly"]["score"] == told["attributes"]["anomaly.score"] > 0.35
    assert told["anomaly"]["reasons"][0]["weight"] >= told["anomaly"]["reasons"][-1]["weight"] > 0
    assert all(len(one["says"]) > 10 for one in told["anomaly"]["reasons"])

    tested = (await shop.as_server().post("/v1/fraud/test", {"since": "30d"})).json
    assert tested["same"] == tested["decisions"]
    other = [{"id": "amounts", "do": "review", "when": "anomaly.amount > 0.3"}]
    found = (await shop.as_server().post("/v1/fraud/test", {"since": "30d", "rules": other})).json
    assert (found["rules"][0]["matched"], found["unknown"]) == (1, {"anomaly.amount": 315})


async def test_each_attempt_is_noted_once_and_learned_once_it_is_completed(shop):
    await play(shop, days=2)
    card = await shop.buy("chest", customer="player-1")
    assert is_neutral_refusal(await shop.buy("potion", customer="player-2", quantity=91))
    await shop.advance("1m")
    states = [(one["sku"], one["to_learn"]) for one in
              ({**one, "sku": one["attributes"]["sku"]} for one in decisions(shop)) if one["to_learn"]]  # fmt: skip
    assert states == [("chest", 2)]
    assert world_of(shop).learned == 2 * CUSTOMERS
    assert await shop.pay(card) == 303
    await shop.settled(card)
    await shop.advance("1m")
    assert [one["to_learn"] for one in decisions(shop) if one["to_learn"]] == []
    assert world_of(shop).learned == 2 * CUSTOMERS + 1
    (row,) = shop.query("SELECT p.profile FROM fraud_profiles p JOIN customers c ON c.id = p.customer_id "
                        "WHERE c.external_id = 'player-2'")  # fmt: skip
    learned, *_ = json.loads(row["profile"])
    assert learned == 2
    assert len(shop.query("SELECT customer_id FROM fraud_profiles")) == CUSTOMERS
    await shop.restart()
    assert (await shop.buy("potion", customer="player-1")).status == 201
    assert "unusual" not in matched(decisions(shop)[-1])


async def test_jobs_at_once_and_a_crash_between_learn_nothing_twice(shop, monkeypatch):
    monkeypatch.setattr("storefront_fraud.learning.AT_ONCE", 7)  # so that they take from each other
    services = shop.parts.services
    await give_gems(shop, "ada")
    for _ in range(30):
        assert (await shop.buy("potion", quantity=2)).status == 201
    await asyncio.gather(*(learn(services, Scorer(services), {}) for _ in range(8)))
    assert world_of(shop).learned == 30
    (row,) = shop.query("SELECT profile FROM fraud_profiles")
    assert json.loads(row["profile"])[0] == 30
    await shop.advance("1m")
    assert world_of(shop).learned == 30


METERED_RULES = METERED.replace(
    "plugins: {microtransactions: {}}",
    """plugins:
  microtransactions: {}
  fraud: {rules: [{id: unlike-itself, do: review, when: "meter.score > 0.9"}]}""",
)


async def test_usage_that_is_told_too_low_all_at_once_is_seen_when_something_is_bought(data_folder, database_url):
    async with running_shop(data_folder, METERED_RULES, database=database_url) as shop:
        await give_gems(shop, "ada", "bob")
        for day in range(30):
            events, now = [], shop.parts.services.clock.now()
            for hour in range(24):
                told = 40 + hour if day < 21 else 4 + hour // 10
                for customer, n in (("ada", told), ("bob", 40 + hour)):
                    events.append(cloud_event(f"{customer}-{day}-{hour}", "tiers", customer=customer,
                                              time=now - hour * 3_600_000, n=n))  # fmt: skip
            assert (await shop.as_server().post("/v1/usage", events)).status == 200
            await shop.advance("1d")
        honest, cheat = await shop.buy("potion", customer="bob"), await shop.buy("potion", customer="ada")
        assert (honest.status, status_of(shop, cheat)) == (201, "in_review"), (honest, cheat)
        (row,) = shop.query("SELECT m.reasons FROM fraud_meters m JOIN customers c ON c.id = m.customer_id "
                            "WHERE c.external_id = 'ada'")  # fmt: skip
        assert "less than expected by this customer's usual week" in row["reasons"]


async def test_who_is_metered_is_found_by_the_key_however_many_windows_there_are(tmp_path):
    async with running_shop(tmp_path, METERED_RULES) as shop:
        sql, constants = NEXT_PAIR.on_sqlite()
        asked = {**constants, "customer_id": "", "meter": ""}
        with closing(sqlite3.connect(f"file:{shop.database.name}?mode=ro", uri=True)) as file:
            plan = [row[-1] for row in file.execute(f"EXPLAIN QUERY PLAN {sql}", asked)]
    assert plan == ["SEARCH usage_windows USING PRIMARY KEY ((customer_id,meter)>(?,?))"]
