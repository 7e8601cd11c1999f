"""Whether a customer's reported usage is still like itself: what a meter tells against what it should by now.

What is expected of an hour is the customer's usual level, times the usual course of the week (168 hours, the customer's
own, with the meter's for a prior). Where something is counted beside it that the reporter does not control (another
meter, entitlement checks, minutes connected), it is expected in proportion to that, and a quiet week explains itself.

Departures of a single hour mean little and are cut (Huber); what lasts adds up in two sums, for too little and too much
(CUSUM). The score is the chance that a sum of honest noise gets so high, on the scale of tenfolds.

Source: Page, "Continuous inspection schemes", 1954; Siegmund, "Sequential analysis", 1985 (the chance of a level is
about exp(-2 * drift * level)); Huber, "Robust estimation of a location parameter", 1964.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log

import msgspec

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront_fraud.anomaly.combining import Reason, scale

HOURS = 168
"""Hours of a week, from Monday 0:00 UTC."""
DRIFT = 0.5
ENOUGH = 2 * HOURS
"""Hours that are learned before anything is said: two weeks."""
STEP_A_DAY = 0.02
"""What is usual moves by at most this (in ln) a day: whoever reports less at once is seen to, for weeks."""
_CUT = 2.5
_MOST = 20.0
_SHAPE_GAIN = 0.15
_LEAST_GAIN = 0.1
_PRIOR_WEEKS = 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What was reported for one full hour, from ``at`` (ms); ``beside``: what was counted independently of it."""

    at: int
    quantity: float
    beside: float | None = None


@dataclass(frozen=True, slots=True)
class MeterScore:
    """How unlike itself usage has become, 0 to 1; None while too little was learned."""

    value: float | None
    reasons: Sequence[Reason] = ()


def _flat() -> list[float]:
    return [0.0] * HOURS


@dataclass(slots=True)
class Week:
    """The usual course of a week: ln of each hour against the level. Of a meter it is shared by its customers."""

    shape: list[float] = field(default_factory=_flat)
    weeks: float = 0.0

    def learn(self, hour: int, away: float, gain: float) -> None:
        self.shape[hour] += gain * max(-_CUT, min(_CUT, away))
        self.weeks = min(20.0, self.weeks + 1 / HOURS)


@dataclass(slots=True)
class MeterProfile:
    """What is remembered of one meter and customer: some numbers and a week, bounded. ``row`` is its short JSON."""

    learned: int = 0
    level: float = 0.0
    spread: float = 0.5
    moved_at: int = 0
    low: float = 0.0
    high: float = 0.0
    missing: float = 0.0
    week: Week = field(default_factory=Week)

    def judge(self, reading: Reading, meter: Week) -> MeterScore:
        """Score a reading and all before it, and learn it. Readings come in the order of their hours."""
        hour = reading.at // HOUR_MS % HOURS
        told = log(1 + reading.quantity)
        if reading.beside is not None:
            told -= log(1 + reading.beside)
        if not self.learned:
            self.level, self.moved_at = told, reading.at
        course = self._course(hour, meter)
        away = told - self.level - course
        spread = max(0.05, 1.25 * self.spread)
        if self.learned >= ENOUGH:
            cut = max(-_CUT, min(_CUT, away / spread))
            self.low = min(_MOST, max(0.0, self.low - cut - DRIFT))
            self.high = min(_MOST, max(0.0, self.high + cut - DRIFT))
            self.missing = self.missing * (1 - 1 / HOURS) + away / HOURS
        score = self._score(reading)
        self._learn(reading.at, hour, away, meter, strange=score.value or 0.0)
        return score

    def _course(self, hour: int, meter: Week) -> float:
        share = self.week.weeks / (self.week.weeks + _PRIOR_WEEKS)
        return share * self.week.shape[hour] + (1 - share) * meter.shape[hour]

    def _score(self, reading: Reading) -> MeterScore:
        if self.learned < ENOUGH:
            return MeterScore(None)
        most = max(self.low, self.high)
        value = scale(exp(-2 * DRIFT * most))
        if value < 0.25:
            return MeterScore(value)
        name, word = ("under_reported", "less") if self.low >= self.high else ("over_reported", "more")
        by = abs(exp(self.missing) - 1) * 100
        against = "this customer's usual week" if reading.beside is None else "what was counted beside it"
        return MeterScore(value, (Reason(name, f"of late {by:.0f} % {word} than expected by {against}", most),))

    def _learn(self, at: int, hour: int, away: float, meter: Week, *, strange: float) -> None:
        """Move what is usual: freely in the first two weeks, then by bounded steps, and hardly while it is strange."""
        days = min(1.0, max(0, at - self.moved_at) / DAY_MS)
        cut = max(-_CUT * self.spread, min(_CUT * self.spread, away))
        if self.learned < ENOUGH:
            self.level += away / (self.learned + 1) if self.learned < 24 else cut / 24
        else:
            most = STEP_A_DAY * days * max(_LEAST_GAIN, (1 - strange) ** 2)
            self.level += max(-most, min(most, cut / HOURS))
        gain = _SHAPE_GAIN * (1 - strange) ** 2
        self.spread += gain / 24 * (min(_CUT * self.spread, abs(away)) - self.spread)
        self.week.learn(hour, away, gain)
        meter.learn(hour, away, gain / 10)
        self.learned, self.moved_at = self.learned + 1, max(at, self.moved_at)

    def row(self) -> str:
        sums = [round(one, 10) for one in (self.level, self.spread, self.low, self.high, self.missing)]
        shape = [round(1000 * one) for one in self.week.shape]
        return msgspec.json.encode([self.learned, self.moved_at, sums, round(self.week.weeks, 6), shape]).decode()

    @classmethod
    def of_row(cls, row: str) -> "MeterProfile":
        learned, moved_at, (level, spread, low, high, missing), weeks, shape = msgspec.json.decode(row)
        week = Week([one / 1000 for one in shape], weeks)
        return cls(learned, level, spread, moved_at, low, high, missing, week)
