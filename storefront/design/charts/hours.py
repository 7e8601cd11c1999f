"""A bar an hour: whether deliveries arrived. An hour that failed is red and taller."""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from storefront.design.money import format_count

_STEP: Final = 4
_BAR: Final = 3
_HEIGHT: Final = 24
_LOOKS: Final = {"none": ("hours__none", 22, 2), "good": ("hours__good", 6, 18), "failed": ("hours__failed", 0, 24)}
"""class, upper edge and height"""


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: its beginning in words, in the reader's zone, and how many deliveries arrived and failed."""

    begins: str
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours in order, oldest first: 48 as a rule."""

    name: str
    hours: tuple[Hour, ...]
    locale: str = "en"


def hour_bars(chart: Hours) -> Markup:
    """Draw the hours as one small picture that says how many of them failed."""
    failing = sum(1 for hour in chart.hours if hour.failed)
    told = f"{failing} of {len(chart.hours)} hours with failures" if failing else "no failures"
    width = _STEP * len(chart.hours)
    return Markup(
        '<svg class="hours" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}</svg>'
    ).format(
        width,
        _HEIGHT,
        f"{chart.name}: {told}",
        Markup("").join(_hour(hour, at, chart.locale) for at, hour in enumerate(chart.hours)),
    )


def _hour(hour: Hour, at: int, locale: str) -> Markup:
    state = "failed" if hour.failed else "good" if hour.delivered else "none"
    name, y, height = _LOOKS[state]
    told = f"{format_count(hour.delivered, locale)} delivered, {format_count(hour.failed, locale)} failed"
    return Markup('<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{}" height="{}"/></g>').format(
        f"{hour.begins}: {told}", name, _STEP * at, y, _BAR, height
    )
