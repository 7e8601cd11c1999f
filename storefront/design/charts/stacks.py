"""Bars of parts that stand on one another, one bar a day; what is below zero hangs."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from markupsafe import Markup

from storefront.design.charts.scales import Scale, mean, percent, rounded, scale_for
from storefront.design.charts.wording import amount_words, day_words, short_amount, width_of
from storefront.design.money import exponent_of, is_real

HEIGHT: Final = 280
_TOP: Final = 24
"""Pixels above the highest grid line: room for the annotation."""
_FOOT: Final = 252
"""The pixel of the lowest value; the dates stand below."""
_WEEK: Final = 7
_NARROWEST: Final = {"wide": 430, "phone": 200}
"""Pixels of the plot for which each set of dates has to do."""
_DENSE: Final = 100
"""With more days than this the bars touch."""
_WIDEST_BAR: Final = Fraction(8, 100)
_LONGEST_NOTE: Final = 28
_BRIEFEST_NOTE: Final = 16
"""What fits beside its day on the narrowest phone, in signs."""


@dataclass(frozen=True, slots=True)
class Series:
    """One source: its amount of each day, in the smallest unit; ``colour`` is ``c1`` to ``c6``."""

    name: str
    colour: str
    amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """What made one day stand out, in a few words."""

    day: datetime.date
    text: str


@dataclass(frozen=True, slots=True)
class StackedBars:
    """A bar a day. ``title`` is the sentence that stands for the whole picture; ``unit`` an ISO 4217 code or a word.

    ``series`` stand on one another in their order, the first on the zero line; amounts below zero hang from it.
    ``links`` has an address for each day, or is empty.

    Raises: ``ValueError`` when a series or ``links`` has another number of days.
    """

    title: str
    days: tuple[datetime.date, ...]
    series: tuple[Series, ...]
    unit: str
    locale: str = "en"
    annotation: Annotation | None = None
    links: tuple[str, ...] = ()
    shows_mean: bool = True

    def __post_init__(self) -> None:
        lengths = {len(one.amounts) for one in self.series} | ({len(self.links)} if self.links else set())
        if lengths - {len(self.days)}:
            raise ValueError(f"{len(self.days)} days, but series or links of {sorted(lengths)}")

    @property
    def is_empty(self) -> bool:
        """Nothing came in or went out: show an empty state instead."""
        return not any(amount for one in self.series for amount in one.amounts)

    @property
    def totals(self) -> tuple[int, ...]:
        """Each day's sum, in the smallest unit."""
        return tuple(self.total(at) for at in range(len(self.days)))

    def total(self, at: int) -> int:
        """Return the sum of one day, by its place."""
        return sum(one.amounts[at] for one in self.series)

    @property
    def mean(self) -> Fraction:
        """The mean of the days' sums, exactly."""
        return mean(self.totals)


def stacked_bars(chart: StackedBars) -> Markup:
    """Draw the chart. With ``links`` each bar leads somewhere, and the picture is a group for screen readers.

    Links of bars are for the pointer; the keyboard has the same ones in the chart's table (``as_table``).
    """
    scale = _scale(chart)
    labels = [short_amount(value, chart.unit, chart.locale) for value in scale.lines]
    gutter = max(32, 8 + max(width_of(label) for label in labels))
    axis = Markup("").join(
        Markup('<text x="{}" y="{}" dy="0.35em" text-anchor="end">{}</text>').format(gutter - 8, scale.y(value), label)
        for value, label in zip(scale.lines, labels, strict=True)
    )
    return Markup(
        '<div class="chart{dense}" role="{role}" aria-label="{title}">'
        '<svg class="chart__axis" width="{gutter}" height="{height}" aria-hidden="true">{axis}</svg>'
        '<svg class="chart__plot" role="presentation" width="100%" height="{height}">{grid}{bars}{over}{dates}</svg>'
        "</div>"
    ).format(
        dense=" chart--dense" if len(chart.days) > _DENSE else "",
        role="group" if chart.links else "img",
        title=chart.title,
        gutter=gutter,
        height=HEIGHT,
        axis=axis,
        grid=Markup("").join(_line("chart__grid", scale.y(value)) for value in scale.lines[1:]),
        bars=Markup("").join(_day(chart, scale, at) for at in range(len(chart.days))),
        over=_over(chart, scale),
        dates=_dates(chart, "wide") + _dates(chart, "phone"),
    )


def _scale(chart: StackedBars) -> Scale:
    days = range(len(chart.days))
    above = max((sum(max(0, one.amounts[at]) for one in chart.series) for at in days), default=0)
    below = max((-sum(min(0, one.amounts[at]) for one in chart.series) for at in days), default=0)
    unit = 10 ** exponent_of(chart.unit) if is_real(chart.unit) else 1
    return scale_for(above, below, top=_TOP, foot=_FOOT, unit=unit)


def _line(name: str, y: int) -> Markup:
    return Markup('<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/>').format(name, y, y)


