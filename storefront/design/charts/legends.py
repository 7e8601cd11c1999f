"""Which colour means what, beside a chart."""

from markupsafe import Markup

from storefront.design.charts.stacks import StackedBars


def legend(chart: StackedBars) -> Markup:
    """List the chart's series with their colours, and the dashed line of its mean if it has one."""
    keys = Markup("").join(
        Markup(
            '<li><svg width="10" height="10" aria-hidden="true"><rect class="{}" width="10" height="10" rx="2"/></svg>'
            "{}</li>"
        ).format(one.colour, one.name)
        for one in chart.series
    )
    if chart.shows_mean:
        keys += Markup(
            '<li><svg width="16" height="10" aria-hidden="true"><line class="chart__mean" x2="16" y1="5" y2="5"/></svg>'
            "Average</li>"
        )
    return Markup('<ul class="legend">{}</ul>').format(keys)
