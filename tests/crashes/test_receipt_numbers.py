"""Receipts keep counting 1, 2, 3 … while what numbers them is killed, in one process and in several."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import psutil
import pytest

from .processes import HANG_SECONDS, World

SALES = 64
KILLS = 3


@pytest.fixture
async def workers(tmp_path, postgres_database) -> AsyncIterator[World]:
    """A server of two workers on PostgreSQL, and an emulator beside it."""
    world = World(tmp_path, standalone=True, database=postgres_database, workers=2)
    try:
        await world.open()
        yield world
    finally:
        await world.close()


async def test_a_killed_server_leaves_no_gap_and_gives_no_number_twice(standalone: World, audit, capsys):
    async def kill_and_start():
        standalone.server.kill()
        await standalone.start()

    midst = await sell_while(standalone, kill_and_start)

    await assert_every_sale_has_its_number(standalone)
    await audit(standalone)
    with capsys.disabled():
        print(f"\nreceipts at each kill: {midst} of {SALES}")


@pytest.mark.heavy
async def test_the_same_with_two_workers_one_of_which_is_killed(workers: World, audit, capsys):
    numberers = []

    async def kill_who_numbers():
        """Kill the worker that holds the lead, the other goes on at once."""
        leader = await _leading(workers)
        numberers.append(leader)
        psutil.Process(leader).kill()
        await workers.server.until_workers_serve()

    midst = await sell_while(workers, kill_who_numbers)

    await assert_every_sale_has_its_number(workers)
    await audit(workers)
    assert len(set(numberers)) > 1, "void: the lead never went to another process"
    with capsys.disabled():
        print(f"\nreceipts at each kill: {midst} of {SALES}")


async def sell_while(world: World, kill: Callable[[], Awaitable[None]]) -> list[int]:
    """Sell 64 packs and kill meanwhile; return how many receipts there were at each kill."""
    chance, midst = random.Random(64), []
    async with asyncio.TaskGroup() as group:
        selling = [group.create_task(_sell(world, number, chance.uniform(0, 3))) for number in range(SALES)]
        for killed in range(KILLS):
            least = SALES * (killed + 1) // (KILLS + 2)
            while sum(task.done() for task in selling) < least:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            midst.append(await _count(world, "SELECT count(*) FROM receipts"))
            await kill()
    return midst


async def assert_every_sale_has_its_number(world: World) -> None:
    async with asyncio.timeout(HANG_SECONDS * 3):
        while await _count(world, "SELECT count(*) FROM receipts") < SALES:  # noqa: ASYNC110 another process numbers
            await asyncio.sleep(0.05)
    rows = await world.rows("SELECT number FROM receipts ORDER BY number")
    assert [number for (number,) in rows] == list(range(1, SALES + 1))
    assert await _count(world, "SELECT count(DISTINCT about) FROM receipts") == SALES
    assert await _count(world, "SELECT count(*) FROM purchases WHERE status = 'completed'") == SALES


async def _sell(world: World, number: int, after: float) -> None:
    """Sell one pack, whatever dies meanwhile: each call is made again until it is answered."""
    await asyncio.sleep(after)  # spread out, so that the kills fall between
    bought = await _until(lambda: world.buy(f"buyer-{number}", "gems-500", key=f"sale-{number}"), (202,))
    assert await world.pay(bought.json) == 303
    path = f"/v1/purchases/{bought.json['id']}/finalize"
    while (await _until(lambda: world.post(path, {}), (200,))).json["status"] != "completed":  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def _until(call, statuses):
    async with asyncio.timeout(HANG_SECONDS * 4):
        while True:
            try:
                reply = await call()
            except (aiohttp.ClientError, TimeoutError):
                reply = None
            if reply is not None and reply.status in statuses:
                return reply
            assert reply is None or reply.status in (409, 429, 503), reply
            await asyncio.sleep(0.05)


async def _leading(world: World) -> int:
    """Return the worker whose connection holds the leader's lock."""
    held = (
        "SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' "
    )
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            ports = {port for (port,) in await world.rows(held + "AND a.application_name = 'storefront-leader'")}
            for worker in world.workers:
                if _has_socket(worker, ports):
                    return worker.pid
            await asyncio.sleep(0.05)


def _has_socket(worker: psutil.Process, ports: set[int]) -> bool:
    try:
        return any(one.laddr.port in ports for one in worker.net_connections("tcp") if one.laddr)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


async def _count(world: World, sql: str) -> int:
    return int((await world.rows(sql))[0][0])
