"""The two clocks.

``now()`` is business time: periods, windows of limits, lots, entitlements, due jobs, ``occurred_at``.
In a sandbox it can be moved forward; the offset is a row of the database. ``wall()`` is the machine's:
session tokens, leases of jobs, signatures, rate limits, ``recorded_at``, logs. In production both agree.

Times are integer milliseconds since 1970-01-01 UTC, in code and in the database; ``iso`` writes them as
RFC 3339 for the wire.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which times cannot be written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """Hands out business and wall time in milliseconds; ``wall`` is injected so that tests can set it."""

    def __init__(self, wall: Callable[[], int] | None = None, *, offset_ms: int = 0) -> None:
        self._wall = wall or _machine_time
        self.offset_ms = offset_ms

    def wall(self) -> int:
        """Return the machine's time in milliseconds."""
        return self._wall()

    def now(self) -> int:
        """Return business time in milliseconds."""
        return self._wall() + self.offset_ms


def iso(time_ms: int) -> str:
    """Write a time as RFC 3339 in UTC: ``2026-11-21T09:30:00.250Z``."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def parse_iso(text: str) -> int:
    """Read an RFC 3339 time with its zone; raises ``ValueError`` without one."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, for example 2026-11-21T09:30:00Z")
    since = moment - _EPOCH
    time_ms = since.days * DAY_MS + since.seconds * SECOND_MS + since.microseconds // 1_000
    if not 0 <= time_ms <= LATEST_MS:
        raise ValueError("a time lies between 1970 and 9999, UTC")
    return time_ms


def to_datetime(time_ms: int) -> datetime:
    """Return an aware UTC datetime."""
    return _EPOCH + timedelta(milliseconds=time_ms)


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _machine_time() -> int:
    return time.time_ns() // 1_000_000
