"""Bars beside words: the words are text of the page, only the bar is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from markupsafe import Markup

from storefront.design.charts.scales import per_mille
from storefront.design.charts.wording import amount_words, short_amount


@dataclass(frozen=True, slots=True)
class BarRow:
    """One bar: what it is, and how much, in the smallest unit; ``url`` leads to what it is made of."""

    name: str
    amount: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class BarList:
    """Bars under their words, in the order given. ``colour`` is ``c1`` to ``c6``; what is below zero is in ``c6``."""

    title: str
    rows: tuple[BarRow, ...]
    unit: str
    locale: str = "en"
    colour: str = "c2"


@dataclass(frozen=True, slots=True)
class TwoSided:
    """What came in (``c1``) against what went out (``c2``), both as numbers above zero and by one scale."""

    title: str
    came_in: tuple[BarRow, ...]
    went_out: tuple[BarRow, ...]
    unit: str
    locale: str = "en"


def bar_list(chart: BarList) -> Markup:
    """Draw a bar for each row, the longest as wide as the list."""
    most = max((abs(row.amount) for row in chart.rows), default=0)
    rows = Markup("").join(
        Markup('<li><span class="bars__name">{}</span><span class="bars__sum"><bdi>{}</bdi></span>{}</li>').format(
            _name(row),
            amount_words(row.amount, chart.unit, chart.locale),
            _bar(row.amount, most, chart.colour if row.amount >= 0 else "c6", is_on_track=True),
        )
        for row in chart.rows
    )
    return Markup('<ul class="bars" aria-label="{}">{}</ul>').format(chart.title, rows)


def two_sided_bars(chart: TwoSided) -> Markup:
    """Draw both sides from one middle line, each with its sum at the head."""
    most = max((row.amount for row in (*chart.came_in, *chart.went_out)), default=0)
    rows = Markup("").join(
        Markup('<div class="sides__row">{}{}</div>').format(
            _side(chart, left, most, "in"), _side(chart, right, most, "out")
        )
        for left, right in zip_longest(chart.came_in, chart.went_out)
    )
    return Markup('<div class="sides" role="group" aria-label="{}"><div class="sides__row">{}{}</div>{}</div>').format(
        chart.title, _head(chart, chart.came_in, "in"), _head(chart, chart.went_out, "out"), rows
    )


def _head(chart: TwoSided, rows: Sequence[BarRow], side: str) -> Markup:
    total = sum(row.amount for row in rows)
    return Markup('<p class="sides__{0} sides__head"><span>{1} <b title="{2}"><bdi>{3}</bdi></b></span></p>').format(
        side,
        side.capitalize(),
        amount_words(total, chart.unit, chart.locale),
        short_amount(total, chart.unit, chart.locale),
    )


def _side(chart: TwoSided, row: BarRow | None, most: int, side: str) -> Markup:
    if row is None:
        return Markup('<p class="sides__{}"></p>').format(side)
    return Markup('<p class="sides__{}"><span>{} <b title="{}"><bdi>{}</bdi></b></span>{}</p>').format(
        side,
        _name(row),
        amount_words(row.amount, chart.unit, chart.locale),
        short_amount(row.amount, chart.unit, chart.locale),
        _bar(row.amount, most, "c1" if side == "in" else "c2", is_on_track=False),
    )


def _name(row: BarRow) -> Markup:
    name = Markup("<bdi>{}</bdi>").format(row.name)
    return Markup('<a href="{}">{}</a>').format(row.url, name) if row.url else name


def _bar(amount: int, most: int, colour: str, *, is_on_track: bool) -> Markup:
    track = Markup('<rect class="track" width="1000" height="1"/>') if is_on_track else ""
    return Markup(
        '<svg class="bar" viewBox="0 0 1000 1" preserveAspectRatio="none" height="10" aria-hidden="true">{}'
        '<rect class="{}" width="{}" height="1"/></svg>'
    ).format(track, colour, per_mille(abs(amount), most))
