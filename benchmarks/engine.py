"""The engine alone, without HTTP and without deciding, beside a raw replay of the very rows it wrote.

The plans are those of real purchases. While the engine runs, what it gives its store to write is kept; then the
same batches of the same rows are written to a copy of the database as it was before, by the driver alone.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plans import fill_wallets, open_shop, purchase_plans
from storefront.app import settle_memory
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Outcome
from storefront.core.commit.plan import Plan
from storefront.core.commit.state import State, Writes
from storefront.core.commit.store import Decide, Store, Wanted

CUSTOMERS = 128
DATABASE = "storefront.sqlite"


@dataclass(slots=True)
class KeepingStore:
    """A store that keeps what each batch wrote, in the order of commit."""

    store: Store
    batches: list[Writes]

    @property
    def lanes(self) -> int:
        return self.store.lanes

    async def transact(self, wanted: Wanted, decide: Decide) -> int:
        written: list[Writes] = []

        def keep(state: State, commit_no: int) -> Writes:
            written[:] = [decide(state, commit_no)]
            return written[0]

        commit_no = await self.store.transact(wanted, keep)
        self.batches += written
        return commit_no


@dataclass(frozen=True, slots=True)
class EngineRun:
    """Purchases a second of the engine, and of the driver that writes the same rows in the same batches."""

    batch: int
    engine: float
    raw: float

    @property
    def ratio(self) -> float:
        return self.engine / self.raw


async def commit_all(engine: CommitEngine, plans: Sequence[Plan], clients: int) -> float:
    """Commit the plans, ``clients`` at a time; return how many a second were committed."""
    waiting = iter(plans)

    async def client(mine: Iterator[Plan]) -> None:
        for plan in mine:
            outcome: Outcome = await engine.commit(plan)
            assert outcome.answer is not None and outcome.answer.status == 201, "every purchase succeeds"

    began = time.perf_counter()
    await asyncio.gather(*(client(waiting) for _ in range(clients)))
    return len(plans) / (time.perf_counter() - began)


async def measure_on_sqlite(
    folder: Path, batch: int, count: int, replay: Callable[[Path, Sequence[Writes]], float], *, rounds: int = 3
) -> EngineRun:
    """Measure one batch size in rounds, engine and replay taking turns; the best round of each counts.

    Other programs only ever make a round slower.
    """
    data = folder / f"engine-{batch}"
    async with open_shop(data) as parts:
        services = parts.services
        customer_ids = await fill_wallets(services, CUSTOMERS)
        await commit_all(services.engine, await purchase_plans(services, customer_ids, 512, prefix="warm"), batch)
    speeds: list[tuple[float, float]] = []
    for number in range(rounds):
        before = folder / f"replay-{batch}-{number}.sqlite"
        shutil.copyfile(data / DATABASE, before)
        async with open_shop(data) as parts:
            services = parts.services
            keeping = KeepingStore(parts.database.store, [])
            plans = await purchase_plans(services, customer_ids, count, prefix=f"round-{number}")
            settle_memory()
            engine = CommitEngine(keeping, services.clock, largest_batch=batch)
            engine.start()
            engine_speed = await commit_all(engine, plans, batch)
            await engine.stop()
        speeds.append((engine_speed, count / replay(before, keeping.batches)))
        before.unlink()
    return EngineRun(batch, max(one for one, _ in speeds), max(two for _, two in speeds))
