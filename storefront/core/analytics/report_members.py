"""Reports of memberships: what recurs, who came and left, what dunning brought, and retention by cohort."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from storefront.core.analytics.cohorts import FORMULA, read_cohorts
from storefront.core.analytics.converting import convert
from storefront.core.analytics.levels import Levels
from storefront.core.analytics.lines import Line
from storefront.core.analytics.members import date_of
from storefront.core.analytics.metrics import MEMBERS, RECURRING
from storefront.core.analytics.overview import MRR
from storefront.core.analytics.periods import Period
from storefront.core.analytics.shapes import link
from storefront.core.analytics.sums import Rollups
from storefront.core.services import Services

Lines = tuple[Sequence[Line], Mapping[str, str]]
MOST_COHORTS = 120
_FORMULAS = {
    "mrr": MRR + "; a year counts as 12 months, a month as 52/12 weeks or 365/12 days, each subscription rounded half "
    "to even",
    "movement": "by how much MRR moved: new, expansion, contraction, churn, reactivation; each customer by commit",
    "paying": "customers whose subscriptions come to anything, at the end of the day",
    "members": "customers who joined (first paid), left (pay for nothing any more) and returned, in any currency",
    "churn": "who stopped paying in the period ÷ who paid when it began",
    "churn_of_revenue": "what MRR lost in the period (churn and contraction) ÷ MRR when it began",
    "per_member": "MRR ÷ customers who pay",
    "lifetime_value": "per member ÷ churn a month (churn of the period × 30.4375 ÷ its days), before costs",
    "mrr_total": "MRR of all currencies, by the rates that the key names",
}


async def memberships_report(services: Services, rollups: Rollups, currency: str | None, period: Period) -> Lines:
    """Return MRR, its movements and what follows from them in each currency, and who joined and left."""
    assets = [currency] if currency is not None else await rollups.assets(RECURRING)
    lines: list[Line] = []
    last: dict[str, int] = {}
    for asset in assets:
        levels = await rollups.levels(asset, period)
        last[asset] = levels.mrr(period.last)
        lines += _levels_lines(asset, levels)
        for row in await rollups.sums([RECURRING], asset, period, by=("day", "kind")):
            day = row["day"]
            to = link("subscriptions", Period(day, day), currency=asset, movement=row["kind"])
            date = date_of(day).isoformat()
            lines.append(
                Line("movement", "money", row["amount"], date, asset, row["kind"], count=row["count"], link=to)
            )
    for row in await rollups.sums([MEMBERS], "", period, by=("day", "kind")):
        lines.append(
            Line(
                "members", "count", row["count"], date_of(row["day"]).isoformat(), kind=row["kind"], count=row["count"]
            )
        )
    for total in convert(services, "mrr", last).values():
        rates = " ".join(f"{code}={rate}" for code, rate in total.rates.items())
        lines.append(Line("mrr_total", "money", total.amount, asset=total.currency, key=rates))
    return lines, _FORMULAS


def _levels_lines(asset: str, levels: Levels) -> Iterator[Line]:
    period = levels.period
    paying = link("subscriptions", currency=asset, standing="paying")
    left = link("subscriptions", period, currency=asset, standing="left")
    for day in period.each():
        date = date_of(day).isoformat()
        yield Line("mrr", "money", levels.mrr(day), date, asset, count=levels.paying(day), link=paying)
    at, days = period.last, period.days
    values: list[tuple[str, str, int | Fraction | None]] = [
        ("churn", "share", levels.churn(at, days)),
        ("churn_of_revenue", "share", levels.revenue_churn(at, days)),
        ("per_member", "money", levels.per_member(at)),
        ("lifetime_value", "money", levels.lifetime_value(at, days)),
    ]
    yield Line("mrr", "money", levels.mrr(at), asset=asset, count=levels.paying(at), link=paying)
    yield Line("paying", "count", levels.paying(at), asset=asset, count=levels.paying(at), link=paying)
    for name, unit, value in values:
        yield Line(name, unit, value, asset=asset, link=left if name.startswith("churn") else paying)


async def cohorts_report(services: Services, rollups: Rollups, currency: str | None, period: Period) -> Lines:
    """Return who joined in each month of the period, and how many of them still paid at the end of each month after."""
    found = await read_cohorts(rollups, period.last, most=MOST_COHORTS, first_day=period.first)
    lines: list[Line] = []
    for row in found.rows:
        lines.append(Line("joined", "count", row.joined, row.month, count=row.joined, link=row.link))
        for number, (kept, share) in enumerate(zip(row.kept, row.shares, strict=True), start=1):
            lines.append(Line("kept", "share", share, row.month, key=str(number), count=kept, link=row.link))
    return lines, {"joined": "customers whose first paid membership began in the month", "kept": FORMULA}
