"""Estimates from counts and sums: intervals for rates, differences and means, and a test of shares. Pure.

Sources: E. B. Wilson, JASA 22 (1927) 209-212; R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10;
B. L. Welch, Biometrika 34 (1947) 28-35; W. H. Press et al., Numerical Recipes, 3rd ed., 6.2 and 6.4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_TINY, _PRECISE, _MOST_TERMS = 1e-300, 1e-14, 10_000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and where the truth lies with a confidence of 95 %."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Of ``count`` values their sum and the sum of their squares."""

    count: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def variance(self) -> float:
        """The unbiased variance; needs two values."""
        return max(0.0, (self.squares - self.total * self.total / self.count) / (self.count - 1))


def rate(hits: int, count: int) -> Interval | None:
    """Return a rate with Wilson's score interval; None of nobody."""
    if count == 0:
        return None
    share, square = hits / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def rate_difference(hits: int, count: int, base_hits: int, base_count: int) -> Interval | None:
    """Return how much a rate is above the base rate, with Newcombe's hybrid score interval."""
    ours, base = rate(hits, count), rate(base_hits, base_count)
    if ours is None or base is None:
        return None
    difference = ours.estimate - base.estimate
    below = math.hypot(ours.estimate - ours.low, base.high - base.estimate)
    above = math.hypot(ours.high - ours.estimate, base.estimate - base.low)
    return Interval(difference, difference - below, difference + above)


def mean_difference(ours: Sample, base: Sample) -> Interval | None:
    """Return how much a mean is above the base mean, with Welch's interval; None where nothing varies, or of one."""
    if ours.count < 2 or base.count < 2:
        return None
    parts = (ours.variance / ours.count, base.variance / base.count)
    error = sum(parts)
    if error == 0:
        return None
    freedom = error**2 / sum(part**2 / (one.count - 1) for part, one in zip(parts, (ours, base), strict=True))
    half = student_quantile((1 + CONFIDENCE) / 2, freedom) * math.sqrt(error)
    difference = ours.mean - base.mean
    return Interval(difference, difference - half, difference + half)


def shares_mismatch(counts: Sequence[int], weights: Sequence[int]) -> float | None:
    """Return how likely shares as uneven as these are by chance (Pearson's chi-square); None if there are none."""
    known = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight]
    total, weight_sum = sum(count for count, _ in known), sum(weight for _, weight in known)
    if total == 0 or len(known) < 2:
        return None
    expected = [(count, total * weight / weight_sum) for count, weight in known]
    statistic = sum((count - due) ** 2 / due for count, due in expected)
    return chi_square_above(statistic, len(known) - 1)


def needed_per_variant(base_rate: float, relative: float) -> int | None:
    """Return how many customers a variant needs to show a relative change of its rate: 80 % power at 95 %.

    Source: R. Lehr, Statistics in Medicine 11 (1992) 1099-1102: 16 times the variance over the squared difference.
    """
    if not 0 < base_rate < 1:
        return None
    return math.ceil(16 * base_rate * (1 - base_rate) / (base_rate * relative) ** 2)


def chi_square_above(statistic: float, freedom: int) -> float:
    """Return the chance of a chi-square of at least this much: the regularized upper incomplete gamma function."""
    a, x = freedom / 2, statistic / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * _PRECISE:
                break
        return 1 - front * total
    b, c, d = x + 1 - a, 1 / _TINY, 1 / (x + 1 - a)
    h = d
    for n in range(1, _MOST_TERMS):
        factor = -n * (n - a)
        b += 2
        d = 1 / _off_zero(factor * d + b)
        c = _off_zero(b + factor / c)
        h *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return front * h


def student_quantile(share: float, freedom: float) -> float:
    """Return where Student's t has ``share`` (above a half) below it, by halving."""
    low, high = 0.0, 1.0
    while _student_below(high, freedom) < share:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_below(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _student_below(t: float, freedom: float) -> float:
    return 1 - _beta_below(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def _beta_below(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for factor in (even, odd):
            d = 1 / _off_zero(1 + factor * d)
            c = _off_zero(1 + factor / c)
            h *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return h


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
