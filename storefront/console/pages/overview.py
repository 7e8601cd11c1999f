"""The first page: what is broken, four tiles, net revenue, who still pays, what came in and went out."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from markupsafe import Markup

from storefront.console.pages.troubles import troubles
from storefront.console.words import link, money, spoken
from storefront.core.analytics.overview import read_overview
from storefront.core.analytics.periods import Period
from storefront.core.analytics.shapes import Cohorts as Kept
from storefront.core.analytics.shapes import Link as Leads
from storefront.core.analytics.shapes import Overview, Parts, Revenue, Value, WalletFlow, dates_of
from storefront.core.analytics.shapes import Tile as Figure
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints
from storefront.design.charts import (
    BarList,
    BarRow,
    Cohort,
    Cohorts,
    Series,
    StackedBars,
    TwoSided,
    as_table,
    bar_list,
    cohort_key,
    cohort_table,
    legend,
    sparkline,
    stacked_bars,
    two_sided_bars,
)
from storefront.pages.lists import PERIOD_QUERY, period_chips, period_terms
from storefront.panels import (
    Asking,
    Beside,
    Chip,
    ConsolePage,
    Drawing,
    PageView,
    Section,
    Tile,
    Tiles,
    Tone,
)

PATH = "/console"
_TILES = {"mrr": "Monthly recurring", "churn": "Churn", "per_member": "Per member", "lifetime_value": "Lifetime value"}
_COLOURS = {"sales": "c1", "fan_funding": "c2", "memberships": "c4"}
_FREE = ("c3", "c5")
_NEEDS = {"churn": "Nobody paid yet when it began", "lifetime_value": "Nobody has left yet"}
_NEEDS_A_MEMBER = "Needs a first member"
_LISTS = {"purchases": "/console/purchases", "subscriptions": "/console/memberships",
          "revenue": "/console/revenue"}  # fmt: skip


class FirstPage:
    """The overview; ``endpoints`` are looked at for failing webhooks."""

    def __init__(self, endpoints: WebhookEndpoints) -> None:
        self._endpoints = endpoints

    async def show(self, asking: Asking) -> PageView:
        """Show how the business does, and what is wrong."""
        currency, asset = asking.query.get("currency"), asking.query.get("asset")
        found = await read_overview(asking.services, **period_terms(asking.query), currency=currency, asset=asset)
        notes = await troubles(asking.services, self._endpoints)
        sections: list[Section] = [
            _tiles(asking, found),
            Beside(((_revenue(asking, found.revenue),), (_funding(asking, found.fan_funding),)), is_wide=True),
        ]
        last: list[tuple[Section, ...]] = [(_cohorts(asking, found.cohorts),)]
        if found.wallet is not None:
            last.append((_wallet(asking, found.wallet),))
        sections.append(Beside(last))
        sections.extend(await asking.parts("overview", ""))
        others = [Chip(one, link(PATH, asking.query, currency=one), one == found.currency) for one in found.currencies]
        hint = f"{_day(found.first)} to {_day(found.last)}, against the time before"
        return PageView(
            "Overview",
            sections,
            hint=hint,
            switch=period_chips(PATH, asking.query),
            chips=others if len(others) > 1 else (),
            notes=notes,
            is_live=True,
        )


def _tiles(asking: Asking, found: Overview) -> Tiles:
    return Tiles([_tile(asking, one) for one in found.tiles])


def _tile(asking: Asking, one: Figure) -> Tile:
    if one.value is None:
        return Tile(_TILES.get(one.name, spoken(one.name)), "–", was=_NEEDS.get(one.name, _NEEDS_A_MEMBER))
    change, rises, tone = "", None, Tone.PLAIN
    if one.before is not None and one.value != one.before:
        rises = one.value > one.before
        tone = Tone.GOOD if rises == (one.better == "up") else Tone.BAD
        change = _difference(asking, one)
    was = "" if one.before is None else f"was {_value(asking, one.before, one.unit, one.currency)}"
    also = ", ".join(_value(asking, value, one.unit, code) for code, value in one.also.items() if value)
    return Tile(
        _TILES.get(one.name, spoken(one.name)),
        _value(asking, one.value, one.unit, one.currency),
        change=change,
        rises=rises,
        tone=tone,
        was=f"{was}{' · also ' + also if also else ''}",
        url=address(one.link),
        spark=sparkline([value or 0 for value in one.series]),
    )


def _value(asking: Asking, value: Value, unit: str, currency: str) -> str:
    if value is None:
        return "–"
    if unit == "money":
        return money(asking, round(value), currency)
    return f"{float(value) * 100:.1f}%" if unit == "share" else f"{round(value):,}"


def _difference(asking: Asking, one: Figure) -> str:
    assert one.value is not None
    assert one.before is not None
    if one.unit == "share":
        return f"{abs(float(one.value - one.before)) * 100:.1f} pt"
    if one.name == "mrr" and one.change is not None:
        return _percent(one.change)
    return _value(asking, abs(Fraction(one.value) - Fraction(one.before)), one.unit, one.currency)


def _percent(share: Fraction) -> str:
    return f"{abs(float(share)) * 100:.1f}%"


def _revenue(asking: Asking, found: Revenue) -> Drawing:
    free = iter(_FREE)
    series = [
        Series(
            spoken(name),
            _COLOURS.get(name) or next(free, "c5"),
            tuple(bar.by_source.get(name, 0) for bar in found.bars),
        )
        for name in found.sources
    ]
    series.append(Series("Refunds", "c6", tuple(bar.refunds for bar in found.bars)))
    chart = StackedBars(
        title=f"Net revenue per day, {money(asking, found.total, found.currency)} in all",
        days=tuple(bar.day for bar in found.bars),
        series=tuple(series),
        unit=found.currency,
        locale=asking.language,
        links=tuple(address(bar.link) or "" for bar in found.bars),
    )
    if chart.is_empty:
        words = Markup('<div class="empty"><p class="empty__title">{}</p><p class="empty__text">{}</p></div>')
        return Drawing(
            "Net revenue per day",
            words.format("Your first sale lands here", "One bar for each day. Refunds hang below the line."),
        )
    change = "" if found.change is None else _percent(found.change)
    also = ", ".join(money(asking, amount, code) for code, amount in found.also.items() if amount)
    return Drawing(
        "Net revenue per day",
        stacked_bars(chart),
        as_table(chart),
        figure=money(asking, found.total, found.currency),
        change=change,
        rises=None if found.change is None else found.change > 0,
        tone=Tone.BAD if found.change is not None and found.change < 0 else Tone.GOOD,
        hint=f"In other currencies: {also}." if also else "",
        aside=legend(chart),
        url=link(_LISTS["revenue"], asking.query),
    )


def _funding(asking: Asking, found: Parts) -> Drawing:
    rows = tuple(BarRow(spoken(one.name), one.amount, address(one.link)) for one in found.parts)
    if not rows:
        return Drawing("Fan funding by source", Markup('<p class="hint">{}</p>').format("Nothing in this time."))
    chart = BarList("Fan funding by source", rows, found.currency, asking.language)
    return Drawing(
        "Fan funding by source",
        bar_list(chart),
        as_table(chart),
        figure=money(asking, found.total, found.currency),
        hint="As fans gave it, before the creators' share.",
    )


def _cohorts(asking: Asking, found: Kept) -> Drawing:
    title = "Of 100 who joined, still paying"
    if not found.rows:
        return Drawing(
            title, Markup('<p class="hint">{}</p>').format("A row for each month, from the first member on.")
        )
    rows = tuple(Cohort(_month(one.month), one.joined, tuple(one.kept)) for one in found.rows)
    chart = Cohorts(title, rows, months=max(1, min(7, found.months)), locale=asking.language)
    return Drawing(title, cohort_table(chart), aside=cohort_key(), url=_LISTS["subscriptions"])


def _wallet(asking: Asking, found: WalletFlow) -> Drawing:
    name = f"{spoken(found.asset)} in and out"
    net = found.into - found.out_of
    sign = "+" if net > 0 else ""
    chart = TwoSided(
        name,
        tuple(BarRow(spoken(one.name), one.amount, address(one.link)) for one in found.sources),
        tuple(BarRow(spoken(one.name), one.amount, address(one.link)) for one in found.sinks),
        found.asset,
        asking.language,
    )
    now = f"now {money(asking, found.held, found.asset)} held by players"
    if not found.sources and not found.sinks:
        nothing = Markup("<p>{}</p>").format("Nothing came in or went out in this time.")
        return Drawing(name, nothing, hint=now, url="/console/wallets")
    return Drawing(
        name,
        two_sided_bars(chart),
        as_table(chart),
        figure=f"{sign}{net:,}".replace("-", "−"),
        hint=now,
        url="/console/wallets",
    )


def address(leads: Leads) -> str | None:
    """Return the page that shows what a figure is made of, or None where no page does."""
    path = _LISTS.get(leads.to)
    return None if path is None else link(path, dict(leads.filter))


def day_words(period: Period) -> str:
    """Word some days: ``2 Feb 2031``, ``2 Feb to 3 Mar 2031``."""
    first, last = dates_of(period)
    return f"{_day(last)} {last.year}" if first == last else f"{_day(first)} to {_day(last)} {last.year}"


def _day(one: date) -> str:
    return f"{one.day} {one:%b}"


def _month(name: str) -> str:
    year, month = name.split("-")
    return f"{date(int(year), int(month), 1):%b %Y}"


def pages(endpoints: WebhookEndpoints) -> list[ConsolePage]:
    """Return the first page."""
    query: Mapping[str, Mapping[str, object]] = {
        "span": PERIOD_QUERY,
        "currency": {"type": "string", "maxLength": 64},
        "asset": {"type": "string", "maxLength": 64},
    }
    first = FirstPage(endpoints)
    return [ConsolePage(PATH, "Overview", "analytics:read", first.show, group="main", icon="home", query=query)]
