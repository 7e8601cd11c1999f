"""Refunds of one purchase under a rush: no unit goes back twice, and all parts sum up to what was paid."""

import asyncio
from collections import Counter

import pytest

from storefront.testing import running_shop

from .arena import ARENA

ROUNDS = 5
SACK = """
  sack: {kind: bundle, title: Sack, prices: {USD: 1002}, contents: [
          {sku: charm, quantity: 3, worth: {USD: 100}}, {sku: lantern, worth: {USD: 100}}, {sku: chest}]}
  amulet: {kind: item, type: consumable, title: Amulet, prices: {USD: 333}}
promo_codes:
"""


@pytest.fixture
async def arena(data_folder, database_url):
    """The arena, where bundles and items are sold for money; its books are audited when the race is over."""
    async with running_shop(data_folder, ARENA.replace("promo_codes:\n", SACK), database=database_url) as shop:
        yield shop


async def refund(arena, purchase, key, **what):
    path = f"/v1/purchases/{purchase['id']}/refunds"
    return await arena.as_server().post(
        path, {"reason": "a race", "strategy": "floor", **what}, key=f"{purchase['id']}-{key}"
    )


async def test_a_line_of_a_bundle_paid_by_card_goes_back_once_by_8_at_once(arena):
    for turn in range(ROUNDS):
        sack = await arena.bought("sack", customer=f"ada-{turn}")
        asked = [{"sku": "charm", "quantity": 2}], [{"sku": "lantern"}]

        answers = await asyncio.gather(*(refund(arena, sack, n, lines=asked[n % 2]) for n in range(8)))

        assert Counter(answer.status for answer in answers) == {201: 2, 409: 6}
        assert {answer.json["code"] for answer in answers if answer.status == 409} == {"refund_too_large"}
        items = (await arena.as_customer(f"ada-{turn}").get("/v1/me")).json["items"]
        assert sorted((item["sku"], item["quantity"]) for item in items) == [("charm", 1), ("chest", 1)]


async def test_units_refunded_one_by_one_at_once_give_back_the_whole_price(arena):
    """Three charms cost 1.60 USD in it, which no third is: each refund is decided by those that were before it."""
    for turn in range(ROUNDS):
        sack = await arena.bought("sack", customer=f"ada-{turn}")
        one_each = [[{"sku": "charm"}]] * 3 + [[{"sku": "lantern"}], [{"sku": "chest"}]]

        answers = await asyncio.gather(*(refund(arena, sack, n, lines=lines) for n, lines in enumerate(one_each)))

        assert [answer.status for answer in answers] == [201] * 5
        assert sum(answer.json["amount"]["amount"] for answer in answers) == 1002
        assert (await arena.seen(sack))["refunded"] == "full"


async def test_units_with_an_amount_of_their_own_go_back_once_by_8_at_once(arena):
    for turn in range(ROUNDS):
        amulets = await arena.bought("amulet", customer=f"ada-{turn}", quantity=3)

        answers = await asyncio.gather(*(refund(arena, amulets, n, quantity=2, amount=10) for n in range(8)))

        assert Counter(answer.status for answer in answers) == {201: 1, 409: 7}
        (item,) = (await arena.as_customer(f"ada-{turn}").get("/v1/me")).json["items"]
        assert item["quantity"] == 1


async def test_one_key_sent_8_times_at_once_refunds_once_and_is_refused_by_nobody(arena):
    """Who asks the gateway while another does may be told that it did not say, and asks again under the same key."""
    for turn in range(ROUNDS):
        sack = await arena.bought("sack", customer=f"ada-{turn}")

        answers = await asyncio.gather(*(refund(arena, sack, "same", lines=[{"sku": "chest"}]) for _ in range(8)))
        answers.append(await refund(arena, sack, "same", lines=[{"sku": "chest"}]))

        assert {answer.status for answer in answers} <= {201, 503}
        assert {answer.json["code"] for answer in answers if answer.status == 503} <= {"gateway_unavailable"}
        assert answers[-1].status == 201
        assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 1
    assert len((await arena.sandbox.books())["refunds"]) == ROUNDS
