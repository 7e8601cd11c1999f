"""Pearson's chi-square test: do counts fit the chances they are said to have?

Exact enough for what it is asked here (is p below 10⁻⁶, or above 0.001): the survival function is the regularised upper
incomplete gamma function, by its series or its continued fraction, to twelve digits.
Source: Numerical Recipes, 3rd edition, §6.2.
"""

import math
from collections.abc import Sequence

LEAST_EXPECTED = 5.0
_TINY = 1e-300
_CLOSE = 1e-13
_MOST_TERMS = 10_000


def p_value(counts: Sequence[int], weights: Sequence[int]) -> float:
    """Return how likely counts are to be this far, or farther, from what their weights say.

    Cells of which fewer than five are expected are put together, the rarest first; with less than two cells left
    there is nothing to test, and the answer is 1.
    """
    drawn, whole = sum(counts), sum(weights)
    cells = sorted(
        ((drawn * weight / whole, count) for count, weight in zip(counts, weights, strict=True)),
        key=lambda cell: cell[0],
    )
    joined: list[tuple[float, int]] = []
    expected, count = 0.0, 0
    for part, seen in cells:
        expected, count = expected + part, count + seen
        if expected >= LEAST_EXPECTED:
            joined.append((expected, count))
            expected, count = 0.0, 0
    if joined and expected:
        joined[-1] = (joined[-1][0] + expected, joined[-1][1] + count)
    if len(joined) < 2:
        return 1.0
    statistic = sum((seen - due) ** 2 / due for due, seen in joined)
    return survival(statistic, len(joined) - 1)


def survival(statistic: float, degrees: int) -> float:
    """Return the chance that a chi-square variable of so many degrees of freedom is at least ``statistic``."""
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    return 1.0 - front * _series(a, x) if x < a + 1 else front * _fraction(a, x)


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    for n in range(1, _MOST_TERMS):
        term *= x / (a + n)
        total += term
        if term < total * _CLOSE:
            break
    return total


def _fraction(a: float, x: float) -> float:
    """Return the continued fraction by Lentz's method."""
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    found = d
    for n in range(1, _MOST_TERMS):
        factor = -n * (n - a)
        b += 2
        d = 1 / _away_from_zero(factor * d + b)
        c = _away_from_zero(b + factor / c)
        found *= d * c
        if abs(d * c - 1) < _CLOSE:
            break
    return found


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
