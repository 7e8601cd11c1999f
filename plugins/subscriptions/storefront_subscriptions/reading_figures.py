"""What an operator's shell asks (``storefront subscriptions``); figures: reads their rows, and tells them as JSON."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from storefront.core.analytics.earning import EARNED
from storefront.core.analytics.metrics import GROSS, REFUNDED_TAX, REFUNDS, RETURNED, SPENT, TAX
from storefront.core.analytics.periods import Period
from storefront.core.analytics.sums import Rollups
from storefront.core.clock import DAY_MS, iso, parse_iso, to_datetime
from storefront.core.errors import FieldError, Invalid
from storefront.core.hooks import Operations
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import customers
from storefront_subscriptions.config import KIND
from storefront_subscriptions.figures import Asked, funnel, waiting
from storefront_subscriptions.operating import list_subscriptions, show_in_full
from storefront_subscriptions.rolling import DUNNING, GIVEN_UP, RECOVERED
from storefront_subscriptions.tables import invoices, subscriptions

NONE = {"amount": 0, "invoices": 0}


def operations_of(services: Services) -> Operations:
    """Return the operations ``list``, ``show`` (``id``) and ``figures``.

    ``figures`` takes ``from`` and ``to``, dates (UTC) or RFC 3339, or all that there is up to now.
    """

    async def list_them(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await list_subscriptions(services, **asked)

    async def show_one(asked: Mapping[str, Any]) -> dict[str, Any]:
        return await show_in_full(services, asked["id"])

    async def figures(asked: Mapping[str, Any]) -> dict[str, Any]:
        since, until = _instant(asked, "from"), _instant(asked, "to")
        until = services.clock.now() if until is None else until
        if since is not None and since >= until:
            raise Invalid("The time must begin before it ends.", errors=[FieldError("/from", "must be before its end")])
        return await read_figures(services, since, until)

    return {"list": list_them, "show": show_one, "figures": figures}


def _instant(asked: Mapping[str, Any], name: str) -> int | None:
    """Read a date, whose first instant is meant, or a time; raises ``Invalid``."""
    text = asked.get(name)
    if text is None:
        return None
    try:
        return parse_iso(f"{text}T00:00:00Z" if len(text) == len("2027-01-01") else text)
    except ValueError as error:
        raise Invalid(f"This is not a time: {error}.", errors=[FieldError(f"/{name}", str(error))]) from error


async def read_figures(services: Services, since: int | None, until: int) -> dict[str, Any]:
    """Return the funnel, and for each asset MRR, churn and what was collected by month, and what dunning brought.

    Months are those of the calendar, in UTC, the first and the last as far as they lie in the days that are asked for.
    All that moves by itself is read from the roll-ups of analytics (``core/analytics``); nothing is worked out twice.
    """
    asked = await services.reader.scan(select(invoices).where(invoices.c.created_at < until))
    begun = await services.reader.scan(select(subscriptions).where(subscriptions.c.created_at < until))
    known = await services.reader.scan(select(customers.c.id).where(customers.c.created_at < until))
    first = min((row["created_at"] for row in begun), default=until)
    months = months_between(first if since is None else since, until)
    charged = [_asked(row) for row in asked]
    states: dict[str, list[str]] = defaultdict(list)
    for row in begun:
        states[row["customer_id"]].append(row["billing_state"])
    rollups = await Rollups.current(services.reader)
    assets = sorted({one.asset for one in charged if one.total > 0})
    return {
        "from": iso(months[0][0]),
        "to": iso(until),
        "funnel": funnel([row["id"] for row in known], states, charged),
        "ended": _reasons(begun),
        "assets": {asset: await _of_asset(rollups, asset, months, charged) for asset in assets},
    }


def months_between(since: int, until: int) -> list[tuple[int, int]]:
    """Return the calendar months of a time ``[since, until)``, UTC, cut to it; one at least."""
    cuts, at = [since], to_datetime(since)
    year, month = at.year, at.month
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        begin = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
        if begin >= until:
            break
        cuts.append(begin)
    return list(pairwise([*cuts, until]))


def _asked(row: Row) -> Asked:
    return Asked(row["customer_id"], row["currency"], row["period"], row["total"], row["state"], row["attempts"])


def _reasons(begun: Sequence[Row]) -> dict[str, int]:
    """Count subscriptions that are over by why; those that never were paid are counted as such."""
    over = (row for row in begun if row["ended_at"] is not None)
    counted = Counter(
        "never_paid" if row["billing_state"] == "incomplete_expired" else str(row["reason"]) for row in over
    )
    return dict(sorted(counted.items()))


async def _of_asset(
    rollups: Rollups, asset: str, months: Sequence[tuple[int, int]], charged: Sequence[Asked]
) -> dict[str, Any]:
    days = [Period(start // DAY_MS, max(start, end - 1) // DAY_MS) for start, end in months]
    whole = Period(days[0].first, days[-1].last)
    levels = await rollups.levels(asset, whole)
    moved = await _collected(rollups, asset, days)
    return {
        "months": [
            {
                "month": iso(start)[:7],
                "mrr": levels.mrr(month.last),
                "paying_at_start": levels.paying(month.first - 1),
                "lost": levels.lost(month.last, month.days),
                "churn_of_customers": _share(levels.churn(month.last, month.days)),
                "churn_of_revenue": _share(levels.revenue_churn(month.last, month.days)),
                "taken": taken,
                "given_back": back,
            }
            for (start, _), month, (taken, back) in zip(months, days, moved, strict=True)
        ],
        "dunning": await _dunning(rollups, asset, whole, charged),
    }


async def _collected(rollups: Rollups, asset: str, months: Sequence[Period]) -> list[tuple[int, int]]:
    """Return what each month took for subscriptions, and gave back: without tax, or from wallets."""
    found = []
    for month in months:
        sums: Counter[str] = Counter()
        for row in await rollups.sums((*EARNED, SPENT, RETURNED), asset, month, by=("kind",)):
            sums[row["metric"]] += row["amount"] * (row["kind"] == KIND)
        taken = sums[GROSS] - sums[TAX] + sums[SPENT]
        found.append((taken, sums[REFUNDS] - sums[REFUNDED_TAX] + sums[RETURNED]))
    return found


async def _dunning(rollups: Rollups, asset: str, period: Period, charged: Sequence[Asked]) -> dict[str, Any]:
    """Return what renewals that failed at first came to in a period, and which of them wait now."""
    moved = {row["kind"]: row for row in await rollups.sums([DUNNING], asset, period, by=("kind",))}
    told = {kind: _invoices(moved[kind]) if kind in moved else NONE for kind in (RECOVERED, GIVEN_UP)}
    decided = told[RECOVERED]["amount"] + told[GIVEN_UP]["amount"]
    rate = Fraction(told[RECOVERED]["amount"], decided) if decided else None
    waits = waiting(charged, asset)
    return {**told, "waiting": {"amount": sum(waits), "invoices": len(waits)}, "rate": _share(rate)}


def _invoices(row: Row) -> dict[str, int]:
    return {"amount": row["amount"], "invoices": row["count"]}


def _share(share: Fraction | None) -> str | None:
    """Write a share with four decimals, half to even, exactly: no float is near what money came to."""
    if share is None:
        return None
    units = round(share * 10_000)
    return f"{units // 10_000}.{units % 10_000:04d}"
