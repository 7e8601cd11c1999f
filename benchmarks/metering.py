"""Usage events over HTTP, a hundred at a time, beside an empty handler; and whether all of them are in the books.

Each customer has a hundred calls within a minute. Of all events 5 % come twice and 2 % come late, each at a twentieth
of a gem. Afterwards the wallets are drained, and what was metered must be what was billed and is pending.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.load import request
from benchmarks.measures import Measure
from benchmarks.requests import Requests, empty, measure
from benchmarks.servers import SERVER_KEY, Server, bench_shop, empty_handler

SECTION = "Usage events on SQLite"
CLIENTS = 16
PER_REQUEST = 100
PER_CUSTOMER = 100
LATE_MS = 26 * 60 * 60 * 1000
MINUTE_MS = 60_000
EVENTS, FULL_EVENTS = 100_000, 1_000_000
HANG_SECONDS = 600
AIM = 2.5
"""20,000 events a second where an empty handler answers 8,000 requests."""


def measure_metering(folder: Path, events: int) -> Iterator[Measure]:
    """Measure batches of one customer's events and of many customers', then account for every event."""
    customers = events // PER_CUSTOMER
    config = Path(__file__).parent / "metering.yaml"
    with empty_handler() as floor, bench_shop(folder / "metering", customers=customers, config=config) as shop:
        batches = _batches(customers, datetime.now(UTC).timestamp() * 1000)
        bodies = [json.dumps(batch).encode() for batch in batches]
        sent = _requests("/v1/usage", bodies)
        nothing = empty("POST", "/empty", CLIENTS, 4_000 // CLIENTS, bodies[0])
        bare = measure(floor, nothing)
        taken = measure(shop, sent)
        # Others disturb a long run: the floor is what it was before and after it.
        per_floor = (bare.per_second + measure(floor, nothing).per_second) / 2
        yield Measure(SECTION, f"empty handler, POST of {len(bodies[0]) // 1000} kB", bare.per_second,
                      p50_ms=bare.p50_ms, p99_ms=bare.p99_ms)  # fmt: skip
        yield Measure(SECTION, f"requests of {PER_REQUEST} events, {CLIENTS} clients", taken.per_second,
                      p50_ms=taken.p50_ms, p99_ms=taken.p99_ms)  # fmt: skip
        per_second = taken.per_second * PER_REQUEST
        yield Measure(SECTION, "events", per_second, ratio=per_second / per_floor, floor="empty handler", aim=AIM)
        yield from _accounted(shop, folder / "metering" / "storefront.sqlite", customers)


def _batches(customers: int, now: float) -> list[list[dict[str, Any]]]:
    """Return all events in requests of a hundred: 5 % come twice, 2 % are from the day before."""
    events = [_event(customer, number, now) for customer in range(customers) for number in range(PER_CUSTOMER)]
    told = [event for at, event in enumerate(events) for _ in range(2 if at % 20 == 7 else 1)]
    return [told[at : at + PER_REQUEST] for at in range(0, len(told), PER_REQUEST)]


def _event(customer: int, number: int, now: float) -> dict[str, Any]:
    late = LATE_MS if number % 50 == 3 else 0
    at = datetime.fromtimestamp((now - late - MINUTE_MS + number * 600) / 1000, UTC).isoformat(timespec="milliseconds")
    event = {"specversion": "1.0", "id": f"call-{customer}-{number}", "source": "/game/eu-1", "type": "api.call"}
    return {**event, "subject": f"bench-{customer}", "time": at, "data": {"path": "/v1/world", "milliseconds": 12}}


def _requests(path: str, bodies: list[bytes]) -> Requests:
    headers = {"Authorization": f"Bearer {SERVER_KEY}"}
    made = [request("POST", path, headers=headers, body=body) for body in bodies]
    return [made[at::CLIENTS] for at in range(CLIENTS)]


def _accounted(shop: Server, database: Path, customers: int) -> Iterator[Measure]:
    """Let the wallets be drained, and compare to the last fraction; any difference ends the benchmark."""
    _advance(shop)
    began = time.perf_counter()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as books:
        while _count(books, "SELECT count(*) FROM usage_accounts WHERE drain_at <> 0"):
            if time.perf_counter() - began > HANG_SECONDS:
                raise SystemExit("metering: the wallets are not drained")
            time.sleep(0.2)
        rows = books.execute("SELECT metered, billed, unbilled FROM usage_accounts").fetchall()
        entries = _count(books, "SELECT count(*) FROM entries WHERE kind = 'usage.drained'")
        moved = _count(books, "SELECT coalesce(sum(amount), 0) FROM transfers WHERE destination = 'platform:sink:gems'")
    events = customers * PER_CUSTOMER
    metered, billed, unbilled = (sum(int(row[at]) for row in rows) for at in range(3))
    pending = metered - billed - unbilled
    if (metered, unbilled, pending, moved * 10**12) != (events * 5 * 10**10, 0, 0, billed):
        raise SystemExit(f"metering: {events} events, metered {metered}, billed {billed}, pending {pending}")
    yield Measure(SECTION, "ledger entries per event", entries / events, "", ratio=entries / events, floor="one event",
                  aim=0.01, is_most=True)  # fmt: skip


def _advance(shop: Server) -> None:
    wanted = Request(
        f"http://127.0.0.1:{shop.port}/sandbox/clock",
        data=b'{"advance": "61s"}',
        headers={"Authorization": f"Bearer {SERVER_KEY}", "Content-Type": "application/json"},
    )
    with urlopen(wanted, timeout=HANG_SECONDS):
        pass


def _count(books: sqlite3.Connection, sql: str) -> int:
    return int(books.execute(sql).fetchone()[0])
