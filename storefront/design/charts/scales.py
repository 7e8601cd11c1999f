"""Where values lie on a drawing: round steps of an axis, pixels and percentages. All in integers and fractions."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_ROUND: Final = (1, 2, 5)
_MOST_STEPS: Final = 3
_FEWEST_STEPS: Final = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``lowest`` (zero or below) to ``highest`` (above zero) on pixels from ``top`` down to ``foot``.

    ``lines`` are the round values that get a grid line: zero first, then upwards, then downwards; three or four.
    """

    lowest: int
    highest: int
    lines: tuple[int, ...]
    top: int
    foot: int

    def y(self, value: int | Fraction) -> int:
        """The pixel of a value, rounded to a whole one."""
        return self.top + round(Fraction(self.highest - value) * (self.foot - self.top) / (self.highest - self.lowest))


def scale_for(above: int, below: int, *, top: int, foot: int, unit: int = 1) -> Scale:
    """Fit ``above`` (the highest bar) and ``below`` (the lowest, as a positive number) between two pixels.

    ``unit`` is the step when all is zero: one whole euro, say, in cents.
    """
    step = _round_step(above + below) if above + below else unit
    up, down = -(-above // step), below // step
    missing = max(0, _FEWEST_STEPS - up - down)
    if above >= below:
        up += missing
    else:
        down += missing
    lines = (*range(0, up * step + 1, step), *range(-step, -down * step - 1, -step))
    return Scale(lowest=-max(below, down * step), highest=max(up * step, 0), lines=lines, top=top, foot=foot)


def _round_step(span: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that passes over ``span`` in three steps at most."""
    power = 1
    while True:
        for digit in _ROUND:
            if digit * power * _MOST_STEPS >= span:
                return digit * power
        power *= 10


def percent(part: Fraction) -> str:
    """A share of the whole width as SVG writes it, to a thousandth: ``1/3`` -> ``33.333%``."""
    whole, rest = divmod(round(part * 100_000), 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".") + "%"


def per_mille(value: int, most: int) -> int:
    """The length of a bar of 1000 parts; never nothing for something, never more than all."""
    return max(1, round(Fraction(1000 * value, most))) if value and most else 0


def mean(values: Sequence[int]) -> Fraction:
    """The exact mean; zero of nothing."""
    return Fraction(sum(values), len(values)) if values else Fraction(0)


def rounded(value: Fraction) -> int:
    """Half away from zero, as people round sums."""
    double = abs(2 * value) + 1
    return int(double // 2) * (1 if value >= 0 else -1)
