"""Changes of tiers that are paid in gems: what is credited goes back to the very lots, and pays the new tier too."""

import pytest

from storefront.testing import running_shop

from .changing import CHANGING, DAY, amounts, ask, change, look
from .subscribing import see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


async def give(club, amount, key):
    grant = {"customer": "ada", "asset": "gems", "amount": amount, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key=key)).status == 201


async def balance(club) -> int:
    return (await club.as_customer().get("/v1/me")).json["wallets"]["gems"]["balance"]


async def test_an_upgrade_pays_the_difference_although_the_whole_charge_is_not_there(club):
    await give(club, 450, "start")
    subscription = await subscribe(club, "bronze", currency="gems")
    club.wall.move(15 * DAY)
    seen = await look(club, subscription, "silver")
    assert (amounts(seen), seen["returned"]) == ([300], {"amount": 150, "currency": "gems"})
    purchase = await change(club, subscription, None, token=seen["token"])
    assert (purchase["status"], purchase["total"]["amount"], await balance(club)) == ("completed", 300, 0)
    found = await see(club, subscription)
    assert (found["sku"], found["billing_state"], found["credit"]["amount"]) == ("silver", "active", 0)


async def test_what_is_credited_lies_in_the_lots_that_had_paid(club):
    await club.bought("gems-500")
    await give(club, 100, "gift")
    subscription = await subscribe(club, "silver", currency="gems")
    club.wall.move(15 * DAY)
    before = club.query("SELECT id FROM lots ORDER BY id")
    await change(club, subscription, "bronze", by=club.as_server(), timing="now", money="charge_now")
    lots = club.query("SELECT id, remaining FROM lots ORDER BY id")
    assert ([row["id"] for row in lots], len(lots)) == ([row["id"] for row in before], 2)
    assert (sum(row["remaining"] for row in lots), await balance(club)) == (150, 150)
    told = club.query("SELECT cause, amount FROM reversals")
    assert [(row["cause"], row["amount"]) for row in told] == [("proration", 300)]


async def test_all_of_it_on_the_same_day_goes_back_and_the_subscription_goes_on(club):
    await give(club, 900, "start")
    subscription = await subscribe(club, "bronze", currency="gems")
    await change(club, subscription, "silver")
    assert await balance(club) == 300
    await club.quiet()
    assert (await see(club, subscription))["billing_state"] == "active"


async def test_too_few_gems_change_nothing(club):
    await give(club, 449, "start")
    subscription = await subscribe(club, "bronze", currency="gems")
    club.wall.move(15 * DAY)
    answer = await ask(club, subscription, "silver")
    assert (answer.status, answer.json["code"]) == (402, "insufficient_funds")
    assert ((await see(club, subscription))["sku"], await balance(club)) == ("bronze", 149)
