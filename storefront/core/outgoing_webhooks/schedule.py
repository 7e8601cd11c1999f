"""When a delivery is tried, and tried again: ten times within three days and a few hours, in business time."""

import random
from datetime import UTC
from email.utils import parsedate_to_datetime

from storefront.core.clock import HOUR_MS, MINUTE_MS, SECOND_MS

GAPS_MS = (
    0,
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
)
"""How long after the attempt before each attempt comes; 75 hours 35 minutes from the first to the last."""
MOST_ATTEMPTS = len(GAPS_MS)
LARGEST_JITTER = 0.1
LONGEST_RETRY_AFTER_MS = 24 * HOUR_MS


def next_attempt(attempts: int, *, now: int, wall: int, retry_after: str | None) -> int | None:
    """Return when a delivery that failed ``attempts`` times is due again (business ms), or None: never.

    Up to a tenth is added by chance, so that what failed together does not come back together. A receiver may ask
    for more time (``Retry-After``), up to a day.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    gap = GAPS_MS[attempts]
    gap += int(gap * random.uniform(0, LARGEST_JITTER))  # noqa: S311 - no secret
    return now + max(gap, min(read_retry_after(retry_after, wall), LONGEST_RETRY_AFTER_MS))


def read_retry_after(header: str | None, wall: int) -> int:
    """Return how long a ``Retry-After`` header asks to wait (ms), seconds or a date; 0 if it asks nothing sensible."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * SECOND_MS
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, int(aware.timestamp()) * SECOND_MS - wall)
