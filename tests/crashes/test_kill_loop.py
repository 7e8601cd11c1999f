"""Sixteen clients are at work while processes are killed again and again; a journal outside is the judge.

What was acknowledged is there after every restart; what is unknown happened once or not at all, and its key
says which. ``STOREFRONT_KILLS=200`` kills as often, ``STOREFRONT_SEED`` repeats a run's choices.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest

from .judging import acknowledged_and_lost
from .processes import World
from .running import Run, times, under_load

WORKERS = 2


@pytest.fixture
async def workers(tmp_path, postgres_database) -> AsyncIterator[World]:
    """A server of several workers on PostgreSQL, and an emulator beside it."""
    world = World(tmp_path, standalone=True, database=postgres_database, workers=WORKERS)
    try:
        await world.open()
        yield world
    finally:
        await world.close()


async def test_nothing_acknowledged_is_lost_and_nothing_unknown_happens_twice(
    standalone: World, audit, tmp_path, capsys
):
    kills = int(os.environ.get("STOREFRONT_KILLS", "10"))
    async with under_load(standalone, tmp_path) as run:
        for number in run.rounds(kills):
            await asyncio.sleep(run.chance.uniform(0.2, 0.6))  # the random moment
            run.load.is_up.clear()
            standalone.server.kill()
            if number % 2:
                assert standalone.emulator is not None
                standalone.emulator.kill()
            await standalone.start()
            await _assert_nothing_lost(standalone, run)
            run.load.is_up.set()
    await audit(standalone)
    starts = times("start to ready", standalone.server.start_seconds)
    with capsys.disabled():
        print(f"\n{number + 1} kills on SQLite, {'; '.join(run.report)}; {starts}")


async def test_the_same_with_several_workers_on_postgres(workers: World, audit, tmp_path, capsys):
    kills = int(os.environ.get("STOREFRONT_KILLS", "4"))
    downs = []
    async with under_load(workers, tmp_path) as run:
        for number in run.rounds(kills):
            await asyncio.sleep(run.chance.uniform(0.2, 0.6))  # the random moment
            began = time.monotonic()
            await KILLS[number % len(KILLS)](workers, run)
            downs.append(await run.load.first_success_after(began))
            await workers.server.until_workers_serve()
            await _assert_nothing_lost(workers, run)
    await audit(workers)
    with capsys.disabled():
        print(f"\n{len(downs)} kills on PostgreSQL, {'; '.join(run.report)}; {times('kill to next success', downs)}")


async def _kill_a_worker(world: World, run: Run) -> None:
    run.chance.choice(world.workers).kill()


async def _kill_all_workers(world: World, run: Run) -> None:
    for worker in world.workers:
        worker.kill()


async def _kill_the_parent(world: World, run: Run) -> None:
    await world.server.kill_parent()
    await _start_again(world, run)


async def _kill_everything(world: World, run: Run) -> None:
    world.kill()
    await _start_again(world, run)


async def _start_again(world: World, run: Run) -> None:
    run.load.is_up.clear()
    await world.start()
    run.load.is_up.set()


KILLS = (_kill_a_worker, _kill_all_workers, _kill_the_parent, _kill_everything)


async def _assert_nothing_lost(world: World, run: Run) -> None:
    assert await acknowledged_and_lost(world, run.load) == set(), "acknowledged and lost"
