"""Ring buckets: how often, and for how much, within the last minute, hour, day and week.

A row holds 60 buckets of a minute, 24 of an hour and 7 of a day; a window is this bucket and the ones before it, so it
slides at the precision of its buckets: the last hour is this minute and the 59 before. Only buckets in which something
happened are kept.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS

Buckets = dict[str, list[list[int]]]
"""Ring -> its buckets, oldest first: which one (time // its length), how often, for how much."""

RINGS: Mapping[str, tuple[int, int]] = {"m": (MINUTE_MS, 60), "h": (HOUR_MS, 24), "d": (DAY_MS, 7)}
"""Ring -> the length of a bucket in ms, and how many there are."""
WINDOWS: Mapping[str, tuple[str, int, int]] = {
    "1m": ("m", MINUTE_MS, 1),
    "1h": ("m", MINUTE_MS, 60),
    "24h": ("h", HOUR_MS, 24),
    "7d": ("d", DAY_MS, 7),
}
"""Window -> its ring, the length of a bucket of it, and how many make the window."""
LONGEST_MS = 7 * DAY_MS
_EMPTY = '{"m":[],"h":[],"d":[]}'
_DECODER = msgspec.json.Decoder(Buckets)


def buckets_of(row: Mapping[str, Any] | None) -> Buckets:
    """Read a counter's row; None is an empty one."""
    return _DECODER.decode(_EMPTY if row is None else row["buckets"])


def add(buckets: Buckets, now: int, amount: int) -> None:
    """Count once more, for ``amount``, at ``now``; what has slid out of its ring is dropped."""
    for ring, (length, most) in RINGS.items():
        place, kept = now // length, buckets[ring]
        last = kept[-1] if kept else None
        if last is not None and last[0] == place:
            last[1] += 1
            last[2] += amount
            continue
        found = next((one for one in kept if one[0] == place), None)
        if found is None:
            kept.append([place, 1, amount])
            kept.sort()
        else:
            found[1] += 1
            found[2] += amount
        buckets[ring] = [one for one in kept if one[0] > kept[-1][0] - most]


def text_of(buckets: Buckets) -> str:
    return msgspec.json.encode(buckets).decode()