def _middle(chart: StackedBars, at: int) -> Fraction:
    return Fraction(2 * at + 1, 2 * len(chart.days))


def _day(chart: StackedBars, scale: Scale, at: int) -> Markup:
    """One day: a ground to point at, its parts, its tooltip, and its link if it has one."""
    slot = Fraction(1, len(chart.days))
    wide = slot if len(chart.days) > _DENSE else min(slot * Fraction(7, 10), _WIDEST_BAR)
    left, width = percent(_middle(chart, at) - wide / 2), percent(wide)
    day = Markup(
        '<g class="chart__day"><title>{}</title>'
        '<rect class="chart__ground" x="{}" width="{}" y="{}" height="{}"/>{}</g>'
    ).format(
        _tooltip(chart, at),
        percent(slot * at),
        percent(slot),
        _TOP,
        _FOOT - _TOP,
        Markup("").join(
            Markup('<rect class="{}" x="{}" width="{}" y="{}" height="{}"/>').format(colour, left, width, y, height)
            for colour, y, height in _parts(chart.series, scale, at)
        ),
    )
    return Markup('<a href="{}" tabindex="-1">{}</a>').format(chart.links[at], day) if chart.links else day


def _parts(series: Sequence[Series], scale: Scale, at: int) -> list[tuple[str, int, int]]:
    """Colour, upper edge and height of each part that is a pixel at least; each leaves one to its neighbour."""
    above = below = 0
    found = []
    for one in series:
        amount = one.amounts[at]
        if amount > 0:
            low, above = above, above + amount
            upper, lower, gap = scale.y(above), scale.y(low), low > 0
            found.append((one.colour, upper, lower - upper - gap))
        elif amount < 0:
            high, below = below, below + amount
            upper, lower, gap = scale.y(high), scale.y(below), high < 0
            found.append((one.colour, upper + gap, lower - upper - gap))
    return [part for part in found if part[2] > 0]


def _tooltip(chart: StackedBars, at: int) -> str:
    parts = (f"{one.name} {amount_words(one.amounts[at], chart.unit, chart.locale)}" for one in chart.series)
    total = amount_words(chart.total(at), chart.unit, chart.locale)
    return f"{day_words(chart.days[at], chart.locale)}: {total}. {', '.join(parts)}"


def _over(chart: StackedBars, scale: Scale) -> Markup:
    """What lies over the bars: the zero line, the mean, the annotation."""
    over = _line("chart__zero", scale.y(0))
    if chart.shows_mean and chart.mean:
        words = amount_words(rounded(chart.mean), chart.unit, chart.locale)
        over += Markup("<g><title>{}</title>{}</g>").format(
            f"Average {words}", _line("chart__mean", scale.y(chart.mean))
        )
    if chart.annotation is not None and chart.annotation.day in chart.days:
        over += _note(chart, scale, chart.annotation)
    return over


def _note(chart: StackedBars, scale: Scale, annotation: Annotation) -> Markup:
    """The words above all bars, with a line down to the day's own; on the side where there is room."""
    at = chart.days.index(annotation.day)
    middle = _middle(chart, at)
    anchor = "start" if middle < Fraction(1, 3) else "end" if middle > Fraction(2, 3) else "middle"
    top = scale.y(sum(max(0, one.amounts[at]) for one in chart.series))
    x = percent(middle)
    full, brief = _cut(annotation.text, _LONGEST_NOTE), _cut(annotation.text, _BRIEFEST_NOTE)
    sizes = ((full, "chart__full"), (brief, "chart__brief")) if brief != full else ((full, "chart__any"),)
    texts = Markup("").join(
        Markup('<text class="{}" x="{}" y="10" text-anchor="{}">{}</text>').format(name, x, anchor, words)
        for words, name in sizes
    )
    return Markup('<g class="chart__note"><title>{}</title>{}<line x1="{}" x2="{}" y1="15" y2="{}"/></g>').format(
        annotation.text, texts, x, x, max(16, top - 3)
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _dates(chart: StackedBars, size: str) -> Markup:
    """Dates along the foot, a week or more apart; phones get fewer of them. Style sheets show one of both sets.

    One that would stand out under the last bars is put to the end of the axis.
    """
    count, room = len(chart.days), _NARROWEST[size]
    words = [day_words(day, chart.locale) for day in chart.days]
    width = max(map(width_of, words), default=0)
    step = 1 if count <= _WEEK else _WEEK
    if size == "phone":
        step *= 2
    while step < count and step * room < (width + 4) * count:
        step += step if step < _WEEK else _WEEK
    texts = Markup("")
    for at in range(0, count, step):
        middle = _middle(chart, at)
        x, anchor = (percent(middle), "middle") if (1 - middle) * room * 2 >= width else ("100%", "end")
        texts += Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, HEIGHT - 8, anchor, words[at])
    return Markup('<g class="chart__dates chart__dates--{}">{}</g>').format(size, texts)
