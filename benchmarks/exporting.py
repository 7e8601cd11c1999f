"""Exports of a filled shop: rows by the server's processor time, and what other requests take beside them.

A purchase is asked for again and again, alone and while a list is taken out without pause by another process.
"""

import asyncio
import multiprocessing
import statistics
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from benchmarks.bulk import Size
from benchmarks.filling import fill
from benchmarks.measures import Measure
from benchmarks.servers import SERVER_KEY, Server, served

SECTION = "Exports on SQLite"
LEDGER_ROWS, REQUESTS = 200_000, 400
OPERATOR = {"Authorization": "Bearer ak_sandbox_demo"}
FORMATS = ("csv", "jsonl", "parquet")


def measure_exports(folder: Path) -> Iterator[Measure]:
    """Measure each format, then requests alone and beside an export."""
    data = folder / "exports"
    data.mkdir()
    size = Size(LEDGER_ROWS)
    asyncio.run(fill(data, size))
    with served(data) as shop:
        before = shop.memory_mb
        for name in FORMATS:
            yield _of_format(shop, name, size.purchases)
        yield Measure(SECTION, "memory that three exports leave", shop.memory_mb - before, unit="MiB more")
        yield from asyncio.run(_beside(shop))


def _of_format(shop: Server, name: str, rows: int) -> Measure:
    began = _processor_seconds(shop)
    _take(shop.port, name)
    return Measure(SECTION, f"purchases as {name}", rows / (_processor_seconds(shop) - began), unit="rows a CPU second")


async def _beside(shop: Server) -> list[Measure]:
    base = f"http://127.0.0.1:{shop.port}"
    async with aiohttp.ClientSession(base) as http:
        async with http.get("/v1/purchases?limit=1", headers=OPERATOR) as answer:
            path = f"/v1/purchases/{(await answer.json())['data'][0]['id']}"
        await _ask(http, path)
        alone = await _ask(http, path)
        taking = multiprocessing.get_context("spawn").Process(target=_take_again, args=(shop.port,), daemon=True)
        taking.start()
        try:
            await _until_begun(http)
            beside = await _ask(http, path)
        finally:
            taking.kill()
            taking.join()
    tails = [sorted(some)[int(len(some) * 0.99)] for some in (alone, beside)]
    return [
        Measure(SECTION, "a purchase is shown, no export", statistics.median(alone), unit="ms",
                p50_ms=statistics.median(alone), p99_ms=tails[0]),
        Measure(SECTION, "a purchase is shown beside an export", statistics.median(beside), unit="ms",
                p50_ms=statistics.median(beside), p99_ms=tails[1],
                ratio=statistics.median(beside) / statistics.median(alone), floor="no export"),
    ]  # fmt: skip


async def _until_begun(http: aiohttp.ClientSession) -> None:
    """Wait until an export runs: the audit trail says so."""
    while True:
        async with http.get("/v1/exports/audit-actions?kind=export.begun&format=jsonl", headers=OPERATOR) as answer:
            if (await answer.text()).count('"about":"purchases"') > len(FORMATS):
                return
        await asyncio.sleep(0.05)


async def _ask(http: aiohttp.ClientSession, path: str) -> list[float]:
    """Return what each of many requests took, in ms, one after another."""
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        async with http.get(path, headers={"Authorization": f"Bearer {SERVER_KEY}"}) as answer:
            await answer.read()
        took.append(1000 * (time.perf_counter() - began))
    return took


def _take_again(port: int) -> None:
    while True:
        _take(port, "csv")


def _take(port: int, name: str) -> None:
    wanted = urllib.request.Request(f"http://127.0.0.1:{port}/v1/exports/purchases?format={name}", headers=OPERATOR)
    with urllib.request.urlopen(wanted) as answer:
        while answer.read(1 << 20):
            pass


def _processor_seconds(shop: Server) -> float:
    used = shop.process.cpu_times()
    return float(used.user + used.system)
