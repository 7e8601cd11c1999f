"""PostgreSQL is stopped, frozen, filled up and its backends are ended while 16 clients are at work; the shop stays.

No answer may be wrong about what was written, none may be other than success, a refusal or 503 with Retry-After, and
the same server processes must sell again when the database is back. ``STOREFRONT_FAULTS=200`` makes as many faults.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest

from storefront.testing import HANG_SECONDS
from tests.postgres import PostgresServer

from .judging import acknowledged_and_lost
from .processes import World
from .running import Run, times, under_load

MOST_CONNECTIONS = 40
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'storefront-%'"


@pytest.fixture
def server(new_postgres_server) -> PostgresServer:
    return new_postgres_server(settings={"max_connections": MOST_CONNECTIONS})


@pytest.fixture
async def world(tmp_path, server) -> AsyncIterator[World]:
    """A server of two workers on a PostgreSQL of the test's own, and an emulator beside it."""
    world = World(tmp_path, standalone=True, database=await server.new_database(), workers=2)
    try:
        await world.open()
        yield world
    finally:
        await world.close()


async def test_no_fault_of_the_database_loses_doubles_or_misreports_anything(world, server, audit, tmp_path, capsys):
    faults = int(os.environ.get("STOREFRONT_FAULTS", str(len(FAULTS))))
    processes, recoveries = world.server.pids, dict[str, list[float]]()
    async with under_load(world, tmp_path) as run:
        for number in run.rounds(faults):
            await run.load.first_success_after(time.monotonic())
            await asyncio.sleep(run.chance.uniform(0.1, 0.4))  # the random moment
            name, fault = FAULTS[number % len(FAULTS)]
            back_at = await fault(server, world, run)
            recoveries.setdefault(name, []).append(await run.load.first_success_after(back_at))
            assert await acknowledged_and_lost(world, run.load) == set(), f"acknowledged and lost: {name}"
    assert world.server.pids == processes, "a server process did not live through it"
    await audit(world)
    with capsys.disabled():
        made = sum(map(len, recoveries.values()))
        print(f"\n{made} faults of PostgreSQL, {'; '.join(run.report)}; from back to first success:")
        for name, seconds in recoveries.items():
            print(f"  {times(name, seconds)}")


async def _stop_immediate(server: PostgresServer, world: World, run: Run) -> float:
    return await _stop(server, "immediate", away_seconds=0.0)


async def _stop_fast(server: PostgresServer, world: World, run: Run) -> float:
    return await _stop(server, "fast", away_seconds=0.0)


async def _stay_away(server: PostgresServer, world: World, run: Run) -> float:
    """Stay away for longer than the shop waits with an answer."""
    return await _stop(server, "immediate", away_seconds=run.chance.uniform(4.0, 5.0))


async def _stop(server: PostgresServer, mode: str, *, away_seconds: float) -> float:
    await asyncio.to_thread(server.stop, mode)
    await asyncio.sleep(away_seconds)
    await asyncio.to_thread(server.start)
    return time.monotonic()


async def _end_backends(server: PostgresServer, world: World, run: Run) -> float:
    """End every backend again and again, as fast as they come back."""
    connection = await asyncpg.connect(server.admin_url)
    try:
        for _ in range(15):
            await connection.execute(OTHERS)
            await asyncio.sleep(run.chance.uniform(0.0, 0.1))
    finally:
        await connection.close()
    return time.monotonic()


async def _freeze(server: PostgresServer, world: World, run: Run) -> float:
    """Answer nobody for a while."""
    await asyncio.to_thread(server.pause)
    try:
        await asyncio.sleep(run.chance.uniform(2.0, LONGEST_FREEZE_SECONDS))
    finally:
        server.resume()
    return time.monotonic()


async def _all_taken(server: PostgresServer, first: asyncpg.Connection, strangers: AsyncExitStack) -> bool:
    """Take all the connections that are left, and tell whether none of those in use is the shop's."""
    while True:
        try:
            strangers.push_async_callback((await asyncpg.connect(server.admin_url)).close)
        except asyncpg.TooManyConnectionsError:
            shops = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'storefront-%'"
            return bool(await first.fetchval(shops) == 0)


async def _fill_up(server: PostgresServer, world: World, run: Run) -> float:
    """Let strangers take every connection, those of the shop too, and keep them for longer than the shop waits."""
    async with AsyncExitStack() as strangers:
        first = await asyncpg.connect(server.admin_url)
        strangers.push_async_callback(first.close)
        async with asyncio.timeout(HANG_SECONDS):
            while not await _all_taken(server, first, strangers):
                await first.execute(OTHERS)
        until = time.monotonic() + 4.0
        while time.monotonic() < until:  # what the shop would get back is taken at once
            await _all_taken(server, first, strangers)
            await asyncio.sleep(0.05)
    return time.monotonic()


LONGEST_FREEZE_SECONDS = 10.0 if "STOREFRONT_FAULTS" in os.environ else 3.0
FAULTS: tuple[tuple[str, Callable[[PostgresServer, World, Run], Awaitable[float]]], ...] = (
    ("stopped immediate", _stop_immediate),
    ("stopped fast", _stop_fast),
    ("backends ended", _end_backends),
    ("away for seconds", _stay_away),
    ("frozen", _freeze),
    ("connections exhausted", _fill_up),
)
