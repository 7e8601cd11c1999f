"""Reports of money and wallets: revenue by source, fan funding by creator, wallets, and what payments cost and take."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from storefront.core.analytics.converting import convert
from storefront.core.analytics.earning import NET, Earned, earned_by, source_of, together
from storefront.core.analytics.lines import Line
from storefront.core.analytics.members import date_of
from storefront.core.analytics.metrics import (
    CHECKOUTS,
    CHECKOUTS_PAID,
    CLEARING,
    FAN_FUNDING,
    FEES,
    GROSS,
    INTO_WALLETS,
    ISSUED,
    LOSSES,
    OUT_OF_WALLETS,
    PAYMENTS,
    REFUNDED_TAX,
    REFUNDS,
    SETTLED,
    SHARE,
    TAX,
)
from storefront.core.analytics.periods import Period
from storefront.core.analytics.shapes import link
from storefront.core.analytics.sums import Rollups
from storefront.core.analytics.wallets import signed, wallet_assets
from storefront.core.services import Services

Lines = tuple[Sequence[Line], Mapping[str, str]]
_OF_REVENUE = {
    GROSS: "paid for what was delivered, tax included, on the day on which it was",
    TAX: "of that, tax",
    REFUNDS: "gone back of it by refunds and lost disputes, tax included, on the day on which it went",
    REFUNDED_TAX: "of that, tax",
    SHARE: "passed on to creators, less what they gave back",
    FEES: "kept by gateways, on the day on which that was booked, in the currency in which they settle",
    LOSSES: "gone back beyond what had come in",
}


async def revenue_report(services: Services, rollups: Rollups, currency: str | None, period: Period) -> Lines:
    """Return what each source brought on each day and in the period, and what arrived at the gateways."""
    lines: list[Line] = []
    nets: dict[str, int] = {}
    for money in [currency] if currency is not None else await rollups.currencies():
        found = await earned_by(services, rollups, money, period, by=("day",))
        for (day, source), part in sorted(found.items()):
            lines += _earned_lines(part, money, source, Period(day, day), date_of(day).isoformat())
        for source in sorted({source for _, source in found}):
            whole = together(part for place, part in found.items() if place[-1] == source)
            lines += _earned_lines(whole, money, source, period, "")
        nets[money] = together(found.values()).net
        to = link("purchases", period, currency=money)
        lines.append(Line("net", "money", nets[money], asset=money, link=to))
        settled = sum(row["amount"] for row in await rollups.sums([SETTLED], money, period))
        lines.append(Line("settled", "money", settled, asset=money))
    for total in convert(services, "net", nets).values():
        rates = " ".join(f"{code}={rate}" for code, rate in total.rates.items())
        lines.append(Line("net_total", "money", total.amount, asset=total.currency, key=rates))
    more = {
        "net": NET,
        "settled": "arrived on gateways' balances, less fees and refunds, in the currency in which they settle",
        "net_total": "net of all currencies, by the rates that the key names",
    }
    return lines, {**_OF_REVENUE, **more}


def _earned_lines(part: Earned, money: str, source: str, period: Period, date: str) -> Iterator[Line]:
    to = link("purchases", period, currency=money, source=source)
    for name in _OF_REVENUE:
        amount, count = part.amounts[name], part.counts[name]
        if amount or count:
            yield Line(name, "money", amount, date, money, source, count=count, link=to)
    yield Line("net", "money", part.net, date, money, source, link=to)


async def fanfunding_report(services: Services, rollups: Rollups, currency: str | None, period: Period) -> Lines:
    """Return what each creator was given, what went back, and what they earned; and what plugins count of it."""
    lines: list[Line] = []
    rows = await rollups.sums([GROSS, REFUNDS], currency, period, by=("asset", "kind", "part"))
    sums: Counter[tuple[str, str, str]] = Counter()
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if source_of(services, row["kind"]) == FAN_FUNDING and row["part"]:
            sums[row["metric"], row["asset"], row["part"]] += row["amount"]
            counts[row["metric"], row["asset"], row["part"]] += row["count"]
    for row in await rollups.sums([SHARE], currency, period, by=("asset", "key")):
        sums[SHARE, row["asset"], row["key"]] += row["amount"]
    for (metric, asset, creator), amount in sorted(sums.items()):
        to = link("purchases", period, currency=asset, creator=creator)
        count = counts[metric, asset, creator] if metric != SHARE else None
        lines.append(Line(metric, "money", amount, asset=asset, key=creator, count=count, link=to))
    return lines, {
        GROSS: "paid for what was given to a creator (the key), tax included",
        REFUNDS: "gone back of it",
        SHARE: "earned by the creator, less what they gave back",
    }


async def wallets_report(services: Services, rollups: Rollups, currency: str | None, period: Period) -> Lines:
    """Return for each virtual currency what came into wallets and went out, by source and sink, and what is held."""
    metrics = (*INTO_WALLETS, *OUT_OF_WALLETS)
    lines: list[Line] = []
    for asset in [currency] if currency is not None else await wallet_assets(services, rollups):
        held = sum(map(signed, await rollups.sums(metrics, asset, Period(0, period.first - 1))))
        for row in await rollups.sums(metrics, asset, period, by=("kind", "key", "part")):
            kind = row["part"] if row["metric"] == ISSUED and row["part"] else row["kind"]
            to = link("purchases", period, **({"currency": asset} | ({"sku": row["key"]} if row["key"] else {})))
            lines.append(Line(row["metric"], "money", row["amount"], "", asset, kind, row["key"], row["count"], to))
        by_day: Counter[int] = Counter()
        for row in await rollups.sums(metrics, asset, period, by=("day",)):
            by_day[row["day"]] += signed(row)
        for day in period.each():
            held += by_day[day]
            lines.append(Line("held", "money", held, date_of(day).isoformat(), asset))
        lines.append(Line("held", "money", held, asset=asset))
    return lines, {
        "issued": "credited to players; kind: how (purchased, granted, gift, …), key: SKU",
        "spent": "paid from wallets; kind: of the offer, or of the entry where nothing was bought; key: SKU",
        "returned": "given back to wallets by refunds",
        "taken_back": "taken out of wallets because its money went back, or by hand",
        "lapsed": "lost to players because its time was over (breakage)",
        "converted_in": "got for another asset",
        "converted_out": "given for another asset",
        "wallet_in": "all else that came in",
        "wallet_out": "all else that went out",
        "held": "what all wallets hold at the end of the day: all that ever came in less all that went out",
    }


async def payments_report(services: Services, rollups: Rollups, currency: str | None, period: Period) -> Lines:
    """Return what gateways received, kept and let arrive, how long that took, and how many checkouts were paid."""
    lines: list[Line] = []
    metrics = (PAYMENTS, FEES, SETTLED, CHECKOUTS, CHECKOUTS_PAID)
    rows = await rollups.sums(metrics, currency, period, by=("asset", "part"))
    clearing = await rollups.sums([CLEARING], currency, period, by=("asset", "kind"))
    assets = sorted({row["asset"] for row in rows})
    for asset in assets:
        of_asset = [row for row in rows if row["asset"] == asset]
        for row in of_asset:
            to = link("purchases", period, currency=asset, **({"gateway": row["part"]} if row["part"] else {}))
            lines.append(Line(row["metric"], "money", row["amount"], "", asset, row["part"], "", row["count"], to))
        lines += _worked_out(asset, of_asset, [row for row in clearing if row["asset"] == asset], period)
    return lines, {
        "payments": "received by a gateway (the kind), whatever became of it later",
        "fees": "kept by the gateway, in the currency in which it settles",
        "settled": "arrived on the gateway's balance, less fees and refunds; counts payments",
        "checkouts": "purchases whose buyer was sent to a gateway's page",
        "checkouts_paid": "of those, paid, on the day on which they were",
        "conversion": "checkouts paid in the period ÷ checkouts begun in it",
        "cost_per_transaction": "fees ÷ payments that arrived on a balance, in the same currency and period",
        "time_to_clear": "median of the full hours from the beginning of a payment to its arrival on a balance",
    }


def _worked_out(
    asset: str, rows: Iterable[Mapping[str, Any]], clearing: Iterable[Mapping[str, Any]], period: Period
) -> Iterator[Line]:
    amounts, counts = Counter[str](), Counter[str]()
    for row in rows:
        amounts[row["metric"]] += row["amount"]
        counts[row["metric"]] += row["count"]
    to = link("purchases", period, currency=asset)
    begun, paid, settled = counts[CHECKOUTS], counts[CHECKOUTS_PAID], counts[SETTLED]
    yield Line("conversion", "share", Fraction(paid, begun) if begun else None, asset=asset, count=begun, link=to)
    cost = Fraction(amounts[FEES], settled) if settled else None
    yield Line("cost_per_transaction", "money", cost, asset=asset, count=settled, link=to)
    hours = {int(row["kind"]): row["count"] for row in clearing}
    yield Line("time_to_clear", "hours", median(hours), asset=asset, count=sum(hours.values()), link=to)


def median(counts: Mapping[int, int]) -> Fraction | None:
    """Return the median of ``value -> how often``; of an even number, the mean of the two in the middle."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, found, seen = ((total - 1) // 2, total // 2), list[int](), 0
    for value in sorted(counts):
        seen += counts[value]
        while len(found) < len(wanted) and wanted[len(found)] < seen:
            found.append(value)
    return Fraction(sum(found), len(found))
