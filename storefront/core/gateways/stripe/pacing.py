"""How often Stripe is called: so many requests a second to each endpoint, whoever in this process asks."""

import asyncio
import time
from collections.abc import Callable

REQUESTS_PER_SECOND = 25
"""Stripe's own limit for each endpoint (docs.stripe.com/rate-limits, read 2026-11-21)."""

_MADE_FOR_MORE = {"billing.meter_events": 1000}


class TokenBucket:
    """Lets a second's worth of calls begin at once, and the rest in turn as tokens come back."""

    def __init__(self, per_second: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._full_at = now()

    async def take(self) -> None:
        """Wait for a token. Who asks first gets the first."""
        delay = self.reserve()
        if delay > 0:
            await asyncio.sleep(delay)

    def reserve(self) -> float:
        """Take the next token and return in how many seconds it is there; 0 if it is there already."""
        now = self._now()
        self._full_at = max(self._full_at, now) + 1 / self._per_second
        return max(0.0, self._full_at - now - 1)


class Pacing:
    """One bucket per endpoint (``checkout.sessions``)."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._buckets: dict[str, TokenBucket] = {}

    async def take(self, endpoint: str) -> None:
        bucket = self._buckets.get(endpoint)
        if bucket is None:
            bucket = self._buckets[endpoint] = TokenBucket(max(self._per_second, _MADE_FOR_MORE.get(endpoint, 0)))
        await bucket.take()
