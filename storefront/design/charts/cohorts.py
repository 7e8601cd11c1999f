"""Of those who joined in a month, how many still pay: a table whose cells are tinted by one scale for ever."""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from storefront.design.money import format_count

_FEW: Final = 20
"""Under so many people a share says nothing."""
_STEPS: Final = (44, 52, 60, 68, 80, 90)
"""From so many of 100 a cell takes the next tint."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who joined in one month: ``month`` in words, how many, and how many still paid one, two … months later.

    ``still_paying`` has no month 0, which is all of them, and ends with the last month that is over.
    """

    month: str
    joined: int
    still_paying: tuple[int, ...]

    @property
    def is_few(self) -> bool:
        return self.joined < _FEW


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Cohorts, the earliest first, over so many ``months``."""

    title: str
    cohorts: tuple[Cohort, ...]
    months: int = 7
    locale: str = "en"


def share(part: int, whole: int) -> int:
    """Of 100, rounded half up; 0 of nobody."""
    return (200 * part + whole) // (2 * whole) if whole else 0


def tint(percent: int) -> str:
    """The class of a cell: ``h0`` under 44 of 100 up to ``h6`` from 90."""
    return f"h{sum(percent >= step for step in _STEPS)}"


def cohort_table(chart: Cohorts) -> Markup:
    """Draw the table, in a box of its own that scrolls if it must."""
    months = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(
            Markup(' abbr="month 1"') if month == 1 else "",
            "mo 1" if month == 1 else month,
        )
        for month in range(1, chart.months + 1)
    )
    rows = Markup("").join(_row(cohort, chart) for cohort in chart.cohorts)
    return Markup(
        '<div class="cohorts-box" role="region" aria-label="{title}" tabindex="0"><table class="cohorts">'
        '<caption class="visually-hidden">{title}</caption>'
        '<thead><tr><th scope="col">Joined</th><th scope="col">People</th>{months}</tr></thead>'
        "<tbody>{rows}</tbody></table></div>"
    ).format(title=chart.title, months=months, rows=rows)


def cohort_key() -> Markup:
    """What the palest, a middle and the darkest tint mean."""
    return Markup('<ul class="legend">{}</ul>').format(
        Markup("").join(
            Markup('<li><span class="legend__tint {}"></span>{}</li>').format(name, words)
            for name, words in (("h0", "under 44"), ("h3", "60"), ("h6", "90 and up"))
        )
    )


def _row(cohort: Cohort, chart: Cohorts) -> Markup:
    cells = Markup("").join(_cell(cohort, number, chart.locale) for number in cohort.still_paying[: chart.months])
    left = chart.months - len(cohort.still_paying[: chart.months])
    return Markup('<tr><th scope="row">{}</th><td class="cohorts__people">{}</td>{}{}</tr>').format(
        cohort.month, format_count(cohort.joined, chart.locale), cells, Markup("<td></td>") * max(0, left)
    )


def _cell(cohort: Cohort, number: int, locale: str) -> Markup:
    if cohort.is_few:
        return Markup('<td class="cohorts__few">few</td>')
    percent = share(number, cohort.joined)
    told = f"{format_count(number, locale)} of {format_count(cohort.joined, locale)}"
    return Markup('<td class="{}" title="{}">{}</td>').format(tint(percent), told, percent)
