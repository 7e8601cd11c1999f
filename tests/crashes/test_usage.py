"""SIGKILL between the intake of usage and its draining: what is metered is billed or pending, events count once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from .processes import HANG_SECONDS, POLL_SECONDS, World

METERED = """
meters: {calls: {event_type: api.call, aggregation: count}}
usage: {api: {meter: calls, mode: prepaid, asset: gems, model: per_unit, price: "0.05"}}
"""
NAMES = ("ada", "bob", "cleo")
PRICE, PICO = 5 * 10**10, 10**12
TURNS, REQUESTS, EACH = 4, 4, 25


@pytest.fixture
async def world(tmp_path, database_url) -> AsyncIterator[World]:
    """A server that is paid by use, and three customers with a hundred gems each."""
    world = World(tmp_path, standalone=False, database=database_url, more=METERED)
    try:
        await world.open()
        for name in NAMES:
            body = {"customer": name, "asset": "gems", "amount": 100, "reason": "start"}
            assert (await world.post("/v1/grants", body, key=f"start-{name}")).status == 201
        yield world
    finally:
        await world.close()


async def test_usage_taken_in_before_a_kill_is_billed_once_after_it(world: World, audit):
    told = events("stage", "ada", 41)
    assert (await world.post("/v1/usage", told)).json == {"accepted": 41, "duplicates": 0, "rejected": []}
    assert await accounts(world) == {"ada": (41 * PRICE, 0)}

    world.server.kill()
    assert await accounts(world) == {"ada": (41 * PRICE, 0)}
    await world.start()
    again = await world.post("/v1/usage", [*told, *events("stage", "bob", 2, first=40)])
    await drained(world)

    assert again.json == {"accepted": 1, "duplicates": 42, "rejected": []}  # the other was ada's already
    assert await accounts(world) == {"ada": (41 * PRICE, 2 * PICO), "bob": (PRICE, 0)}
    assert (await world.get("/v1/customers/ada"))["wallets"]["gems"]["balance"] == 98
    await audit(world)


async def test_usage_killed_at_any_moment_counts_once_and_is_billed_or_pending(world: World, request, audit):
    """Three customers use, their wallets drain, and the server dies again and again in the middle of it."""
    seed, halves = random.randrange(1_000_000), 0
    chance = random.Random(seed)
    for turn in range(1, TURNS + 1):
        requests = [events(f"{turn}-{part}", name, EACH) for name in NAMES for part in range(REQUESTS)]
        answered: list[int] = []
        clients = [asyncio.create_task(report_all(world, requests[at::3], answered)) for at in range(3)]
        if world.database_url is None:  # on PostgreSQL another process might be at it: its lease lasts two minutes
            clients.append(asyncio.create_task(advance(world)))
        enough = chance.randrange(len(requests))
        await world.until(lambda answered=answered, enough=enough: len(answered) >= enough)
        await asyncio.sleep(chance.random() * 0.02)
        world.server.kill()
        await asyncio.gather(*clients)

        ids = (await world.rows("SELECT count(*) FROM usage_ids"))[0][0]
        found = await accounts(world)
        assert sum(metered for metered, _ in found.values()) == ids * PRICE, seed  # counted together, or not at all
        assert ids >= (turn - 1) * len(NAMES) * REQUESTS * EACH + sum(answered), seed  # what was answered is there
        halves += (turn - 1) * len(requests) * EACH < ids < turn * len(requests) * EACH
        await world.start()
        assert sum([await report(world, one) for one in requests]) == turn * len(requests) * EACH - ids, seed

    await drained(world)
    used = TURNS * REQUESTS * EACH
    assert await accounts(world) == dict.fromkeys(NAMES, (used * PRICE, used * PRICE // PICO * PICO))
    for name in NAMES:
        wallet = (await world.get(f"/v1/customers/{name}"))["wallets"]["gems"]
        assert wallet["balance"] == 100 - used * PRICE // PICO
    await audit(world)
    played = f"usage killed {TURNS} times, {halves} in the middle of it: seed {seed}"
    request.node.user_properties.append(("played", played))


def events(prefix: str, customer: str, count: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Return usage events whose ids are ``<prefix>-<customer>-<number>``, but one prefix is anybody's."""
    owner = "" if prefix == "stage" else f"-{customer}"
    return [
        {"specversion": "1.0", "id": f"{prefix}{owner}-{number}", "source": "/game", "type": "api.call",
         "subject": customer}
        for number in range(first, first + count)
    ]  # fmt: skip


async def report(world: World, told: list[dict[str, Any]]) -> int:
    """Report usage and return how many events count now; a server that is away answers nothing."""
    with suppress(aiohttp.ClientError):
        reply = await world.post("/v1/usage", told)
        assert reply.status in (200, 503), reply
        return int(reply.json["accepted"]) if reply.status == 200 else 0
    return 0


async def report_all(world: World, requests: list[list[dict[str, Any]]], answered: list[int]) -> None:
    """Report one after the other, and note how many events of each counted."""
    for told in requests:
        answered.append(await report(world, told))


async def advance(world: World) -> None:
    """Set the sandbox's clock ahead, so that wallets are drained that wait for it."""
    with suppress(aiohttp.ClientError):
        await world.post("/sandbox/clock", {"advance": "61s"})


async def accounts(world: World) -> dict[str, tuple[int, int]]:
    """Read metered and billed from outside: customer -> 10^-12 gems; nothing is ever written off here."""
    rows = await world.rows(
        "SELECT external_id, metered, billed, unbilled FROM usage_accounts"
        " JOIN customers ON customers.id = usage_accounts.customer_id ORDER BY external_id"
    )
    assert {row[3] for row in rows} <= {"0"}
    return {name: (int(metered), int(billed)) for name, metered, billed, _ in rows}


async def drained(world: World) -> None:
    """Advance the clock, and wait until no wallet is left to be drained."""
    await advance(world)
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            if not await world.rows("SELECT 1 FROM usage_accounts WHERE drain_at <> 0"):
                return
            await asyncio.sleep(POLL_SECONDS)
