"""The reports behind ``/v1/analytics/…`` and ``storefront report``: one use case for both, from roll-ups alone."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from storefront.core.analytics.lines import Line, Report
from storefront.core.analytics.metrics import FAN_FUNDING, ISSUED, MEMBERSHIPS, REVENUE, SPENT, WALLETS, Figure
from storefront.core.analytics.overview import read_overview
from storefront.core.analytics.periods import Period, period_of
from storefront.core.analytics.report_members import cohorts_report, memberships_report
from storefront.core.analytics.report_money import fanfunding_report, payments_report, revenue_report, wallets_report
from storefront.core.analytics.shapes import Overview, dates_of, to_json
from storefront.core.analytics.sums import Rollups
from storefront.core.clock import iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.services import Services

Lines = tuple[Sequence[Line], Mapping[str, str]]
_Read = Callable[[Services, Rollups, str | None, Period], Awaitable[Lines]]
_REPORTS: Mapping[str, _Read] = {
    "revenue": revenue_report,
    "memberships": memberships_report,
    "cohorts": cohorts_report,
    "fanfunding": fanfunding_report,
    "wallets": wallets_report,
    "payments": payments_report,
}
OVERVIEW = "overview"
_SHOWN_IN = {REVENUE: "revenue", MEMBERSHIPS: "memberships", FAN_FUNDING: "fanfunding", WALLETS: "wallets"}
NAMES = (OVERVIEW, *_REPORTS)


async def counted_in(services: Services) -> list[str]:
    """Return the currencies and virtual ones in which anything was ever counted, the most frequent first."""
    rollups = await Rollups.current(services.reader)
    wallets = [*await rollups.assets(ISSUED), *await rollups.assets(SPENT)]
    return list(dict.fromkeys([*await rollups.currencies(), *wallets]))


async def read_report(
    services: Services, name: str, *, since: str | None = None, until: str | None = None, currency: str | None = None
) -> dict[str, Any]:
    """Return a report as JSON; ``figures`` are its lines, of which ``lines.csv_of`` makes CSV.

    ``since`` and ``until`` are dates, both in the period; the last 30 days if absent. ``currency`` (or virtual asset)
    leaves the others out.

    Raises:
        Invalid: no such report, or no such period.
    """
    if name == OVERVIEW:
        shown = await read_overview(services, since=since, until=until, currency=currency)
        return overview_json(shown)
    if name not in _REPORTS:
        raise Invalid(
            f"There is no such report; there are {', '.join(NAMES)}.", errors=[FieldError("/report", "is none")]
        )
    period = period_of(services.clock.now(), since=since, until=until)
    async with services.reader.snapshot() as reader:
        rollups = await Rollups.current(reader)
        lines, formulas = await _REPORTS[name](services, rollups, currency, period)
        brought = [figure for figure in services.figures.figures if _SHOWN_IN[figure.area] == name]
        formulas = {**formulas, **{figure.name: figure.says for figure in brought}}
        lines = [*lines, *[line for figure in brought for line in await _brought(rollups, figure, currency, period)]]
    first, last = (day.isoformat() for day in dates_of(period))
    counted = rollups.counted_until
    until_then = None if not counted else iso(counted)
    return Report(name, first, last, until_then, formulas, lines).to_json()


async def _brought(rollups: Rollups, figure: Figure, currency: str | None, period: Period) -> list[Line]:
    """Return what a plugin's figure comes to in a period."""
    rows = await rollups.sums([figure.name], currency, period, by=("asset", "kind", "key"))
    return [
        Line(figure.name, figure.unit, row["amount" if figure.unit == "money" else "count"], asset=row["asset"],
             kind=row["kind"], key=row["key"], count=row["count"])
        for row in rows
        if row["amount"] or row["count"]
    ]  # fmt: skip


def overview_json(shown: Overview) -> dict[str, Any]:
    """Return the overview as JSON: as the page has it, and beside that as ``figures``, like every report."""
    told = to_json(shown)
    counted = None if not shown.counted_until else iso(shown.counted_until)
    formulas = {tile.name: tile.formula for tile in shown.tiles}
    formulas |= {"net": shown.revenue.formula, "kept": shown.cohorts.formula}
    first, last = shown.first.isoformat(), shown.last.isoformat()
    report = Report(OVERVIEW, first, last, counted, formulas, overview_lines(shown)).to_json()
    names = ("currency", "currencies", "tiles", "revenue", "fan_funding", "cohorts", "wallet", "wallets", "totals")
    return {**report, **{name: told[name] for name in names}}


def overview_lines(shown: Overview) -> list[Line]:
    """Return what the page shows as lines."""
    money = shown.currency
    lines = []
    for tile in shown.tiles:
        lines.append(Line(tile.name, tile.unit, tile.value, asset=money, link=tile.link))
        lines.append(Line(f"{tile.name}_before", tile.unit, tile.before, asset=money))
        lines += [Line(tile.name, tile.unit, value, asset=asset) for asset, value in tile.also.items()]
    for bar in shown.revenue.bars:
        day = bar.day.isoformat()
        lines += [Line("earned", "money", amount, day, money, source) for source, amount in bar.by_source.items()]
        lines.append(Line("refunds", "money", bar.refunds, day, money))
        lines.append(Line("net", "money", bar.net, day, money, link=bar.link))
    lines.append(Line("net", "money", shown.revenue.total, asset=money))
    lines.append(Line("net_before", "money", shown.revenue.before, asset=money))
    lines += [Line("net", "money", amount, asset=asset) for asset, amount in shown.revenue.also.items()]
    for part in shown.fan_funding.parts:
        lines.append(
            Line("fan_funding", "money", part.amount, asset=money, kind=part.name, count=part.count, link=part.link)
        )
    for row in shown.cohorts.rows:
        lines.append(Line("joined", "count", row.joined, row.month, count=row.joined, link=row.link))
        for number, kept in enumerate(row.kept, start=1):
            lines.append(Line("kept", "share", row.shares[number - 1], row.month, key=str(number), count=kept))
    if shown.wallet is not None:
        lines += _wallet_lines(shown)
    for name, total in shown.totals.items():
        rates = " ".join(f"{currency}={rate}" for currency, rate in total.rates.items())
        lines.append(Line(f"{name}_total", "money", total.amount, asset=total.currency, key=rates))
    return lines


def _wallet_lines(shown: Overview) -> list[Line]:
    wallet = shown.wallet
    assert wallet is not None, "called where there is one"
    lines = [Line("into_wallets", "money", part.amount, asset=wallet.asset, kind=part.name) for part in wallet.sources]
    lines += [Line("out_of_wallets", "money", part.amount, asset=wallet.asset, kind=part.name) for part in wallet.sinks]
    return [*lines, Line("held", "money", wallet.held, asset=wallet.asset)]
