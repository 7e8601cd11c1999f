"""Automatic top-ups under a rush: whoever spends too much at the same moment, one begins and one charge is made."""

import asyncio

import pytest

from storefront.testing import running_shop
from tests.shop.topping_up import MINE, agreed, charged, mine, save_method, terms

from .arena import ARENA, tally

ROUNDS = 5
PACK = {"sku": "gems-500", "below": 200, "daily_cap": {"amount": 4990, "currency": "USD"}}


@pytest.fixture
async def arena(data_folder, database_url):
    """The arena, with wallets that are topped up by themselves; its books are audited when the race is over."""
    config = f"{ARENA}\nauto_top_up: {{most_per_day: 10}}\n"
    async with running_shop(data_folder, config, database=database_url) as shop:
        yield shop


async def test_32_spends_at_once_that_cross_the_threshold_begin_one_top_up(arena, tally):
    await agreed(arena, gems=500, **PACK)
    for turn in range(1, ROUNDS + 1):
        answers = await asyncio.gather(*(arena.buy("charm", customer="ada") for _ in range(32)))
        await arena.quiet()

        assert tally(answers) == {(201, "completed"): 32}
        assert await charged(arena) == [499] * turn
        assert len(arena.query("SELECT id FROM auto_top_up_runs WHERE state = 'completed'")) == turn
        await down_to(arena, 500)


async def down_to(arena, gems):
    """Spend what is above, without falling below the threshold."""
    over = arena.balance("customer:ada:gems") - gems
    assert (await arena.buy("charm", customer="ada", quantity=over // 10)).status == 201
    await arena.quiet()


async def test_captures_and_spends_at_once_begin_one_top_up(arena, tally):
    await agreed(arena, gems=520, **PACK)
    for turn in range(1, ROUNDS + 1):
        holds = [await held(arena, f"{turn}-{number}") for number in range(16)]
        captures = (arena.as_server().post(f"/v1/holds/{one}/capture", {}, key=one) for one in holds)
        spends = (arena.buy("charm", customer="ada") for _ in range(16))

        answers = await asyncio.gather(*captures, *spends)
        await arena.quiet()

        assert tally(answers) == {(200, None): 16, (201, "completed"): 16}
        assert await charged(arena) == [499] * turn
        await down_to(arena, 520)


async def held(arena, reason):
    body = {"customer": "ada", "asset": "gems", "amount": 12, "expires_in_seconds": 300, "reason": reason}
    answer = await arena.as_server().post("/v1/holds", body, key=f"hold-{reason}")
    assert answer.status == 201, answer
    return answer.json["id"]


async def test_a_days_cap_holds_against_wallets_that_fall_again_and_again(arena):
    cap = {**PACK, "daily_cap": {"amount": 998, "currency": "USD"}}
    await agreed(arena, gems=200, **cap)
    for _ in range(ROUNDS):
        await asyncio.gather(*(arena.buy("charm", customer="ada") for _ in range(32)))
        await arena.quiet()

    assert await charged(arena) == [499, 499]
    assert (await mine(arena))["spent_today"]["amount"] == 998


async def test_agreeing_and_ending_beside_spends_never_makes_two_top_ups_of_one_fall(arena):
    method = await save_method(arena)
    body = {"customer": "ada", "asset": "gems", "amount": 5000, "reason": "start"}
    await arena.as_server().post("/v1/grants", body, key="start")
    ada, low = arena.as_customer("ada"), terms(method, **PACK | {"below": 4990})
    for _ in range(ROUNDS):
        changes = [ada.put(MINE, low) if number % 3 else ada.delete(f"{MINE}/gems") for number in range(8)]
        spends = [arena.buy("charm", customer="ada") for _ in range(16)]
        answers = await asyncio.gather(*changes, *spends)
        await arena.quiet()

        assert {answer.status for answer in answers} <= {200, 201, 204, 404, 503}, tally(answers)
    runs = arena.query("SELECT state, reason FROM auto_top_up_runs ORDER BY id")
    bought = [run for run in runs if run["state"] == "completed"]
    assert len(bought) == len(await charged(arena)) >= 1
    assert {run["reason"] for run in runs if run["state"] != "completed"} <= {"switched_off"}
