"""Work that catches up takes breath: others get their turn after each stint of it."""

import asyncio
import time

from storefront.core.pacing import STINT_SECONDS, Pace


async def test_after_each_stint_others_get_their_turn():
    turns, stints, pace = 0, 20, Pace()

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    for done in range(stints):
        _work(STINT_SECONDS)
        await pace.take_breath()
        assert turns > done
    beside.cancel()


def _work(seconds: float) -> None:
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        pass
