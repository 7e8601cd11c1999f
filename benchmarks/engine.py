"""The engine alone, without HTTP and without deciding, beside a raw replay of the very rows it wrote.

The plans are those of real purchases. While the engine runs, what it gives its store to write is kept; then the
same batches of the same rows are written to a copy of the database as it was before, by the driver alone.
"""

import asyncio
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from benchmarks import floor, floor_postgres
from benchmarks.measures import Measure
from benchmarks.plans import fill_wallets, open_shop, purchase_plans
from storefront.app import settle_memory
from storefront.core.accounts import Account
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import Plan, Spend
from storefront.core.commit.state import State, Writes
from storefront.core.commit.store import Decide, Store, Wanted
from tests.postgres import Postgres

CUSTOMERS = 128
BATCHES = (1, 8, 32, 100)
HOT_ROUNDS = 10


@dataclass(slots=True)
class KeepingStore:
    """A store of one lane that keeps what each batch wrote, in the order of commit."""

    store: Store
    batches: list[Writes]
    lanes: int = 1

    async def transact(self, wanted: Wanted, decide: Decide) -> int:
        written: list[Writes] = []

        def keep(state: State, commit_no: int) -> Writes:
            written[:] = [decide(state, commit_no)]
            return written[0]

        commit_no = await self.store.transact(wanted, keep)
        self.batches += written
        return commit_no

    async def scrub(self) -> bool:
        return await self.store.scrub()


class Target(Protocol):
    """A database to measure on: where its shop is, a copy of it as it is now, and the replay on that copy."""

    name: str
    data: Path
    postgres: str | None

    async def copy(self) -> str: ...

    async def replay(self, copy: str, batches: Sequence[Writes]) -> float: ...


@dataclass(slots=True)
class SqliteTarget:
    data: Path
    name: str = "SQLite"
    postgres: str | None = None

    async def copy(self) -> str:
        return str(shutil.copyfile(self.data / "storefront.sqlite", self.data / "copy.sqlite"))

    async def replay(self, copy: str, batches: Sequence[Writes]) -> float:
        seconds = floor.replay(Path(copy), batches)
        for path in self.data.glob("copy.sqlite*"):
            path.unlink()
        return seconds


@dataclass(slots=True)
class PostgresTarget:
    data: Path
    server: Postgres
    postgres: str | None
    name: str = "PostgreSQL"

    async def copy(self) -> str:
        return await self.server.new_database(template=self.postgres)

    async def replay(self, copy: str, batches: Sequence[Writes]) -> float:
        seconds = await floor_postgres.replay(copy, batches)
        await self.server.drop_database(copy)
        return seconds


@dataclass(frozen=True, slots=True)
class EngineRun:
    """Purchases a second of the engine, and of the driver that writes the same rows in the same batches."""

    engine: float
    raw: float


async def commit_all(engine: CommitEngine, plans: Sequence[Plan], clients: int) -> float:
    """Commit the plans, ``clients`` at a time; return how many a second were committed."""
    waiting = iter(plans)

    async def client(mine: Iterator[Plan]) -> None:
        for plan in mine:
            answer = (await engine.commit(plan)).answer
            assert answer is not None, "a purchase is answered"
            assert answer.status == 201, "every purchase succeeds"

    began = time.perf_counter()
    await asyncio.gather(*(client(waiting) for _ in range(clients)))
    return len(plans) / (time.perf_counter() - began)


async def measure_engine(target: Target, batch: int, count: int, *, rounds: int = 3) -> EngineRun:
    """Measure one batch size in rounds, engine and replay taking turns; the best round of each counts.

    Other programs only ever make a round slower.
    """
    async with open_shop(target.data, postgres=target.postgres) as parts:
        services = parts.services
        customer_ids = await fill_wallets(services, CUSTOMERS)
        warm = await purchase_plans(services, customer_ids, 512, prefix=f"warm-{batch}")
        await commit_all(services.engine, warm, 32)
    speeds: list[tuple[float, float]] = []
    for number in range(rounds):
        before = await target.copy()
        async with open_shop(target.data, postgres=target.postgres) as parts:
            keeping = KeepingStore(parts.database.store, [])
            plans = await purchase_plans(parts.services, customer_ids, count, prefix=f"at-{batch}-{number}")
            settle_memory()
            engine = CommitEngine(keeping, parts.services.clock, largest_batch=batch)
            engine.start()
            speed = await commit_all(engine, plans, batch)
            await engine.stop()
        speeds.append((speed, count / await target.replay(before, keeping.batches)))
    return EngineRun(max(one for one, _ in speeds), max(two for _, two in speeds))


def measure_batches(target: Target, count: int) -> Iterator[Measure]:
    section = f"Engine alone on {target.name}"
    for batch in BATCHES:
        found = asyncio.run(measure_engine(target, batch, count // 4 if batch == 1 else count))
        yield Measure(section, f"raw replay of the same rows, batches of {batch}", found.raw)
        yield Measure(section, f"engine, batches of {batch}", found.engine, ratio=found.engine / found.raw,
                      floor="raw replay", aim=0.65 if batch == 32 else None)  # fmt: skip


def measure_hot_account(target: Target, count: int) -> Iterator[Measure]:
    """Let every purchase credit one seller, or each a seller of its own; the two take turns."""
    section = f"Hot account on {target.name}"
    rounds = asyncio.run(_hot_and_distinct(target, count))
    distinct, hot = (statistics.median(one[kind] for one in rounds) for kind in ("distinct", "hot"))
    # A file that has grown is a little slower, so each round is compared with itself.
    ratio = statistics.median(one["hot"] / one["distinct"] for one in rounds)
    yield Measure(section, "purchases that credit distinct sellers", distinct)
    yield Measure(section, "purchases that all credit one seller", hot, ratio=ratio,
                  floor="distinct sellers", aim=0.95)  # fmt: skip


async def _hot_and_distinct(target: Target, count: int) -> list[dict[str, float]]:
    """Return ``kind -> purchases a second`` of each round; who is first changes from round to round."""
    async with open_shop(target.data, postgres=target.postgres) as parts:
        services = parts.services
        customer_ids = await fill_wallets(services, CUSTOMERS)
        rounds = []
        for number in range(HOT_ROUNDS):
            speeds = {}
            for kind in ("distinct", "hot") if number % 2 else ("hot", "distinct"):
                plans = await purchase_plans(services, customer_ids, count, prefix=f"{kind}-{number}")
                for seller, plan in enumerate(plans):
                    _credit(plan, seller % CUSTOMERS if kind == "distinct" else CUSTOMERS)
                speeds[kind] = await commit_all(services.engine, plans, 32)
            rounds.append(speeds)
        return rounds[2:]  # the first two warm up


def _credit(plan: Plan, seller: int) -> None:
    """Let a wallet purchase credit this seller in place of the sink."""
    for at, step in enumerate(plan.list):
        if isinstance(step, Spend):
            plan.list[at] = replace(step, to=Account(f"creator:cre_{seller}", "payable", step.asset))
