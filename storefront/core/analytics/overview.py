"""The first page: four tiles, net revenue, fan funding, cohorts and one wallet, from roll-ups alone."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from storefront.core.analytics.cohorts import read_cohorts
from storefront.core.analytics.converting import convert
from storefront.core.analytics.earning import NET, Earned, by_source, earned_by, together
from storefront.core.analytics.funding import read_funding
from storefront.core.analytics.members import date_of
from storefront.core.analytics.periods import Period, period_of
from storefront.core.analytics.shapes import (
    Bar,
    Converted,
    Link,
    Overview,
    Revenue,
    Tile,
    Value,
    dates_of,
    link,
)
from storefront.core.analytics.sums import Rollups
from storefront.core.analytics.wallets import read_wallet, wallet_assets
from storefront.core.services import Services

COHORTS = 8
MRR = "Σ of what each subscription that is paid comes to a month, at the end of the day"
NO_CURRENCY = "USD"
"""What is shown where nothing was ever sold and the configuration names none."""


async def read_overview(
    services: Services,
    *,
    days: int | None = None,
    months: int | None = None,
    since: str | None = None,
    until: str | None = None,
    currency: str | None = None,
    asset: str | None = None,
) -> Overview:
    """Return all that the first page shows: ``days`` (30) or calendar ``months`` up to ``until`` (a date; today).

    ``currency`` is the one whose figures are shown (the shop's main one), ``asset`` the wallet's (the one that is
    traded most). Costs the same however much was sold.

    Raises:
        Invalid: what is asked for is no period.
    """
    period = period_of(services.clock.now(), since=since, until=until, days=days, months=months)
    # All that is shown is of one moment, also while roll-ups that were built anew are put in their place.
    async with services.reader.snapshot() as reader:
        return await _read(services, await Rollups.current(reader), period, currency=currency, asset=asset)


async def _read(
    services: Services, rollups: Rollups, period: Period, *, currency: str | None, asset: str | None
) -> Overview:
    currencies = await rollups.currencies()
    shown = currency or main_currency(services, currencies)
    assets = await wallet_assets(services, rollups)
    revenue = await read_revenue(services, rollups, shown, currencies, period)
    first, last = dates_of(period)
    return Overview(
        first=first,
        last=last,
        currency=shown,
        currencies=currencies,
        counted_until=rollups.counted_until,
        tiles=await _tiles(rollups, shown, currencies, period),
        revenue=revenue,
        fan_funding=await read_funding(services, rollups, shown, period),
        cohorts=await read_cohorts(rollups, period.last, most=COHORTS),
        wallet=await read_wallet(services, rollups, asset or next(iter(assets), None), period),
        wallets=assets,
        totals={
            **await _total_mrr(services, rollups, currencies, period.last),
            **convert(services, "revenue", {shown: revenue.total, **revenue.also}),
        },
    )


def main_currency(services: Services, currencies: Iterable[str]) -> str:
    """Return the currency that the configuration names, or in which most was sold."""
    return services.config.analytics.currency or next(iter(currencies), NO_CURRENCY)


async def _tiles(rollups: Rollups, currency: str, currencies: Iterable[str], period: Period) -> list[Tile]:
    """Return MRR, churn, per member and lifetime value, with enough days before for the oldest of the series."""
    levels = await rollups.levels(currency, Period(period.first - 2 * period.days, period.last))
    today = Period(period.last, period.last)
    others = {one: await rollups.levels(one, today) for one in currencies if one != currency}
    days = period.days
    paying = link("subscriptions", currency=currency, standing="paying")
    left = link("subscriptions", period, currency=currency, standing="left")

    def tile(name: str, unit: str, of: Callable[[int], Value], *, better: str, formula: str, to: Link) -> Tile:
        series = [of(day) for day in period.each()]
        also = {one: level.mrr(period.last) for one, level in others.items()} if name == "mrr" else {}
        return Tile(name, unit, currency, series[-1], of(period.before.last), series, better, formula, to, also)

    of_lifetime = f"per member ÷ churn a month (churn of {days} days × 30.4375 ÷ {days}), before costs"
    return [
        tile("mrr", "money", levels.mrr, better="up", formula=MRR, to=paying),
        tile("churn", "share", lambda day: levels.churn(day, days), better="down",
             formula=f"who stopped paying in {days} days ÷ who paid when they began", to=left),
        tile("per_member", "money", levels.per_member, better="up", formula="MRR ÷ customers who pay", to=paying),
        tile("lifetime_value", "money", lambda day: levels.lifetime_value(day, days), better="up",
             formula=of_lifetime, to=left),
    ]  # fmt: skip


async def read_revenue(
    services: Services, rollups: Rollups, currency: str, currencies: Iterable[str], period: Period
) -> Revenue:
    """Return net revenue day by day and by source, and what it came to in the period before."""
    found = await earned_by(services, rollups, currency, period, by=("day",))
    before = together((await earned_by(services, rollups, currency, period.before)).values()).net
    sources = by_source(found)
    whole = together(sources.values())
    others = [one for one in currencies if one != currency]
    also = {one: together((await earned_by(services, rollups, one, period)).values()).net for one in others}
    return Revenue(
        currency=currency,
        sources=sorted(sources, key=lambda one: (-sources[one].earned, one)),
        bars=[_bar(found, sources, currency, day) for day in period.each()],
        total=whole.net,
        before=before,
        change=Fraction(whole.net - before, abs(before)) if before else None,
        by_source={one: part.earned for one, part in sources.items()},
        refunds=-whole.refunds,
        formula=NET,
        also=also,
    )


def _bar(found: Mapping[tuple[int, str], Earned], sources: Iterable[str], currency: str, day: int) -> Bar:
    parts = {one: found[day, one] for one in sources if (day, one) in found}
    whole = together(parts.values())
    to = link("revenue", Period(day, day), currency=currency)
    return Bar(date_of(day), {one: part.earned for one, part in parts.items()}, -whole.refunds, whole.net, to)


async def _total_mrr(
    services: Services, rollups: Rollups, currencies: Iterable[str], day: int
) -> Mapping[str, Converted]:
    today = Period(day, day)
    return convert(services, "mrr", {one: (await rollups.levels(one, today)).mrr(day) for one in currencies})
