"""Who pays, in figures: what recurs and how it moved, who left, what dunning brought back, how far customers came.

What moves day by day is read from analytics' roll-ups, as the overview and the reports read it.
"""

from collections import defaultdict
from datetime import date
from fractions import Fraction

from markupsafe import Markup

from storefront.core.analytics.cohorts import read_cohorts
from storefront.core.analytics.levels import Levels
from storefront.core.analytics.members import date_of
from storefront.core.analytics.metrics import CHURN, CONTRACTION, EXPANSION, NEW, REACTIVATION, RECURRING
from storefront.core.analytics.overview import main_currency
from storefront.core.analytics.periods import Period
from storefront.core.analytics.shapes import link as leads_to
from storefront.core.analytics.sums import Rollups
from storefront.design.charts import (
    BarList,
    BarRow,
    Cohort,
    Cohorts,
    Series,
    StackedBars,
    as_table,
    bar_list,
    cohort_key,
    cohort_table,
    legend,
    sparkline,
    stacked_bars,
)
from storefront.pages.lists import link, money, period_asked
from storefront.panels import Asking, Beside, Drawing, Line, Lines, Section, Tile, Tiles, Tone
from storefront_subscriptions.console.finding import LEFT, PAYING
from storefront_subscriptions.console.funnel import read_funnel
from storefront_subscriptions.console.moving import MOVEMENTS
from storefront_subscriptions.console.words import PATH
from storefront_subscriptions.rolling import DUNNING, FAILED, GIVEN_UP, RECOVERED

COHORTS = 8
_COLOURS = {NEW: "c4", EXPANSION: "c1", REACTIVATION: "c5", CONTRACTION: "c3", CHURN: "c6"}
_STEPS = (
    ("visited", "Known to the shop"),
    ("tried", "Began one"),
    ("trial", "Had a trial"),
    ("free", "Had one for nothing"),
    ("paid", "Paid"),
    ("renewed", "Paid again"),
    ("canceled", "All of theirs is over"),
)


async def who_pays(asking: Asking) -> tuple[Tiles, list[Section]]:
    """Return the tiles above the list, and the charts below it."""
    services, period = asking.services, period_asked(asking)
    rollups = await Rollups.current(services.reader)
    currency = asking.query.get("currency") or main_currency(services, await rollups.currencies())
    levels = await rollups.levels(currency, Period(period.first - 2 * period.days, period.last))
    dunning = await read_dunning(rollups, currency, period)
    charts: list[Section] = [
        Beside(((await _movements(asking, rollups, currency, period),), (_recovered(asking, dunning, currency),)),
               is_wide=True),
        Beside(((await _kept(asking, rollups, period),), (await _funnel(asking),))),
    ]  # fmt: skip
    return _tiles(asking, levels, currency, period, dunning), charts


async def read_dunning(rollups: Rollups, currency: str, period: Period) -> dict[str, tuple[int, int]]:
    """Return ``failed``, ``recovered`` and ``given_up`` as ``(amount, how many)``, as far as there were any."""
    rows = await rollups.sums([DUNNING], currency, period, by=("kind",))
    return {row["kind"]: (row["amount"], row["count"]) for row in rows}


def recovery(dunning: dict[str, tuple[int, int]]) -> Fraction | None:
    """Return recovered / (recovered + given up), by amount; None where nothing is decided."""
    won, lost = dunning.get(RECOVERED, (0, 0))[0], dunning.get(GIVEN_UP, (0, 0))[0]
    return Fraction(won, won + lost) if won + lost else None


def _tiles(asking: Asking, levels: Levels, currency: str, period: Period, dunning: dict[str, tuple[int, int]]) -> Tiles:
    days, last, before = period.days, period.last, period.before.last
    paying = link(PATH, {"standing": PAYING, "currency": currency})
    left = link(PATH, dict(leads_to("subscriptions", period, currency=currency, standing=LEFT).filter))
    rate = recovery(dunning)
    waits = "Nothing is decided" if rate is None else f"of {money(asking, dunning_total(dunning), currency)} decided"
    mrr, was = levels.mrr(last), levels.mrr(before)
    return Tiles([
        Tile(
            "Monthly recurring",
            money(asking, mrr, currency),
            change="" if mrr == was else money(asking, abs(mrr - was), currency),
            rises=None if mrr == was else mrr > was,
            tone=Tone.BAD if mrr < was else Tone.GOOD,
            was=f"was {money(asking, was, currency)}",
            url=paying,
            spark=sparkline([levels.mrr(day) for day in period.each()]),
        ),
        _churn("Customers who left", levels.churn(last, days), levels.churn(before, days), left),
        _churn("Revenue lost", levels.revenue_churn(last, days), levels.revenue_churn(before, days), left),
        Tile("Won back after a decline", _share(rate), was=waits, url=link(PATH, {"standing": "past_due"})),
    ])  # fmt: skip


