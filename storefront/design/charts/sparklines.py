"""The small line at the foot of a figure: its course, without any words."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from markupsafe import Markup

_WIDTH: Final = 200
_HEIGHT: Final = 32
_EDGE: Final = 2
"""Pixels above the highest and below the lowest point, so that the line is not cut."""


def sparkline(values: Sequence[int | Fraction]) -> Markup:
    """Draw the course of a figure from its lowest to its highest value; nothing for fewer than two values.

    It is hidden from screen readers: the tile says the figure and what it was.
    """
    if len(values) < 2:
        return Markup("")
    lowest, spread = min(values), max(values) - min(values)
    last = len(values) - 1
    points = " ".join(
        f"{round(Fraction(_WIDTH * at, last))},{_height(value - lowest, spread)}" for at, value in enumerate(values)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" height="{height}" '
        'aria-hidden="true"><polygon class="spark__ground" points="0,{height} {points} {width},{height}"/>'
        '<polyline class="spark__line" points="{points}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(width=_WIDTH, height=_HEIGHT, points=points)


def _height(above: int | Fraction, spread: int | Fraction) -> int:
    if not spread:
        return _HEIGHT // 2
    return _HEIGHT - _EDGE - round(Fraction(above) * (_HEIGHT - 2 * _EDGE) / spread)
