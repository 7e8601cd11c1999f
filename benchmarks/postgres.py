"""The shop on PostgreSQL: the engine alone, and over HTTP beside ``pgbench`` with the same purchase."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from benchmarks import pgbench
from benchmarks.engine import PostgresTarget, measure_batches, measure_hot_account
from benchmarks.measures import Measure
from benchmarks.plans import fill_wallets, open_shop
from benchmarks.requests import measure, purchases
from benchmarks.servers import served, tokens
from tests.postgres import PostgresServer, PostgresUnavailable

CLIENTS = 8
CUSTOMERS = 128
SECTION = "HTTP on PostgreSQL"
AIMS = {1: 0.45, 2: 0.7}


def measure_postgres(folder: Path, count: int) -> Iterator[Measure]:
    """Measure on a durable server of our own; where none can be started, say so and measure nothing."""
    try:
        server = PostgresServer(durable=True, settings={"shared_buffers": "512MB"})
    except PostgresUnavailable as reason:
        yield Measure(SECTION, f"not measured: {reason}", 0, "")
        return
    with server:
        for name, part in (("engine", measure_batches), ("hot", measure_hot_account)):
            url = asyncio.run(server.new_database())
            yield from part(PostgresTarget(folder / f"postgres-{name}", server, url), count)
        yield from _over_http(folder / "postgres-http", asyncio.run(server.new_database()), count)


def _over_http(data: Path, url: str, count: int) -> Iterator[Measure]:
    asyncio.run(_prepare(data, url))
    floor = pgbench.run(url, CLIENTS, CUSTOMERS) if pgbench.is_installed() else None
    if floor is not None:
        yield Measure(SECTION, f"pgbench, the purchase as one function call, {CLIENTS} clients", floor)
    for workers, aim in AIMS.items():
        before = pgbench.count(url)
        with served(data, postgres=url, workers=workers) as shop:
            held = tokens(shop, [f"bench-{number}" for number in range(CLIENTS)])
            measure(shop, purchases(held, 50, f"warm-{workers}"))
            runs = [measure(shop, purchases(held, count // CLIENTS, f"with-{workers}-{n}")) for n in range(2)]
            memory = shop.memory_mb
        assert pgbench.count(url) - before == CLIENTS * (50 + 2 * (count // CLIENTS)), "what was answered is stored"
        figures = max(runs, key=lambda one: one.per_second)
        what = f"wallet purchase, {CLIENTS} clients, {workers} server process{'es' if workers > 1 else ''}"
        yield Measure(SECTION, what, figures.per_second, p50_ms=figures.p50_ms, p99_ms=figures.p99_ms,
                      ratio=figures.per_second / floor if floor else None,
                      floor="pgbench" if floor else "", aim=aim if floor else None)  # fmt: skip
        yield Measure(SECTION, f"memory of {workers} under that load", memory, "MiB")


async def _prepare(data: Path, url: str) -> None:
    async with open_shop(data, postgres=url) as parts:
        customer_ids = await fill_wallets(parts.services, CUSTOMERS)
        if pgbench.is_installed():
            await pgbench.prepare(url, parts.services, customer_ids)
