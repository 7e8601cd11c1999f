"""Whoever asks gets a look that began after they asked, and those who ask together get the same one."""

import asyncio

from storefront_fanfunding.shared_looks import SharedLooks


async def test_those_who_ask_together_share_a_look_and_nobody_gets_one_from_before():
    begun, both, go = [], asyncio.Event(), asyncio.Event()

    async def look(key):
        begun.append(key)
        at = len(begun)
        if at == 2:
            both.set()
        await go.wait()
        return at

    looks = SharedLooks(look)
    first = [asyncio.create_task(looks.now("luna")) for _ in range(50)]
    other = asyncio.create_task(looks.now("nova"))
    await both.wait()
    later = [asyncio.create_task(looks.now("luna")) for _ in range(50)]
    await asyncio.sleep(0)
    first[0].cancel()
    go.set()
    assert await asyncio.gather(*first[1:]) == [1] * 49
    assert (await other, await asyncio.gather(*later), begun) == (2, [3] * 50, ["luna", "nova", "luna"])
    assert (looks._next, looks._running) == ({}, {})


async def test_a_look_that_fails_fails_for_those_who_shared_it_and_the_next_is_anew():
    answers = iter([ValueError("away"), "there"])

    async def look(_):
        found = next(answers)
        if isinstance(found, ValueError):
            raise found
        return found

    looks = SharedLooks(look)
    for one in await asyncio.gather(*(looks.now("luna") for _ in range(3)), return_exceptions=True):
        assert isinstance(one, ValueError)
    assert await looks.now("luna") == "there"
