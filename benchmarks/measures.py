"""What a benchmark says: one measure is a figure, the floor of the same run that it stands beside, and our aim."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the report.

    ``value`` is in ``unit``; ``ratio`` is the figure over ``floor`` (or the time over the floor's time), and
    ``aim`` what it should be at least, or at most if ``is_most``. Times are in milliseconds.
    """

    section: str
    what: str
    value: float
    unit: str = "per second"
    p50_ms: float | None = None
    p99_ms: float | None = None
    ratio: float | None = None
    floor: str = ""
    aim: float | None = None
    is_most: bool = False

    @property
    def is_reached(self) -> bool | None:
        """Tell whether the aim is reached, or None where there is none."""
        if self.aim is None or self.ratio is None:
            return None
        return self.ratio <= self.aim if self.is_most else self.ratio >= self.aim
