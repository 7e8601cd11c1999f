"""What rules may know of an attempt at its moment, kept up as the year goes by."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from storefront_fraud.attributes import Value

from benchmarks.fraud_year.shapes import DAY, HOUR, MINUTE, Attempt

WINDOWS = {"1m": MINUTE, "1h": HOUR, "24h": DAY, "7d": 7 * DAY}


@dataclass(slots=True)
class _Track:
    """When something was tried, and the sums up to then."""

    times: list[int] = field(default_factory=list)
    sums: list[int] = field(default_factory=lambda: [0])

    def add(self, at: int, amount: int) -> None:
        self.times.append(at)
        self.sums.append(self.sums[-1] + amount)

    def within(self, at: int, window: int) -> tuple[int, int]:
        first = bisect_right(self.times, at - window)
        return len(self.times) - first, self.sums[-1] - self.sums[first]


class Facts:
    """The state behind the attributes. ``reads``: those that are wanted."""

    def __init__(self, reads: Iterable[str]) -> None:
        self._velocity = [(name, *name.split(".")[1:]) for name in sorted(reads) if name.startswith("velocity.")]
        self._tracks: dict[tuple[str, str], _Track] = defaultdict(_Track)
        self._declines: dict[tuple[str, int], int] = defaultdict(int)
        self._purchases: dict[str, int] = defaultdict(int)
        self._refunds: dict[str, int] = defaultdict(int)
        self._to_refund: list[tuple[int, str]] = []

    def history(self, one: Attempt) -> tuple[int, int]:
        """Return how many purchases of the customer were completed, and how many refunded, until this one."""
        while self._to_refund and self._to_refund[0][0] <= one.at:
            self._refunds[heappop(self._to_refund)[1]] += 1
        return self._purchases[one.customer], self._refunds[one.customer]

    def values(self, one: Attempt) -> dict[str, Value]:
        """Count an attempt, and return what is known of it."""
        by = {"customer": one.customer, "ip": one.address, "device": one.device,
              "card": None if one.card is None else one.card.fingerprint}  # fmt: skip
        for dimension, value in by.items():
            if value is not None:
                self._tracks[dimension, value].add(one.at, one.amount)
        purchases, refunds = self.history(one)
        found: dict[str, Value | None] = {
            "kind": one.kind,
            "sku": one.sku,
            "amount_usd": one.amount,
            "gateway": one.gateway,
            "customer.age_days": (one.at - one.customer_since) // DAY,
            "customer.purchases": purchases,
            "customer.refunds": refunds,
            "recipient.is_other": one.recipient is not None,
            "recipient.age_days": None if one.recipient_since is None else (one.at - one.recipient_since) // DAY,
            "ip.country": one.ip_country,
            "declines.ip": self._declined(one),
            "card.country": None if one.card is None else one.card.country,
            "card.funding": None if one.card is None else one.card.funding,
        }
        for name, dimension, figure in self._velocity:
            value = by[dimension]
            if value is not None:
                what, window = figure.split("_")
                count, total = self._tracks[dimension, value].within(one.at, WINDOWS[window])
                found[name] = count if what == "count" else total
        return {name: value for name, value in found.items() if value is not None}

    def _declined(self, one: Attempt) -> int | None:
        if one.address is None:
            return None
        hour = one.at // HOUR
        return max(self._declines.get((one.address, which), 0) for which in (hour, hour - 1))

    def after(self, one: Attempt, *, is_completed: bool) -> None:
        """Learn what came of an attempt that was let through."""
        if one.is_declined and one.address is not None:
            self._declines[one.address, one.at // HOUR] += 1
        if is_completed:
            self._purchases[one.customer] += 1
            if one.refunded_at is not None:
                heappush(self._to_refund, (one.refunded_at, one.customer))
