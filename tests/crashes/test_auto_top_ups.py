"""SIGKILL between the spend that begins a top-up and its end: after the restart each fall of a wallet is one charge."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest

from .processes import HANG_SECONDS, POLL_SECONDS, SERVER_KEY, World

CHARGE = "POST /v1/payment_intents"
RUNS = """
    SELECT external_id, auto_top_up_runs.state, auto_top_up_runs.purchase_id FROM auto_top_up_runs
    JOIN customers ON customers.id = auto_top_up_runs.customer_id ORDER BY external_id
"""


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """A server whose wallets are topped up by themselves, and an emulator in another process."""
    world = World(tmp_path, standalone=True, more="auto_top_up: {}\n")
    try:
        await world.open()
        yield world
    finally:
        await world.close()


@pytest.mark.parametrize("dies", ["the server", "both"])
@pytest.mark.parametrize("stage", ["the gateway never heard of it", "the gateway has charged and not answered"])
async def test_a_top_up_killed_at_a_stage_is_one_charge(world: World, audit, stage, dies):
    await agree(world, "ada")
    if stage == "the gateway never heard of it":
        world.emulator.freeze()
    else:
        await world.control("misbehave", {"fault": "delay", "on": CHARGE, "seconds": 60, "after": True})
    assert (await world.buy("ada", "charm", key="fall")).status == 201
    await world.until(lambda: world.query(RUNS)[0][1] == "charging")
    if stage != "the gateway never heard of it":
        await until_charged(world)

    world.server.kill()
    if dies == "both":
        world.emulator.kill()
    else:
        world.emulator.thaw()
    await world.start()

    await world.until(lambda: world.query(RUNS)[0][1] == "completed")
    await assert_each_fall_is_one_charge(world, {"ada": 1})
    await audit(world)


async def test_top_ups_killed_at_any_moment_are_one_charge_each(world: World, audit, capsys):
    """Three customers fall again and again, and the server dies again and again in the middle of it."""
    seed = random.randrange(1_000_000)
    chance, names, turns = random.Random(seed), ("ada", "bob", "cleo"), 3
    for name in names:
        await agree(world, name)
    for turn in range(1, turns + 1):
        falls = [asyncio.create_task(fall(world, name, turn)) for name in names]
        await asyncio.sleep(chance.random() * 0.25)
        world.server.kill()
        await asyncio.gather(*falls)
        await world.start()
        for name in names:
            await fall(world, name, turn)
        await world.until(lambda turn=turn: done(world) == dict.fromkeys(names, turn))

    await assert_each_fall_is_one_charge(world, dict.fromkeys(names, turns))
    await audit(world)
    with capsys.disabled():
        print(f"\nseed {seed}: {turns} kills, {done(world)}")


async def fall(world: World, name: str, turn: int) -> None:
    """Spend until the wallet has too little, under one key however often; a server that is away answers nothing."""
    quantity = 2 if turn == 1 else 50
    body = {"customer": name, "sku": "charm", "quantity": quantity}
    with suppress(aiohttp.ClientError):
        reply = await world.post("/v1/purchases", body, key=f"{name}-{turn}")
        assert reply.status in (201, 503), reply


def done(world: World) -> dict[str, int]:
    return dict(Counter(name for name, state, _ in world.query(RUNS) if state == "completed"))


async def agree(world: World, name: str) -> None:
    """Let a customer with 110 gems have 500 bought whenever they have less than 100."""
    await world.post("/v1/sessions", {"customer": name})
    opened = (await world.post("/v1/payment-methods/setups", {"customer": name})).json
    assert await world.pay({"payment": {"redirect_url": opened["redirect_url"]}}) == 303
    setup = await world.get(f"/v1/payment-methods/setups/{opened['id']}?customer={name}")
    body = {"customer": name, "asset": "gems", "amount": 110, "reason": "start"}
    assert (await world.post("/v1/grants", body, key=f"start-{name}")).status == 201
    terms = {"asset": "gems", "below": 110, "sku": "gems-500", "payment_method": setup["payment_method"],
             "daily_cap": {"amount": 49900, "currency": "USD"}, "consent": True, "consent_text": "crash-1"}  # fmt: skip
    headers = {"Authorization": f"Bearer {SERVER_KEY}"}
    async with world.browser.put(
        f"{world.url}/v1/customers/{name}/auto-top-up", json=terms, headers=headers
    ) as response:
        assert response.status == 200, await response.text()


async def until_charged(world: World) -> None:
    """Wait until the emulator's books have a charge."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            if [one for one in (await world.books())["charges"] if one["status"] == "succeeded"]:
                return
            await asyncio.sleep(POLL_SECONDS)


async def assert_each_fall_is_one_charge(world: World, falls: dict[str, int]) -> None:
    runs = world.query(RUNS)
    assert Counter(name for name, _, _ in runs) == falls
    charges = [one for one in (await world.books())["charges"] if one["status"] == "succeeded"]
    assert Counter(one["metadata"]["purchase_id"] for one in charges) == Counter(run[2] for run in runs)
    assert {one["amount"] for one in charges} == {499}
