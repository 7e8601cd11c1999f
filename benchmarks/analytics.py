"""Analytics and the console of a large shop, on SQLite and PostgreSQL: rolling up, counting anew, what pages take.

A page's milliseconds are those of the processor, client and server together; PostgreSQL's own work is only in the times
of the clock, p50 and p99, from which ratios are taken.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.bulk import Size
from benchmarks.console import Took, visit
from benchmarks.filling import fill
from benchmarks.measures import Measure
from benchmarks.plans import open_shop
from storefront.core.analytics.generations import find_current, read_rollups
from storefront.core.analytics.rebuilding import begin_rebuild, go_on
from storefront.joining import Parts
from tests.postgres import PostgresServer, PostgresUnavailable

PURCHASES, FULL_PURCHASES = 100_000, 1_000_000
PAID_BY_CARD = 10
"""One purchase in so many is paid by card; all others from the wallet."""
MOST_MS = 300.0
FLOOR = "a plain page"


def measure_analytics(folder: Path, purchases: int) -> Iterator[Measure]:
    """Build a shop of so many purchases in a file, roll it up, count it anew, and look at its console."""
    yield from _measure("SQLite", folder / "analytics", purchases, postgres=None)


def measure_analytics_on_postgres(folder: Path, purchases: int) -> Iterator[Measure]:
    """Measure the same on a durable server of our own; where none can be started, say so and measure nothing."""
    try:
        server = PostgresServer(durable=True, settings={"shared_buffers": "512MB", "max_wal_size": "8GB"})
    except PostgresUnavailable as reason:
        yield Measure("Analytics on PostgreSQL", f"not measured: {reason}", 0, "")
        return
    with server:
        url = asyncio.run(server.new_database())
        yield from _measure("PostgreSQL", folder / "analytics-postgres", purchases, postgres=url)


def _measure(database: str, data: Path, purchases: int, *, postgres: str | None) -> Iterator[Measure]:
    section = f"Analytics on {database}"
    data.mkdir()
    size = Size.of_purchases(purchases)
    seconds = asyncio.run(fill(data, size, postgres=postgres, sales=PAID_BY_CARD))
    yield Measure(section, f"building {size.purchases:,} purchases", seconds, "s")
    yield from asyncio.run(_roll_up(section, data, postgres))
    plain, pages = visit(data, postgres=postgres)
    yield Measure(section, f"{FLOOR} (signing in)", plain.processor_p50, "ms", plain.p50, plain.p99)
    for name, took in pages.items():
        yield _page(section, name, took, plain)


def _page(section: str, name: str, took: Took, plain: Took) -> Measure:
    return Measure(section, name, took.processor_p50, "ms", took.p50, took.p99, ratio=took.p50 / plain.p50,
                   floor=FLOOR, aim=MOST_MS / plain.p50, is_most=True)  # fmt: skip


async def _roll_up(section: str, data: Path, postgres: str | None) -> list[Measure]:
    """Follow all that was built, count it anew, and seal it, so that pages are looked at while nothing else is done."""
    async with open_shop(data, postgres=postgres) as parts:
        began, used = time.perf_counter(), time.process_time()
        folded = (await parts.roller.fold_all()).folded
        used, followed = time.process_time() - used, time.perf_counter() - began
        before = await _counted(parts)
        began = time.perf_counter()
        await _count_anew(parts)
        anew = time.perf_counter() - began
        assert await _counted(parts) == before, "what is counted anew is the same"
        await parts.sealer.seal_all()
    return [
        Measure(section, f"rolling up {folded:,} entries and events", folded / used, "a CPU second"),
        Measure(section, "the same, by the clock", followed, "s"),
        Measure(section, "counted anew, to the same sums (report rebuild)", anew, "s", ratio=anew / followed,
                floor="rolling up"),
    ]  # fmt: skip


async def _count_anew(parts: Parts) -> None:
    begun = await begin_rebuild(parts.services)
    while not (await go_on(parts.services, parts.roller, begun["generation"]))["finished"]:
        pass


async def _counted(parts: Parts) -> Mapping[tuple[object, ...], tuple[int, int]]:
    """Return all sums of the generation that is read."""
    current = await find_current(parts.services.reader)
    assert current is not None, "something was counted"
    async with parts.services.reader.connect() as connection:
        rows = await connection.run_sync(lambda sync: list(read_rollups(sync, current.number)))
    return {key: (amount, count) for key, amount, count in rows}
