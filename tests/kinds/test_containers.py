"""Containers through the front door: odds, commitment, opening once, what comes out, what a stranger can verify."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from storefront_microtransactions.chi_square import p_value

from .conftest import items_of, open_one

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_draw.py"
CONTAINERS = "/v1/microtransactions/containers"


def stranger_says(opening, *more):
    """Run the script as a stranger would: a file, no Storefront to import."""
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), "/dev/stdin", *more], input=json.dumps(opening),
                          capture_output=True, text=True, check=False)  # fmt: skip
    return done.returncode, done.stdout.strip()


async def test_the_odds_are_the_same_in_the_catalog_and_at_their_own_address(shop):
    odds = (await shop.as_nobody().get(f"{CONTAINERS}/chest/odds")).json
    catalog = (await shop.as_customer().get("/v1/catalog")).json
    chest = next(offer for offer in catalog["offers"] if offer["sku"] == "chest")

    assert [(one["chance"], one["percent"]) for one in odds["drops"]] == [("3/5", "60"), ("3/10", "30"), ("1/10", "10")]
    assert odds["guaranteed"] == [{"gives": {"dust": 1}, "instead": None}]
    assert odds["odds_version"] == catalog["version"]
    assert {name: odds[name] for name in chest["odds"]} == chest["odds"]
    assert (await shop.as_nobody().get(f"{CONTAINERS}/sword/odds")).status == 404


async def test_an_opening_reveals_the_seed_that_was_committed_to(shop):
    await shop.bought("gems-500")
    await shop.buy("chest", quantity=2)
    seen = (await shop.as_customer().get(f"{CONTAINERS}/chest/next")).json
    opened = await open_one(shop, "chest", key="o1", client_seed="lucky", odds_version=seen["odds_version"])
    after = (await shop.as_customer().get(f"{CONTAINERS}/chest/next")).json

    assert opened.status == 201, opened
    body = opened.json
    assert (seen["number"], body["number"], after["number"]) == (1, 1, 2)
    assert hashlib.sha256(bytes.fromhex(body["seed"])).hexdigest() == seen["commitment"] == body["commitment"]
    assert body["next"] == {"number": 2, "commitment": after["commitment"]}
    assert body["remaining"] == 1
    assert stranger_says(body, seen["commitment"]) == (0, "the draw is what its seed says")
    read = (await shop.as_customer().get(f"/v1/microtransactions/openings/{body['id']}")).json
    assert stranger_says(read) == (0, "the draw is what its seed says")


async def test_a_stranger_sees_a_draw_that_is_not_what_its_seed_says(shop):
    await shop.bought("gems-500")
    await shop.buy("chest")
    body = (await open_one(shop, "chest", key="o1")).json
    other = (body["drawn"][0]["drop"] + 1) % 3

    forged = {**body, "drawn": [{**body["drawn"][0], "drop": other}]}
    assert stranger_says(forged)[0] == 1
    assert stranger_says({**body, "seed": "00" * 32})[0] == 1
    assert stranger_says(body, "ab" * 32) == (1, "the commitment is not the one that you saw")


async def test_an_opening_happens_once_per_key_and_once_per_container(shop):
    await shop.bought("gems-500")
    await shop.buy("chest")
    first = await open_one(shop, "chest", key="o1")
    again = await open_one(shop, "chest", key="o1")
    none_left = await open_one(shop, "chest", key="o2")

    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.json == first.json
    assert (none_left.status, none_left.json["code"]) == (409, "not_enough_items")
    assert len(shop.query("SELECT id FROM microtransactions_openings")) == 1
    listed = (await shop.as_customer().get("/v1/microtransactions/openings")).json
    assert [one["id"] for one in listed["data"]] == [first.json["id"]]


async def test_what_comes_out_is_there(shop):
    await shop.bought("gems-500")
    await shop.buy("sure-chest", quantity=2)
    first = (await open_one(shop, "sure-chest", key="o1")).json
    await open_one(shop, "sure-chest", key="o2")

    assert first["gave"]["items"] == [{"sku": "lantern", "quantity": 2}, {"sku": "pass", "quantity": 1}]
    assert first["gave"]["credits"] == [{"asset": "gems", "amount": 40}]
    assert await items_of(shop) == {"lantern": [1, 2, 3, 4], "pass": 1}
    assert shop.balance("customer:ada:gems") == 500 - 40 + 80
    lounge = (await shop.as_customer().get("/v1/me")).json["entitlements"]["lounge"]
    assert (lounge["active"], lounge["source"]["type"]) == (True, "opening")


async def test_who_owns_a_sword_gets_what_comes_instead(shop):
    await shop.bought("gems-500")
    await shop.buy("sword-chest")
    opened = (await open_one(shop, "sword-chest", key="o1")).json

    assert opened["gave"]["items"] == [{"sku": "sword", "quantity": 1}]
    assert opened["gave"]["withheld"] == [{"sku": "sword", "quantity": 1}]
    assert opened["gave"]["credits"] == [{"asset": "gems", "amount": 7}]


async def test_nobody_sees_a_seed_before_it_is_used(shop):
    await shop.bought("gems-500")
    await shop.buy("chest")
    await shop.as_customer().get(f"{CONTAINERS}/chest/next")
    secret = shop.query("SELECT seed FROM microtransactions_seeds")[0]["seed"]
    answers = [
        await shop.as_customer().get(path)
        for path in (f"{CONTAINERS}/chest/next", f"{CONTAINERS}/chest/odds", "/v1/catalog", "/v1/me")
    ]
    answers.append(await shop.as_server().get("/v1/events"))
    assert not any(secret in json.dumps(answer.json) for answer in answers)


async def test_other_odds_than_were_shown_are_refused_and_a_container_is_not_used_up(shop):
    await shop.bought("gems-500")
    await shop.buy("chest")
    refused = await open_one(shop, "chest", key="o1", odds_version="cat_old")
    used = await shop.as_customer().post("/v1/microtransactions/inventory/chest/consume", {}, key="u1")
    assert (refused.status, refused.json["code"]) == (409, "odds_changed")
    assert (used.status, used.json["code"]) == (409, "not_consumable")
    assert (await open_one(shop, "chest", key="o2", customer="bob")).status in (404, 409)


async def test_300_openings_over_http_fit_the_odds_and_nothing_comes_three_times_in_a_row(shop):
    await shop.bought("gems-500")
    await shop.buy("fickle", quantity=30)
    results, bodies = [], []
    for number in range(30):
        opened = await open_one(shop, "fickle", key=f"o{number}", client_seed=f"c{number}")
        bodies.append(opened.json)
        results += [(one["drop"], one["left_out"]) for one in opened.json["drawn"]]

    drops = [drop for drop, _ in results]
    assert len(drops) == 300
    assert all(len(set(drops[at : at + 3])) > 1 for at in range(298))
    free = [drop for drop, left_out in results if left_out is None]
    assert p_value([free.count(0), free.count(1)], [9, 1]) > 1e-6
    assert all(stranger_says(body)[0] == 0 for body in bodies[::10])
