"""Growth: the same purchase on ledgers of 10 thousand, 1 million and (on request) 10 million rows."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from benchmarks.bulk import Size, external_id
from benchmarks.filling import fill
from benchmarks.measures import Measure
from benchmarks.plans import open_shop
from benchmarks.requests import measure, purchases
from benchmarks.servers import served, tokens

SIZES = (10_000, 1_000_000)
FULL_SIZES = (*SIZES, 10_000_000)
BUYERS = 64
ROUNDS = 3
SECTION = "Growth on SQLite"


def measure_growth(folder: Path, sizes: tuple[int, ...]) -> Iterator[Measure]:
    """Build the ledgers, then measure them in turns, one client at a time; the median of the rounds counts."""
    shops = {rows: folder / f"rows-{rows}" for rows in sizes}
    for rows, data in shops.items():
        data.mkdir()
        yield Measure(SECTION, f"building {rows:,} ledger rows", asyncio.run(fill(data, Size(rows))), "s")
        yield Measure(SECTION, f"sealing and rolling up {rows:,} ledger rows", asyncio.run(_seal(data)), "s")
    medians: dict[int, list[float]] = {rows: [] for rows in sizes}
    for number in range(ROUNDS):
        for rows, data in shops.items():
            medians[rows].append(_purchase_p50(data, Size(rows), f"round-{number}"))
    first = statistics.median(medians[sizes[0]])
    for rows in sizes:
        p50 = statistics.median(medians[rows])
        aim = None if rows == sizes[0] else 1.3
        yield Measure(SECTION, f"purchase p50 at {rows:,} ledger rows", p50, "ms", ratio=p50 / first,
                      floor=f"p50 at {sizes[0]:,} rows", aim=aim, is_most=True)  # fmt: skip
    yield from _loyal_and_new(shops[1_000_000])


async def _seal(data: Path) -> float:
    """Seal and roll up what was built, so that the shop is measured and not how it catches up; return the seconds."""
    began = time.perf_counter()
    async with open_shop(data) as parts:
        await parts.sealer.seal_all()
        await parts.roller.fold_all()
    return time.perf_counter() - began


def _purchase_p50(data: Path, size: Size, prefix: str) -> float:
    with served(data) as shop:
        step = max(1, size.customers // BUYERS)
        held = tokens(shop, [external_id(number) for number in range(1, size.customers, step)][:BUYERS])
        measure(shop, purchases(held[:8], 8, f"{prefix}-warm"))
        # One client at a time, many customers: every purchase meets rows that were not touched before.
        return measure(shop, [list(chain.from_iterable(purchases(held, 8, prefix)))]).p50_ms


def _loyal_and_new(data: Path) -> Iterator[Measure]:
    """Compare the customer with the most purchases with one who has hardly any."""
    found: dict[int, list[float]] = {0: [], 1: []}
    with served(data) as shop:
        held = tokens(shop, [external_id(number) for number in found])
        for number in range(2 * ROUNDS):
            for who, token in enumerate(held):
                figures = measure(shop, purchases([token], 200, f"loyal-{number}"))
                found[who].append(figures.p50_ms)
    loyal, new = (statistics.median(one) for one in found.values())
    yield Measure(SECTION, "purchase p50, a customer with few purchases", new, "ms")
    yield Measure(SECTION, "purchase p50, a customer with 10,000 purchases", loyal, "ms", ratio=loyal / new,
                  floor="few purchases", aim=1.3, is_most=True)  # fmt: skip
