"""Charts drawn on the server: what to draw as data, how it looks as ``Markup``. No script, no inline style.

Amounts are integers of the smallest unit; only pixels are ever rounded. Positions along the page are percentages and
heights are pixels, so that a drawing fills any width while its text stays at 12px. Drawings read from left to right in
every language, as their dates do. ``as_table`` tells each chart's numbers once more, for readers who do not see it.
"""

from storefront.design.charts.cohorts import Cohort, Cohorts, cohort_key, cohort_table
from storefront.design.charts.hours import Hour, Hours, hour_bars
from storefront.design.charts.legends import legend
from storefront.design.charts.lists import BarList, BarRow, TwoSided, bar_list, two_sided_bars
from storefront.design.charts.sparklines import sparkline
from storefront.design.charts.stacks import Annotation, Series, StackedBars, stacked_bars
from storefront.design.charts.tables import as_table

__all__ = [
    "Annotation",
    "BarList",
    "BarRow",
    "Cohort",
    "Cohorts",
    "Hour",
    "Hours",
    "Series",
    "StackedBars",
    "TwoSided",
    "as_table",
    "bar_list",
    "cohort_key",
    "cohort_table",
    "hour_bars",
    "legend",
    "sparkline",
    "stacked_bars",
    "two_sided_bars",
]
