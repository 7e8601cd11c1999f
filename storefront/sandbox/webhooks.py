"""The courier: posts events to their endpoints, signed, again and again until one says 2xx."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from storefront.sandbox.operations import present
from storefront.sandbox.store import Body, Records, Store
from storefront.sandbox.world import World, encoded

log = logging.getLogger(__name__)

# Pauses before each retry, in seconds of the machine's clock: close together at first, then for six hours.
RETRY_SECONDS: tuple[float, ...] = (1, 2, 5, 10, 30, *(60,) * 10, *(300,) * 70)
TIMEOUT_SECONDS = 10
MOST_AT_ONCE = 16
IDLE_SECONDS = 60.0


def wall_ms() -> int:
    """The machine's time in milliseconds: for signatures and retries, which no business clock moves."""
    return time.time_ns() // 1_000_000


def signature_header(body: bytes, secret: str, timestamp: int) -> str:
    """The value of ``Stripe-Signature``: HMAC-SHA256 over ``timestamp.body``."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event on its way to one endpoint."""

    delivery: int
    event_id: str
    event_type: str
    url: str
    secret: str
    body: bytes
    skew_seconds: int  # how far the signature's time is off, by order


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one attempt came to: a status, or the name of the connection's error."""

    event_id: str
    event_type: str
    answer: str

    @property
    def is_accepted(self) -> bool:
        return self.answer.isdigit() and 200 <= int(self.answer) < 300


