"""Server side: report usage, a hundred events a request, each counted once however often it is sent."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from storefront_sdk.documents import Document
from storefront_sdk.errors import ConnectionLost, RateLimited, Unavailable
from storefront_sdk.transport import Transport, understood

MOST_PER_REQUEST = 500


def _new_id() -> str:
    return secrets.token_urlsafe(16)


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """Something that a customer used. ``type`` is what a meter counts; ``data`` holds what it looks at.

    The ``id`` is made once, here: send the same event again and it still counts once. Give an id of your own if the
    event may be told after a restart. Fractions in ``data`` are exact as text (``"0.1"``).
    """

    type: str
    customer: str
    data: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=_new_id)
    source: str = "storefront-sdk"
    time: str = field(default_factory=_now)

    def to_json(self) -> dict[str, Any]:
        """Return it as a CloudEvent 1.0."""
        event: dict[str, Any] = {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type}
        return {**event, "subject": self.customer, "time": self.time, "data": dict(self.data)}


@dataclass(frozen=True, slots=True)
class RejectedUsage:
    """An event that does not count, and why: ``exhausted`` may count later, anything else is wrong for good."""

    event: UsageEvent
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of reported events: how many count now, how many had counted before, which do not count."""

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[RejectedUsage, ...] = ()


class Usage:
    """``shop.usage`` of a client with a server key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def report(self, events: Iterable[UsageEvent]) -> Reported:
        """Report events in requests of up to 500; lost replies are retried with the same ids.

        Raises:
            Unavailable, RateLimited, ConnectionLost: some may count already; report the same events again.
        """
        waiting = list(events)
        accepted = duplicates = 0
        rejected: list[RejectedUsage] = []
        for at in range(0, len(waiting), MOST_PER_REQUEST):
            found = await self._send(waiting[at : at + MOST_PER_REQUEST])
            accepted, duplicates = accepted + found.accepted, duplicates + found.duplicates
            rejected.extend(found.rejected)
        return Reported(accepted, duplicates, tuple(rejected))

    def buffered(self, *, most: int = 100, every_seconds: float = 1.0) -> "UsageBuffer":
        """Gather events and report them ``most`` at a time, or after a while; see ``UsageBuffer``."""
        return UsageBuffer(self, most=most, every_seconds=every_seconds)

    async def _send(self, events: Sequence[UsageEvent]) -> Reported:
        body = [event.to_json() for event in events]
        reply = await self._transport.write("/v1/usage", body, takes_key=False)

        def read(document: Document) -> Reported:
            rejected = (
                RejectedUsage(events[one["index"]], one["reason"], one["detail"]) for one in document["rejected"]
            )
            return Reported(document["accepted"], document["duplicates"], tuple(rejected))

        return understood(read, reply.document)


class UsageBuffer:
    """Events on their way. What could not be sent is kept, and sent again with what comes next.

    ``rejected`` gathers the events that do not count. Leaving the block sends what is left, and raises if it cannot.
    """

    def __init__(self, usage: Usage, *, most: int, every_seconds: float) -> None:
        self._usage = usage
        self._most = most
        self._every_seconds = every_seconds
        self._waiting: list[UsageEvent] = []
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self.rejected: list[RejectedUsage] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: UsageEvent) -> None:
        """Take an event; it is sent soon. Never waits, never raises for what goes wrong on the way."""
        self._waiting.append(event)
        if len(self._waiting) >= self._most:
            self._wake.set()

    async def flush(self) -> None:
        """Send what is waiting now.

        Raises:
            Unavailable, RateLimited, ConnectionLost: what was not sent goes on waiting.
        """
        async with self._lock:
            while self._waiting:
                sending = self._waiting[: self._most]
                found = await self._usage.report(sending)
                self.rejected.extend(found.rejected)
                del self._waiting[: len(sending)]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="storefront-usage")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self.flush()

    async def _run(self) -> None:
        while not self._is_closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds):
                    await self._wake.wait()
            self._wake.clear()
            if not self._is_closing:
                with suppress(Unavailable, RateLimited, ConnectionLost):  # they go on waiting, under their ids
                    await self.flush()
