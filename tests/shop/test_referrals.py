"""Referrals: who may bring whom, what brings the reward, when it waits, and what becomes of it when money goes back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from storefront.testing import Answer, Shop, running_shop
from storefront.testing.tiny_shop import TINY_SHOP

REFERRALS = """
promo_codes:
  WELCOME: {percent: 20, bulk: true}
referrals:
  reward: {referrer: {gems: 100}, referred: WELCOME}
  minimum: {USD: 500}
  per_referrer: {count: 2, window: month}
  hold_back_days: DAYS
"""


@pytest.fixture
async def inviting(data_folder, database_url) -> AsyncIterator[Shop]:
    """A shop that rewards at once."""
    config = TINY_SHOP + REFERRALS.replace("DAYS", "0")
    async with running_shop(data_folder, config, database=database_url) as shop:
        yield shop


@pytest.fixture
async def patient(data_folder, database_url) -> AsyncIterator[Shop]:
    """A shop whose rewards wait for two days."""
    config = TINY_SHOP + REFERRALS.replace("DAYS", "2")
    async with running_shop(data_folder, config, database=database_url) as shop:
        yield shop


async def state(shop: Shop, customer: str) -> dict[str, Any]:
    answer = await shop.as_customer(customer).get("/v1/me/referral")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json
    return found


async def bring(shop: Shop, customer: str, by: str) -> Answer:
    code = (await state(shop, by))["code"]
    return await shop.as_customer(customer).post("/v1/me/referral", {"code": code})


def states(shop: Shop) -> list[str]:
    return [row["state"] for row in shop.query("SELECT state FROM referrals ORDER BY created_at")]


async def test_both_are_rewarded_once_the_new_customer_has_paid_enough(inviting):
    entered = await bring(inviting, "bob", "ada")
    assert (entered.status, entered.json["referred_by_code"], entered.json["rewards"]) == (200, True, [])
    await inviting.bought("gems-500", customer="bob")  # 4.99: too little
    await inviting.quiet()
    assert states(inviting) == ["waiting"]

    await inviting.bought("gems-1200", customer="bob")
    await inviting.bought("gems-1200", customer="bob")
    await inviting.quiet()

    assert inviting.balance("customer:ada:gems") == 100
    ada, bob = await state(inviting, "ada"), await state(inviting, "bob")
    assert (ada["referred"], ada["rewarded"]) == (1, 1)
    assert ada["referrals"][0]["rewards"] == [{"asset": "gems", "amount": 100}]
    code = bob["rewards"][0]["promo_code"]
    foreign = await inviting.buy("gems-500", customer="ada", promo_code=code)
    unknown = await inviting.buy("gems-500", customer="ada", promo_code="NEVERWAS")
    assert {**foreign.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert (await inviting.bought("gems-500", customer="bob", promo_code=code))["total"]["amount"] == 399


async def test_a_code_is_used_once_by_a_new_customer_and_never_in_a_circle(inviting):
    await inviting.bought("gems-500", customer="old")
    assert (await bring(inviting, "bob", "ada")).status == 200
    assert (await bring(inviting, "bob", "ada")).status == 200
    assert (await bring(inviting, "cleo", "bob")).status == 200

    refused = {
        "again": await bring(inviting, "bob", "cleo"),
        "own": await bring(inviting, "ada", "ada"),
        "old": await bring(inviting, "old", "ada"),
        "circle": await bring(inviting, "ada", "cleo"),
        "unknown": await inviting.as_customer("dora").post("/v1/me/referral", {"code": "NEVERWAS"}),
    }

    assert {name: (answer.status, answer.json["reason"]) for name, answer in refused.items()} == {
        "again": (409, "already"),
        "own": (409, "own"),
        "old": (409, "not_new"),
        "circle": (409, "circle"),
        "unknown": (409, "unknown"),
    }
    assert states(inviting) == ["waiting", "waiting"]


async def test_a_circle_that_is_closed_from_all_sides_at_once_stays_open(inviting):
    for turn in range(5):
        names = [f"{name}-{turn}" for name in ("ada", "bob", "cleo")]
        for name in names:
            await state(inviting, name)

        answers = await asyncio.gather(
            *(bring(inviting, names[place], names[place - 1]) for place in range(3) for _ in range(4))
        )

        reasons = {answer.json.get("reason") for answer in answers if answer.status == 409}
        assert reasons <= {"circle"}
        assert len(states(inviting)) == 2 * (turn + 1)


async def test_a_referrer_is_rewarded_as_often_as_the_shop_says(inviting):
    for name in ("bob", "cleo", "dora"):
        await bring(inviting, name, "ada")
    pending = [await inviting.buy("gems-1200", customer=name) for name in ("bob", "cleo", "dora")]
    await asyncio.gather(*(inviting.pay(one) for one in pending))
    for one in pending:
        await inviting.settled(one)
    await inviting.quiet()

    assert inviting.balance("customer:ada:gems") == 200
    assert states(inviting) == ["rewarded"] * 3
    assert all([(await state(inviting, name))["rewards"] for name in ("bob", "cleo", "dora")])


async def test_rewards_wait_and_are_canceled_by_a_refund(patient):
    await bring(patient, "bob", "ada")
    kept = await patient.bought("gems-1200", customer="bob")
    await bring(patient, "cleo", "ada")
    returned = await patient.bought("gems-1200", customer="cleo")
    await patient.advance("1d")
    await patient.quiet()
    assert states(patient) == ["qualified", "qualified"]
    await patient.as_server().post(f"/v1/purchases/{returned['id']}/refunds", {"reason": "x"}, key="r")

    await patient.advance("1d")
    await patient.quiet()

    assert states(patient) == ["rewarded", "canceled"]
    assert patient.balance("customer:ada:gems") == 100
    told = patient.query("SELECT type FROM events WHERE type LIKE 'referral.%' ORDER BY occurred_at, type")
    assert [one["type"] for one in told].count("referral.rewarded") == 1
    assert kept["status"] == "completed"


async def test_a_later_refund_takes_back_what_is_unspent_and_writes_the_rest_off(inviting):
    await bring(inviting, "bob", "ada")
    purchase = await inviting.bought("gems-1200", customer="bob")
    await inviting.quiet()
    code = (await state(inviting, "bob"))["rewards"][0]["promo_code"]
    await inviting.bought("key", customer="ada")  # 40 of the 100 gems are gone

    await inviting.as_server().post(f"/v1/purchases/{purchase['id']}/refunds", {"reason": "x"}, key="r")
    await inviting.quiet()

    assert states(inviting) == ["clawed_back"]
    assert inviting.balance("customer:ada:gems") == 0
    refused = await inviting.buy("gems-500", customer="bob", promo_code=code)
    assert refused.json["reason"] == "unknown"


async def test_a_lost_dispute_takes_the_rewards_back_too(inviting):
    await bring(inviting, "bob", "ada")
    pending = await inviting.buy("gems-1200", customer="bob")
    assert await inviting.pay(pending) == 303
    await inviting.settled(pending)
    await inviting.quiet()
    assert inviting.balance("customer:ada:gems") == 100

    for status in ("needs_response", "lost"):
        await inviting.sandbox.dispute(pending.json, status)
        await inviting.quiet()

    assert states(inviting) == ["clawed_back"]
    assert inviting.balance("customer:ada:gems") == 0


async def test_a_shop_without_referrals_has_no_codes(shop):
    answer = await shop.as_customer().get("/v1/me/referral")

    assert (answer.status, answer.json["code"]) == (404, "not_found")
