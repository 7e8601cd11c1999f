"""How often a feature is as large as this, among what was learned of late.

A histogram of fixed size over log2(1 + x), in which what was learned halves in weight with every so much that is
learned after it. Nothing is divided on the way: new weight grows instead, until it is brought back.
"""

from collections.abc import Sequence
from math import log2

BINS = 96
_PER_DOUBLING = 12
_MOST = 1e100


class Histogram:
    """The tail of one feature, whose values are not negative; ``half_life`` in units of weight."""

    __slots__ = ("bins", "growth", "total", "unit")

    def __init__(self, half_life: float, *, unit: float = 1.0, bins: Sequence[float] | None = None) -> None:
        self.growth = 2.0 ** (1 / half_life)
        self.unit = unit
        self.bins = [0.0] * BINS if bins is None else list(bins)
        self.total = sum(self.bins)

    def tail(self, value: float) -> float:
        """Return how much of what was learned is at least so large: in (0, 1], never 0.

        This one counts itself, as a permutation test does (Phipson and Smyth, 2010).
        """
        place = _place(value)
        if not place:
            return 1.0
        return min(1.0, (sum(self.bins[place:]) + self.unit) / (self.total + self.unit))  # sums are rounded

    def learn(self, value: float, weight: float) -> None:
        """Learn one value; ``weight`` from 0 to 1."""
        added = weight * self.unit
        self.bins[_place(value)] += added
        self.total += added
        self.unit *= self.growth**weight
        if self.unit > _MOST:
            self.bins = [one / self.unit for one in self.bins]
            self.total, self.unit = sum(self.bins), 1.0

    @property
    def size(self) -> float:
        """Return for how many purchases of full weight it stands."""
        return self.total / self.unit


def _place(value: float) -> int:
    return min(BINS - 1, int(_PER_DOUBLING * log2(1 + value)))
