"""Tips of one creator at 10,000 an hour, without overlays and with 200 of them; how long a tip takes to each screen.

One overlay says that it has shown each alert, as the page does; the others only listen. Alerts come in order, and each
once on every overlay, or the benchmark ends.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.measures import Measure
from benchmarks.servers import SERVER_KEY, Server, bench_shop

SECTION = "Tips and overlays on SQLite"
OVERLAYS, PER_HOUR, SECONDS = 200, 10_000, 60
AIM = 2.0
"""A purchase beside overlays takes at most twice as long."""
HANG_SECONDS = 30
_KEY = {"Authorization": f"Bearer {SERVER_KEY}"}
_CREATOR = "/v1/fanfunding/creators/luna"


@dataclass(slots=True)
class _Heard:
    """When each alert came to an overlay, by its number."""

    at: dict[int, float] = field(default_factory=dict)


def measure_overlays(folder: Path) -> Iterator[Measure]:
    """Measure tips alone, then beside overlays."""
    config = Path(__file__).parent / "tips.yaml"
    with bench_shop(folder / "overlays", customers=16, config=config) as shop:
        yield from asyncio.run(_measured(shop))


async def _measured(shop: Server) -> list[Measure]:
    base = f"http://127.0.0.1:{shop.port}"
    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(limit=0)) as http:
        await _tips(http, 20, 0)  # the first ones make customers and compile
        alone = await _tips(http, _count(), 100_000)
        link = await _post(http, f"{_CREATOR}/overlay/token", {}, headers=_KEY)
        await _drained(http, link["token"])
        heard = [_Heard() for _ in range(OVERLAYS)]
        listening = [
            asyncio.create_task(_listen(http, link["token"], one, says=at == 0)) for at, one in enumerate(heard)
        ]
        while not all(one.at for one in heard) and len(listening) == OVERLAYS:
            await _post(http, f"{_CREATOR}/overlay", {"act": "test"}, headers=_KEY)
            await asyncio.sleep(0.5)
        before, first = shop.memory_mb, max(max(one.at) for one in heard) + 1
        beside = await _tips(http, _count(), 200_000)
        await _all_heard(heard, first, len(beside))
        after = shop.memory_mb
        for task in listening:
            task.cancel()
    delays = [one.at[first + at] - ended for one in heard for at, (_, ended) in enumerate(beside)]
    return list(_told(alone, beside, delays, after - before))


def _count() -> int:
    return PER_HOUR * SECONDS // 3600


def _told(alone: list[tuple[float, float]], beside: list[tuple[float, float]], delays: list[float],
          grown: float) -> Iterator[Measure]:  # fmt: skip
    rate = PER_HOUR / 3600
    took = [[1000 * seconds for seconds, _ in some] for some in (alone, beside)]
    tails = [_tail(some) for some in took]
    yield Measure(SECTION, "tips, no overlay", rate, p50_ms=statistics.median(took[0]), p99_ms=tails[0])
    yield Measure(SECTION, f"tips beside {OVERLAYS} overlays, p99", tails[1], unit="ms",
                  p50_ms=statistics.median(took[1]), p99_ms=tails[1], ratio=tails[1] / tails[0], floor="no overlay",
                  aim=AIM, is_most=True)  # fmt: skip
    shown = [max(0.0, 1000 * one) for one in delays]
    yield Measure(SECTION, "from paid to an overlay", statistics.median(shown), unit="ms",
                  p50_ms=statistics.median(shown), p99_ms=_tail(shown))  # fmt: skip
    yield Measure(SECTION, f"memory in {SECONDS} s", grown, unit="MiB more")


def _tail(some: list[float]) -> float:
    return sorted(some)[int(len(some) * 0.99)]


async def _tips(http: aiohttp.ClientSession, count: int, start: int) -> list[tuple[float, float]]:
    """Give tips at the hour's rate; return of each how long it took and when it was paid."""
    began, found = time.perf_counter(), []
    for at in range(count):
        await asyncio.sleep(max(0.0, began + at * 3600 / PER_HOUR - time.perf_counter()))
        tip = {"customer": f"bench-{at % 16}", "amount": {"amount": 10, "currency": "gems"}, "name": "Mio"}
        sent = time.perf_counter()
        await _post(http, f"{_CREATOR}/tips", tip, headers={**_KEY, "Idempotency-Key": f"tip-{start + at}"})
        ended = time.perf_counter()
        found.append((ended - sent, ended))
    return found


async def _post(http: aiohttp.ClientSession, path: str, body: object, *, headers: dict[str, str] | None = None,
                may_be_late: bool = False) -> dict[str, str]:  # fmt: skip
    async with http.post(path, json=body, headers=headers) as answer:
        if answer.status >= 400 and not may_be_late:
            raise SystemExit(f"overlays: {path} answered {answer.status} {await answer.text()}")
        told: dict[str, str] = await answer.json()
        return told


async def _listen(http: aiohttp.ClientSession, token: str, heard: _Heard, *, says: bool) -> None:
    ticket = (await _post(http, "/v1/fanfunding/overlay/ticket", {"token": token}))["ticket"]
    kept = b""
    hang = aiohttp.ClientTimeout(total=None)
    async with http.get("/v1/fanfunding/overlay/stream", headers={"Overlay-Ticket": ticket}, timeout=hang) as stream:
        async for chunk in stream.content.iter_any():
            *blocks, kept = (kept + chunk).split(b"\n\n")
            for block in blocks:
                if b"event: alert" not in block:
                    continue
                alert = json.loads(block.partition(b"data: ")[2])
                number = alert["sequence"]
                if heard.at and number < max(heard.at):
                    raise SystemExit("overlays: an alert came out of its order")
                heard.at.setdefault(number, time.perf_counter())
                if says:
                    state = "done" if alert["state"] == "shown" else "shown"
                    said = {"ticket": ticket, "sequence": number, "state": state}
                    await _post(http, "/v1/fanfunding/overlay/ack", said, may_be_late=True)


async def _drained(http: aiohttp.ClientSession, token: str) -> None:
    """Let one overlay show what has waited so far."""
    task = asyncio.create_task(_listen(http, token, _Heard(), says=True))
    async with asyncio.timeout(10 * HANG_SECONDS):
        while (await (await http.get(f"{_CREATOR}/overlay", headers=_KEY)).json())["queued"]:  # noqa: ASYNC110 - a server
            await asyncio.sleep(0.5)
    task.cancel()


async def _all_heard(heard: list[_Heard], first: int, count: int) -> None:
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while not all(first + count - 1 in one.at for one in heard):  # noqa: ASYNC110 - it is asked in between
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise SystemExit("overlays: not every alert came to every overlay") from None
    if any(first + at not in one.at for one in heard for at in range(count)):
        raise SystemExit("overlays: an alert was left out")
