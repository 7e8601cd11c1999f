"""Live changes: server-sent events, over a line that comes back by itself; each state told once, none missed."""

import asyncio
import codecs
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from storefront_sdk.cache import Policy, StateCache
from storefront_sdk.errors import (
    Forbidden,
    Invalid,
    NotFound,
    StorefrontError,
    Unauthorized,
    UnreadableAnswer,
)
from storefront_sdk.models import CustomerState
from storefront_sdk.state import OwnState
from storefront_sdk.transport import Transport

LONGEST_PAUSE = 30
"""In first pauses."""
_MOST_DOUBLINGS = 5
_HOPELESS = (Unauthorized, Forbidden, Invalid, NotFound)
_LINE_END = re.compile(r"\r\n|\n|\r(?!$)")


@dataclass(slots=True)
class StreamEvent:
    """An event of a stream as the HTML standard reads them."""

    type: str = "message"
    data: list[str] = field(default_factory=list)
    id: str = ""


class Changes:
    """Follows a customer's changes; ``told`` is awaited with each new state, ``report`` hears what goes wrong."""

    def __init__(
        self,
        transport: Transport,
        own: OwnState,
        cache: StateCache,
        *,
        told: Callable[[CustomerState], Awaitable[None]],
        report: Callable[[Exception], None],
        reconnect_seconds: float,
    ) -> None:
        self._transport = transport
        self._own = own
        self._cache = cache
        self._told = told
        self._report = report
        self._unit = reconnect_seconds
        self._running: asyncio.Task[None] | None = None
        self._version: int | None = None

    def start(self) -> None:
        """Begin to follow, from the state that is held; on the running loop."""
        if self._running is None or self._running.done():
            held = self._cache.document
            self._version = held["version"] if held is not None and self._cache.is_fetched else None
            self._running = asyncio.create_task(self._run(), name="storefront-sdk follows changes")

    async def stop(self) -> None:
        """Hang up."""
        running, self._running = self._running, None
        if running is not None and running is not asyncio.current_task():
            running.cancel()
            await asyncio.wait({running})

    def stop_soon(self) -> None:
        """Hang up without waiting for it: also from where a change is being told."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    async def _run(self) -> None:
        failures = 0

        def is_well() -> None:
            nonlocal failures
            failures = 0

        while True:
            wait = 0.0
            try:
                await self._follow(is_well)
                failures = 0
            except StorefrontError as failure:
                self._report(failure)
                if isinstance(failure, _HOPELESS):
                    return
                failures += 1
                wait = failure.retry_after_seconds or 0.0
            await asyncio.sleep(max(reconnect_pause(failures, self._unit), wait))

    async def _follow(self, is_well: Callable[[], None]) -> None:
        """Follow until the line ends; ``is_well`` is called once it has proved its worth."""
        # Also where nothing was told yet: else the server goes by the version that was heard of.
        headers = {"Last-Event-ID": str(self._version or 0), "Accept": "text/event-stream"}
        async with self._transport.open("/v1/stream", headers=headers) as pieces:
            async for event in read_events(pieces, is_well):
                if event.type == "change":
                    await self._changed("\n".join(event.data))
                    is_well()

    async def _changed(self, data: str) -> None:
        """Tell of a change once its state is held; until then the server is asked to tell of it again."""
        version = _version_in(data)
        if self._version is not None and version <= self._version:
            return
        cache = self._cache
        cache.note(version)
        if not cache.is_fetched or cache.document is None or cache.document["version"] < version:
            cache.invalidate()
        state = await self._own.get(Policy.CACHED_OR_FETCHED)
        if state.version < version:
            raise _unreadable(f"state {state.version} is older than the change to {version}")
        if self._version is None or state.version > self._version:
            self._version = state.version
            await self._told(state)


def reconnect_pause(failures: int, unit: float) -> float:
    """Return how long to wait until the line is tried again: up to 30 units, never in step with others."""
    longest = min(unit * 2.0 ** min(failures, _MOST_DOUBLINGS), unit * LONGEST_PAUSE)
    return float(longest * (0.5 + random.random() / 2))  # noqa: S311 - no secret


async def read_events(
    pieces: AsyncIterator[bytes], is_well: Callable[[], None] = lambda: None
) -> AsyncIterator[StreamEvent]:
    """Yield the events of a stream; ``is_well`` is called for every piece but the first."""
    decoder, rest, event, is_first = codecs.getincrementaldecoder("utf-8")("replace"), "", StreamEvent(), True
    async for piece in pieces:
        if not is_first:
            is_well()
        is_first = False
        # A "\r" at the very end may be the first half of a line's end.
        *lines, rest = _LINE_END.split(rest + decoder.decode(piece))
        for line in lines:
            if line:
                _take(event, line)
                continue
            if event.data:
                yield event
            event = StreamEvent(id=event.id)


def _take(event: StreamEvent, line: str) -> None:
    name, _, value = line.partition(":")
    value = value.removeprefix(" ")
    if name == "data":
        event.data.append(value)
    elif name == "event":
        event.type = value
    elif name == "id":
        event.id = value


def _version_in(data: str) -> int:
    try:
        version = json.loads(data)["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("a change without a version") from error
    if type(version) is not int:
        raise _unreadable("a change without a version")
    return version


def _unreadable(what: str) -> UnreadableAnswer:
    return UnreadableAnswer(f"The stream is not as expected: {what}.", code="unreadable_answer")
