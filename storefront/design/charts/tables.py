"""The numbers of a chart once more, as a table that unfolds: "Show as table"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from storefront.design.charts.cohorts import Cohorts
from storefront.design.charts.hours import Hours
from storefront.design.charts.lists import BarList, TwoSided
from storefront.design.charts.stacks import StackedBars
from storefront.design.charts.wording import amount_words, day_words
from storefront.design.money import format_count

Chart = StackedBars | BarList | TwoSided | Hours | Cohorts


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    figures: Sequence[str]
    url: str | None = None


def as_table(chart: Chart) -> Markup:
    """Tell all numbers of a chart, exactly, with their sums where sums mean something."""
    match chart:
        case StackedBars():
            return _stacked(chart)
        case BarList():
            rows = [_Row(row.name, [amount_words(row.amount, chart.unit, chart.locale)], row.url) for row in chart.rows]
            total = amount_words(sum(row.amount for row in chart.rows), chart.unit, chart.locale)
            return _fold(chart.title, ("Name", "Sum"), rows, _Row("Total", [total]))
        case TwoSided():
            return _two_sided(chart)
        case Hours():
            rows = [_Row(hour.begins, _counts((hour.delivered, hour.failed), chart.locale)) for hour in chart.hours]
            sums = (sum(hour.delivered for hour in chart.hours), sum(hour.failed for hour in chart.hours))
            total_row = _Row("Total", _counts(sums, chart.locale))
            return _fold(chart.name, ("Hour", "Delivered", "Failed"), rows, total_row)
        case Cohorts():
            return _people(chart)


def _stacked(chart: StackedBars) -> Markup:
    def words(amounts: Iterable[int]) -> list[str]:
        return [amount_words(amount, chart.unit, chart.locale) for amount in amounts]

    links = chart.links or (None,) * len(chart.days)
    rows = [
        _Row(
            day_words(day, chart.locale),
            words([*(one.amounts[at] for one in chart.series), chart.total(at)]),
            links[at],
        )
        for at, day in enumerate(chart.days)
    ]
    total = _Row("Total", words([*(sum(one.amounts) for one in chart.series), sum(chart.totals)]))
    return _fold(chart.title, ("Day", *(one.name for one in chart.series), "Net"), rows, total)


def _two_sided(chart: TwoSided) -> Markup:
    rows, sums = [], []
    for at, side in enumerate((chart.came_in, chart.went_out)):
        for row in side:
            figures = ["", ""]
            figures[at] = amount_words(row.amount, chart.unit, chart.locale)
            rows.append(_Row(row.name, figures, row.url))
        sums.append(amount_words(sum(row.amount for row in side), chart.unit, chart.locale))
    return _fold(chart.title, ("Name", "In", "Out"), rows, _Row("Total", sums))


def _people(chart: Cohorts) -> Markup:
    rows = []
    for cohort in chart.cohorts:
        still = cohort.still_paying[: chart.months]
        blanks = [""] * (chart.months - len(still))
        rows.append(_Row(cohort.month, [*_counts((cohort.joined, *still), chart.locale), *blanks]))
    head = ("Joined", "People", *(f"Month {month}" for month in range(1, chart.months + 1)))
    return _fold(chart.title, head, rows, None)


def _counts(numbers: Iterable[int], locale: str) -> list[str]:
    return [format_count(number, locale) for number in numbers]


def _fold(title: str, head: Sequence[str], rows: Sequence[_Row], total: _Row | None) -> Markup:
    heads = Markup('<th scope="col">{}</th>').format(head[0]) + Markup("").join(
        Markup('<th scope="col" class="num">{}</th>').format(name) for name in head[1:]
    )
    return Markup(
        '<details class="as-table"><summary>Show as table</summary><div class="as-table__box" role="region" '
        'aria-label="{title}" tabindex="0"><table class="figures"><caption class="visually-hidden">{title}</caption>'
        "<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>{foot}</table></div></details>"
    ).format(
        title=title,
        heads=heads,
        rows=Markup("").join(_row(row) for row in rows),
        foot=Markup("<tfoot>{}</tfoot>").format(_row(total)) if total else "",
    )


def _row(row: _Row) -> Markup:
    name = (
        Markup('<a href="{}">{}</a>').format(row.url, row.name) if row.url else Markup("<bdi>{}</bdi>").format(row.name)
    )
    cells = Markup("").join(Markup('<td class="num"><bdi>{}</bdi></td>').format(figure) for figure in row.figures)
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, cells)