def dunning_total(dunning: dict[str, tuple[int, int]]) -> int:
    """Return the amount of what was recovered or given up."""
    return dunning.get(RECOVERED, (0, 0))[0] + dunning.get(GIVEN_UP, (0, 0))[0]


def _churn(name: str, now: Fraction | None, before: Fraction | None, url: str) -> Tile:
    if now is None:
        return Tile(name, "–", was="Nobody paid yet when it began")
    was = "" if before is None else f"was {_share(before)}"
    if before is None or now == before:
        return Tile(name, _share(now), was=was, url=url)
    change = f"{abs(float(now - before)) * 100:.1f} pt"
    tone = Tone.BAD if now > before else Tone.GOOD
    return Tile(name, _share(now), change=change, rises=now > before, tone=tone, was=was, url=url)


def _share(share: Fraction | None) -> str:
    return "–" if share is None else f"{float(share) * 100:.1f}%"


async def _movements(asking: Asking, rollups: Rollups, currency: str, period: Period) -> Drawing:
    title = "How monthly recurring moved"
    by_day: dict[str, dict[int, int]] = defaultdict(dict)
    for row in await rollups.sums([RECURRING], currency, period, by=("day", "kind")):
        by_day[row["kind"]][row["day"]] = row["amount"]
    if not by_day:
        return Drawing(title, _nothing("Nothing moved in this time."))
    series = [
        Series(MOVEMENTS[kind], _COLOURS[kind], tuple(by_day[kind].get(day, 0) for day in period.each()))
        for kind in MOVEMENTS
        if kind in by_day
    ]
    net = sum(sum(amounts.values()) for amounts in by_day.values())
    chart = StackedBars(
        title=f"{title}, {money(asking, net, currency)} in all",
        days=tuple(date_of(day) for day in period.each()),
        series=tuple(series),
        unit=currency,
        locale=asking.language,
        links=tuple(_of_day(day, currency) for day in period.each()),
    )
    figure = f"{'+' if net > 0 else ''}{money(asking, net, currency)}".replace("-", "−")
    return Drawing(title, stacked_bars(chart), as_table(chart), figure=figure, aside=legend(chart))


def _of_day(day: int, currency: str) -> str:
    return link(PATH, dict(leads_to("subscriptions", Period(day, day), currency=currency, movement="any").filter))


def _recovered(asking: Asking, dunning: dict[str, tuple[int, int]], currency: str) -> Lines:
    named = ((FAILED, "Declined at first"), (RECOVERED, "Paid by a later attempt"), (GIVEN_UP, "Given up"))
    lines = []
    for kind, words in named:
        amount, many = dunning.get(kind, (0, 0))
        lines.append(Line(f"{words} ({many:,})", money(asking, amount, currency)))
    lines.append(Line("Won back, of what is decided", _share(recovery(dunning))))
    return Lines("Renewals that failed", lines, hint="What is still tried again is decided later.")


async def _kept(asking: Asking, rollups: Rollups, period: Period) -> Drawing:
    title = "Of 100 who joined, still paying"
    found = await read_cohorts(rollups, period.last, most=COHORTS)
    if not found.rows:
        return Drawing(title, _nothing("A row for each month, from the first member on."))
    rows = tuple(Cohort(_month(row.month), row.joined, tuple(row.kept)) for row in found.rows)
    chart = Cohorts(title, rows, months=max(1, min(7, found.months)), locale=asking.language)
    newest = found.rows[-1]
    return Drawing(title, cohort_table(chart), aside=cohort_key(), url=link(PATH, dict(newest.link.filter)),
                   hint="Whatever they pay in; nobody counts twice.")  # fmt: skip


async def _funnel(asking: Asking) -> Drawing:
    title = "How far customers came"
    told = await read_funnel(asking.services)
    rows = tuple(BarRow(words, told[name]) for name, words in _STEPS)
    chart = BarList(title, rows, "people", asking.language, colour="c4")
    return Drawing(title, bar_list(chart), as_table(chart), hint="All the time up to now; each customer once a step.")


def _nothing(words: str) -> Markup:
    return Markup('<p class="hint">{}</p>').format(words)


def _month(name: str) -> str:
    year, month = name.split("-")
    return f"{date(int(year), int(month), 1):%b %Y}"
