"""One run under load: its seed, its clients and journal, and what is judged and said of it at the end."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from .journal import open_journal
from .judging import judge
from .load import Load
from .processes import World

MOST_TIMES = 5


class Run(NamedTuple):
    """What a test has while the clients are at work; ``report`` is added to, and printed when all is judged."""

    load: Load
    chance: random.Random
    report: list[str]

    def rounds(self, count: int) -> Iterator[int]:
        """Number ``count`` rounds. A run in which every outcome was known would show nothing: then it goes on."""
        for number in range(count * MOST_TIMES):
            if number >= count and self.load.counts["unknown"]:
                return
            yield number


@asynccontextmanager
async def under_load(world: World, folder: Path) -> AsyncIterator[Run]:
    """Let clients work while the block runs, and judge the books after it. ``STOREFRONT_SEED`` repeats a run."""
    seed = int(os.environ.get("STOREFRONT_SEED", random.randrange(1_000_000)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with open_journal(folder) as journal:
        load = Load(world, journal, chance)
        report = [f"seed {seed}"]
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            yield Run(load, chance, report)
            load.is_over = True
        verdict = await judge(world, load, journal, chance)
        heard = ", ".join(f"{load.counts[what]} {what}" for what in ("acked", "refused", "unwritten", "unknown"))
        report.append(f"{heard}, {load.reads} reads; 0 lost, 0 doubled; {verdict}")


def times(name: str, seconds: Sequence[float]) -> str:
    """Say how long something took: in the middle, and at most."""
    ordered = sorted(seconds)
    return f"{name} {ordered[len(ordered) // 2]:.2f} s, at most {ordered[-1]:.2f} s"
