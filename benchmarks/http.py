"""The shop over HTTP on SQLite: purchases and checks beside an empty handler, alone, in batches, and overloaded."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from benchmarks.engine import SqliteTarget, measure_engine
from benchmarks.load import run
from benchmarks.measures import Measure
from benchmarks.requests import PURCHASE_BODY, checks, empty, measure, purchases
from benchmarks.servers import Server, bench_shop, empty_handler, served, tokens
from storefront.web.shapes import CREATE_PURCHASE
from storefront.web.validation import BodySchema

SECTION = "HTTP on SQLite"
CLIENTS = (1, 8, 32, 128)
SWORD = b'{"sku": "sword-of-dawn"}'


def _names(count: int) -> list[str]:
    return [f"bench-{number}" for number in range(count)]


def measure_http(folder: Path, requests: int) -> Iterator[Measure]:
    """Measure purchases by number of clients; empty handler and shop run side by side and take turns."""
    with empty_handler() as floor, bench_shop(folder / "http") as shop:
        held = tokens(shop, _names(128))
        measure(shop, purchases(held, 1, "sword", SWORD))
        yield from _checks(floor, shop, held, requests)
        purchase_p50 = 0.0
        for clients in CLIENTS:
            each = max(20, requests // (8 if clients == 1 else 1) // clients)
            bare = measure(floor, empty("POST", "/empty", clients, each, PURCHASE_BODY))
            bought = measure(shop, purchases(held[:clients], each, f"at-{clients}"))
            yield Measure(SECTION, f"empty handler, POST, {clients} clients", bare.per_second,
                          p50_ms=bare.p50_ms, p99_ms=bare.p99_ms)  # fmt: skip
            yield Measure(SECTION, f"wallet purchase, {clients} clients", bought.per_second, p50_ms=bought.p50_ms,
                          p99_ms=bought.p99_ms, ratio=bought.per_second / bare.per_second,
                          floor="empty handler", aim=0.2 if clients == 32 else None)  # fmt: skip
            purchase_p50 = bought.p50_ms if clients == 1 else purchase_p50
        yield from _lone(folder, purchase_p50)
        yield _validation(purchase_p50)
        yield Measure(SECTION, "memory after the load", shop.memory_mb, "MiB")


def _checks(floor: Server, shop: Server, held: list[str], requests: int) -> Iterator[Measure]:
    each = requests // 32
    bare = measure(floor, empty("GET", "/empty/sword-of-dawn", 32, each))
    found = measure(shop, checks(held[:32], each))
    yield Measure(SECTION, "empty handler, GET, 32 clients", bare.per_second, p50_ms=bare.p50_ms, p99_ms=bare.p99_ms)
    yield Measure(SECTION, "entitlement check, 32 clients", found.per_second, p50_ms=found.p50_ms, p99_ms=found.p99_ms,
                  ratio=found.per_second / bare.per_second, floor="empty handler", aim=0.8)  # fmt: skip


def _lone(folder: Path, p50_ms: float) -> Iterator[Measure]:
    alone = asyncio.run(measure_engine(SqliteTarget(folder / "lone"), 1, 1_000, rounds=2))
    raw_ms = 1000 / alone.raw
    yield Measure(SECTION, "raw durable commit of the same rows", raw_ms, "ms")
    yield Measure(SECTION, "a lone client's purchase, p50", p50_ms, "ms", ratio=p50_ms / raw_ms,
                  floor="raw durable commit", aim=2, is_most=True)  # fmt: skip


def _validation(p50_ms: float) -> Measure:
    """Compare what validating the body costs with what a lone client's whole purchase takes."""
    schema, body, times = BodySchema(CREATE_PURCHASE), json.loads(PURCHASE_BODY), 20_000
    began = time.perf_counter()
    for _ in range(times):
        schema.check(body)
    milliseconds = (time.perf_counter() - began) * 1000 / times
    return Measure(SECTION, "validating the body of a purchase", milliseconds * 1000, "µs", ratio=milliseconds / p50_ms,
                   floor="a lone client's purchase", aim=0.05, is_most=True)  # fmt: skip


def measure_batching(folder: Path, requests: int) -> Iterator[Measure]:
    """Measure purchases in shared commits beside the same server that commits each request by itself."""
    with bench_shop(folder / "shared") as shared, bench_shop(folder / "single", largest_batch=1) as single:
        rounds = []
        for number in range(2):
            pair = [measure(shop, purchases(tokens(shop, _names(32)), requests // 64, f"round-{number}")).per_second
                    for shop in (single, shared)]  # fmt: skip
            rounds.append(pair)
    alone, together = (max(one[at] for one in rounds) for at in (0, 1))
    yield Measure(SECTION, "one commit per request, 32 clients", alone)
    yield Measure(SECTION, "shared commits, 32 clients", together, ratio=together / alone,
                  floor="one commit per request", aim=1.8)  # fmt: skip


def measure_processes(folder: Path, requests: int) -> Iterator[Measure]:
    """Measure two shops side by side, each with a file of its own: more than two processes on one file could give.

    They share nothing, not even a writer: what they sell together is the most that HTTP workers, or a writer of its
    own process, could gain on this machine.
    """
    names, each = _names(32), requests // 32
    with bench_shop(folder / "one") as one, bench_shop(folder / "other") as other:
        alone = measure(one, purchases(tokens(one, names), each, "alone")).per_second
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda shop: measure(shop, purchases(tokens(shop, names[:16]), each, "both")),
                                 (one, other)))  # fmt: skip
    together = sum(figures.per_second for figures in both)
    yield Measure(SECTION, "one process, 32 clients", alone)
    yield Measure(SECTION, "two shops in two processes, 16 clients each", together, ratio=together / alone,
                  floor="one process")  # fmt: skip


def measure_overload(folder: Path) -> Iterator[Measure]:
    """Send from more clients than the queue has places: the rest is told to come back, and nothing piles up."""
    section, clients, places = "Overload", 512, 64
    with bench_shop(folder / "overload", customers=clients, largest_batch=16, longest_queue=places) as shop:
        held = tokens(shop, _names(clients))
        before = shop.memory_mb
        figures = run(shop.port, purchases(held, 20, "over"))
        after = shop.memory_mb
    database = folder / "overload" / "storefront.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        stored = connection.execute("SELECT count(*) FROM purchases").fetchone()[0]
    answered, refused = figures.statuses.get(201, 0), figures.statuses.get(503, 0)
    if answered + refused != clients * 20 or stored != answered:
        raise SystemExit(f"overload: {figures.statuses}, and {stored} purchases are stored")
    yield Measure(section, f"answered 201 of {clients} clients over a queue of {places}", answered, "requests",
                  p50_ms=figures.p50_ms, p99_ms=figures.p99_ms)  # fmt: skip
    yield Measure(section, "answered 503 with Retry-After", refused, "requests")
    yield Measure(section, "memory gained meanwhile", after - before, "MiB")


def measure_start(folder: Path) -> Iterator[Measure]:
    """Start ``storefront serve`` on nothing, and again on what is there then."""
    section = "Start and memory"
    for what in ("first start, with a new database", "next start"):
        with served(folder / "start") as server:
            yield Measure(section, f"{what}: until /readyz says so", server.start_seconds * 1000, "ms")
            memory = server.memory_mb
    yield Measure(section, "memory after a start", memory, "MiB")