class Courier:
    """Delivers what the store says is waiting; every attempt's result is written before the next."""

    def __init__(self, store: Store, *, retry_seconds: Sequence[float] = RETRY_SECONDS) -> None:
        self._store = store
        self._retry_seconds = tuple(retry_seconds)
        self._wake = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._claimed: set[int] = set()
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin delivering, starting with what an earlier run left."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        self._loop = asyncio.create_task(self._run(), name="sandbox-courier")

    async def stop(self) -> None:
        """Stop at once; what is under way stays waiting in the store."""
        tasks = [*self._under_way.values(), *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def wake(self) -> None:
        """Look again now: something was queued."""
        self._wake.set()

    async def deliver_now(self, event_ids: Sequence[str]) -> None:
        """Attempt these events' deliveries once, in order, before returning."""
        rows = await self._store.run(lambda records: _rows_of(records, event_ids))
        for delivery in rows:
            if delivery not in self._claimed:
                await self._attempt(delivery)
        self.wake()

    async def release(
        self, *, order: str, seed: int, copies: int, is_count_drawn: bool, omit: Collection[str]
    ) -> list[Receipt]:
        """Send every held delivery in the given order, one after the other: ``copies`` times, or one to that.

        A delivery that nobody accepts goes back to the ordinary retries; types in ``omit`` are lost.
        """
        draw = random.Random(seed)  # noqa: S311 - a test's order, not a secret
        held = await self._store.run(lambda records: _held(records, omit))
        held = [delivery for delivery in held for _ in range(draw.randint(1, copies) if is_count_drawn else copies)]
        if order == "reversed":
            held.reverse()
        elif order == "shuffled":
            draw.shuffle(held)
        receipts = []
        for delivery in held:
            receipt = await self._attempt(delivery)
            if receipt is not None:
                receipts.append(receipt)
        self.wake()
        return receipts

    async def deliver(self, event_ids: Sequence[str]) -> list[Receipt]:
        """Send these events' deliveries in exactly this order, one after the other, whether they are held or out.

        An event that is named several times is sent as often; one that was dropped stays so.
        """
        receipts = []
        for event_id in event_ids:
            for delivery in await self._store.run(partial(_sendable, event_id=event_id)):
                receipt = await self._attempt(delivery)
                if receipt is not None:
                    receipts.append(receipt)
        self.wake()
        return receipts

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            due, pause = await self._store.run(self._due)
            for delivery in due:
                if delivery not in self._claimed and len(self._under_way) < MOST_AT_ONCE:
                    self._claimed.add(delivery)
                    self._under_way[delivery] = asyncio.create_task(self._carry(delivery))
            try:
                # Not wait_for: on 3.11 it may swallow a cancellation that meets the event.
                async with asyncio.timeout(IDLE_SECONDS if pause is None else pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _due(self, records: Records) -> tuple[list[int], float | None]:
        now = wall_ms()
        rows = records.connection.execute(
            "SELECT seq, due_ms FROM deliveries WHERE state = 'waiting' ORDER BY due_ms, seq LIMIT 100"
        ).fetchall()
        due = [seq for seq, due_ms in rows if due_ms <= now]
        later = [due_ms - now for _, due_ms in rows if due_ms > now]
        return due, (later[0] / 1000 if later else None)

    async def _carry(self, delivery: int) -> None:
        try:
            await self._attempt(delivery)
        finally:
            self._under_way.pop(delivery, None)
            self.wake()

    async def _attempt(self, delivery: int) -> Receipt | None:
        self._claimed.add(delivery)
        try:
            parcel = await self._store.run(lambda records: _parcel(records, delivery))
            if parcel is None:
                return None
            receipt = await self._post(parcel)
            await self._store.run(lambda records: self._note(records, delivery, receipt))
            return receipt
        finally:
            self._claimed.discard(delivery)

    async def _post(self, parcel: Parcel) -> Receipt:
        assert self._session is not None, "started before it delivers"
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature_header(parcel.body, parcel.secret, wall_ms() // 1000 + parcel.skew_seconds),
            "User-Agent": "Storefront-Sandbox/1.0",
        }
        try:
            async with self._session.post(
                parcel.url, data=parcel.body, headers=headers, allow_redirects=False
            ) as response:
                answer = str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            answer = type(error).__name__
        log.debug("webhook %s to %s: %s", parcel.event_id, parcel.url, answer)
        return Receipt(parcel.event_id, parcel.event_type, answer)

    def _note(self, records: Records, delivery: int, receipt: Receipt) -> None:
        attempts, state = records.connection.execute(
            "SELECT attempts, state FROM deliveries WHERE seq = ?", (delivery,)
        ).fetchone()
        due_ms = wall_ms()
        if receipt.is_accepted or state == "delivered":
            state = "delivered"
        elif attempts < len(self._retry_seconds):
            state = "waiting"
            due_ms += round(self._retry_seconds[attempts] * 1000)
        else:
            state = "dead"
        records.connection.execute(
            "UPDATE deliveries SET state = ?, attempts = ?, due_ms = ?, answer = ? WHERE seq = ?",
            (state, attempts + 1, due_ms, receipt.answer, delivery),
        )


def waiting(records: Records) -> tuple[int, int]:
    """How many deliveries are due or under way, and how many wait for a later retry."""
    row = records.connection.execute(
        "SELECT count(*) FILTER (WHERE due_ms <= ?1), count(*) FILTER (WHERE due_ms > ?1)"
        " FROM deliveries WHERE state = 'waiting'",
        (wall_ms(),),
    ).fetchone()
    return int(row[0]), int(row[1])


def _rows_of(records: Records, event_ids: Sequence[str]) -> list[int]:
    marks = ", ".join("?" for _ in event_ids)
    sql = f"SELECT seq FROM deliveries WHERE state = 'waiting' AND event_id IN ({marks}) ORDER BY seq"  # noqa: S608
    return [row[0] for row in records.connection.execute(sql, tuple(event_ids))]


def _held(records: Records, omit: Collection[str]) -> list[int]:
    """The held deliveries, oldest first, after losing those of the types in ``omit``."""
    marks = ", ".join("?" for _ in omit)
    records.connection.execute(
        "UPDATE deliveries SET state = 'dropped' WHERE state = 'held' AND event_id IN"  # noqa: S608 - question marks
        f" (SELECT id FROM objects WHERE kind = 'event' AND json_extract(body, '$.type') IN ({marks}))",
        tuple(omit),
    )
    return [
        row[0] for row in records.connection.execute("SELECT seq FROM deliveries WHERE state = 'held' ORDER BY seq")
    ]


def _sendable(records: Records, event_id: str) -> list[int]:
    sql = "SELECT seq FROM deliveries WHERE event_id = ? AND state <> 'dropped' ORDER BY seq"
    return [row[0] for row in records.connection.execute(sql, (event_id,))]


def held_events(world: World) -> list[Body]:
    """The events that are held for any endpoint, as they would be sent, oldest first."""
    sql = "SELECT DISTINCT event_id FROM deliveries WHERE state = 'held' ORDER BY seq"
    ids = [row[0] for row in world.records.connection.execute(sql)]
    with world.acting_for(None):
        found = [world.records.find("event", event_id) for event_id in ids]
        return [present(world, event) for event in found if event is not None]


def drop_held(records: Records, event_ids: Sequence[str]) -> None:
    """Lose these events' deliveries for good, as far as they are held; the list of events still shows them."""
    marks = ", ".join("?" for _ in event_ids)
    sql = f"UPDATE deliveries SET state = 'dropped' WHERE state = 'held' AND event_id IN ({marks})"  # noqa: S608
    records.connection.execute(sql, tuple(event_ids))


def _parcel(records: Records, delivery: int) -> Parcel | None:
    event_id, endpoint_id, skew_seconds, attempts = records.connection.execute(
        "SELECT event_id, endpoint_id, skew_seconds, attempts FROM deliveries WHERE seq = ?", (delivery,)
    ).fetchone()
    event: dict[str, Any] | None = records.find("event", event_id)
    endpoint = records.find("webhook_endpoint", endpoint_id)
    if event is None or endpoint is None or endpoint["status"] != "enabled":
        records.connection.execute("UPDATE deliveries SET state = 'dead' WHERE seq = ?", (delivery,))
        return None
    shown = present(World(records, 0, 0, ""), event)
    secret = records.hidden(endpoint_id)["secret"]
    skew_seconds = 0 if attempts else skew_seconds  # a retry has the right time again
    return Parcel(delivery, event_id, event["type"], endpoint["url"], secret, encoded(shown), skew_seconds)
