"""Chaos, then calm: whatever was lost, doubled, cut off or killed on the way, the books agree to the cent.

``STOREFRONT_CHAOS_SECONDS`` says how long it goes on (wall time; business time leaps some weeks on the way),
``STOREFRONT_SEED`` repeats the choices of a run, not its timing.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storefront.core.audit import verify_file
from tests.crashes.processes import World
from tests.stories.books import judge
from tests.stories.telling import seed
from tests.stories.trading import CLIENTS, SHOP, Client
from tests.stories.turmoil import Turmoil

CALM_MINUTES = 6 * 24 * 60
"""Longer than bank debits, slow refunds and the pauses of jobs take."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server and an emulator as processes of their own."""
    world = World(tmp_path, standalone=True, shop=SHOP)
    try:
        await world.open()
        yield world
    finally:
        await world.close()


async def test_after_chaos_the_books_agree_to_the_cent(world: World, request: pytest.FixtureRequest) -> None:
    chosen, seconds = seed(), float(os.environ.get("STOREFRONT_CHAOS_SECONDS", "60"))
    print(f"seed {chosen}")
    chance = random.Random(chosen)
    turmoil = Turmoil(world, random.Random(chance.random()))
    clients = [Client(turmoil, f"ada-{number}", random.Random(chance.random())) for number in range(CLIENTS)]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run())
        await turmoil.run(seconds)

    await turmoil.calm(CALM_MINUTES)

    verdict = await judge(world)
    report = await verify_file(world.database, deep=True)
    assert report.is_clean, report.explain()
    did = sum((client.counts for client in clients), Counter())
    request.node.user_properties.append(
        ("played", f"chaos: seed {chosen}, {seconds:.0f} s, {dict(did)}, {dict(turmoil.counts)}; {verdict}")
    )
