"""What an operator's shell asks (``storefront subscriptions``); figures: reads their rows, and tells them as JSON."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sqlalchemy import func, or_, select

from storefront.core.accounts import revenue, sink
from storefront.core.clock import iso, parse_iso, to_datetime
from storefront.core.errors import FieldError, Invalid
from storefront.core.hooks import Operations
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import customers, entries, purchases, reversals, transfers
from storefront_subscriptions.figures import Asked, Stretch, churn, funnel, mrr, recovered
from storefront_subscriptions.intervals import Interval
from storefront_subscriptions.operating import list_subscriptions, show_in_full
from storefront_subscriptions.spans import spans_from
from storefront_subscriptions.tables import invoices, subscriptions


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

    Months are those of the calendar, in UTC, the first and the last as far as they lie in the time that is asked for.
    """
    asked = await services.reader.scan(select(invoices).where(invoices.c.created_at < until))
    begun = await services.reader.scan(select(subscriptions).where(subscriptions.c.created_at < until))
    known = await services.reader.scan(select(customers.c.id).where(customers.c.created_at < until))
    first = min((row["created_at"] for row in begun), default=until)
    months = months_between(first if since is None else since, until)
    ended = {row["id"]: row["ended_at"] for row in begun}
    stretches = [stretch for row in asked if row["state"] == "paid" for stretch in _stretches(row, ended)]
    charged = [_asked(row) for row in asked]
    states: dict[str, list[str]] = defaultdict(list)
    for row in begun:
        states[row["customer_id"]].append(row["billing_state"])
    collected = await _collected(services, months)
    assets = sorted({one.asset for one in charged if one.total > 0})
    return {
        "from": iso(months[0][0]),
        "to": iso(until),
        "funnel": funnel([row["id"] for row in known], states, charged),
        "ended": _reasons(begun),
        "assets": {asset: _of_asset(asset, months, stretches, charged, collected) for asset in assets},
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


def _stretches(row: Row, ended: Mapping[str, int | None]) -> Iterator[Stretch]:
    """Yield what a paid invoice paid for, tier by tier, as long as its subscription was not over."""
    if row["period"] < 0:
        return
    end = min(row["period_end"], ended[row["subscription_id"]] or row["period_end"])
    spans = [] if row["spans"] is None else [(one.start, one.price) for one in spans_from(row["spans"])]
    begins = spans or [(row["period_start"], row["price"] * row["seats"])]
    for (start, price), until in zip(begins, [*(start for start, _ in begins[1:]), end], strict=True):
        interval = Interval.parse(row["interval"])
        yield Stretch(row["customer_id"], row["currency"], start, min(until, end), price, interval)


def _asked(row: Row) -> Asked:
    return Asked(row["customer_id"], row["currency"], row["period"], row["total"], row["state"], row["attempts"])


def _reasons(begun: Sequence[Row]) -> dict[str, int]:
    """Count subscriptions that are over by why; those that never were paid are counted as such."""
    over = (row for row in begun if row["ended_at"] is not None)
    counted = Counter(
        "never_paid" if row["billing_state"] == "incomplete_expired" else str(row["reason"]) for row in over
    )
    return dict(sorted(counted.items()))


async def _collected(services: Services, months: Sequence[tuple[int, int]]) -> dict[str, list[list[int]]]:
    """Return ``asset -> [taken, given back] of each month``: what bills moved into revenue or sink, and out of it."""
    moved = (transfers.c.source, transfers.c.destination, transfers.c.asset, transfers.c.amount)
    earned_in = [side.like(f"platform:{role}:%") for side in moved[:2] for role in ("revenue", "sink")]
    statement = (
        select(entries.c.occurred_at, *moved)
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .join(reversals, reversals.c.id == entries.c.about, isouter=True)
        .join(purchases, purchases.c.id == func.coalesce(reversals.c.purchase_id, entries.c.about))
        .where(purchases.c.bill.is_not(None), purchases.c.kind == "subscription", or_(*earned_in))
    )
    found: dict[str, list[list[int]]] = defaultdict(lambda: [[0, 0] for _ in months])
    for row in await services.reader.scan(statement):
        month = next((at for at, (start, end) in enumerate(months) if start <= row["occurred_at"] < end), None)
        earned = {revenue(row["asset"]).id, sink(row["asset"]).id}
        if month is not None:
            found[row["asset"]][month][0] += row["amount"] * (row["destination"] in earned)
            found[row["asset"]][month][1] += row["amount"] * (row["source"] in earned)
    return found


def _of_asset(
    asset: str,
    months: Sequence[tuple[int, int]],
    stretches: Sequence[Stretch],
    charged: Sequence[Asked],
    collected: Mapping[str, list[list[int]]],
) -> dict[str, Any]:
    dunning = recovered(charged, asset)
    moved = collected.get(asset, [[0, 0] for _ in months])
    by_month = []
    for (start, end), (taken, back) in zip(months, moved, strict=True):
        lost = churn(stretches, asset, start, end)
        by_month.append({
            "month": iso(start)[:7],
            "mrr": mrr(stretches, asset, end),
            "paying_at_start": lost.started_with,
            "lost": lost.lost,
            "churn_of_customers": _share(lost.of_customers),
            "churn_of_revenue": _share(lost.of_revenue),
            "taken": taken,
            "given_back": back,
        })  # fmt: skip
    return {
        "months": by_month,
        "dunning": {
            "recovered": {"amount": dunning.recovered, "invoices": dunning.recovered_count},
            "given_up": {"amount": dunning.given_up, "invoices": dunning.given_up_count},
            "waiting": {"amount": dunning.waiting, "invoices": dunning.waiting_count},
            "rate": _share(dunning.rate),
        },
    }


def _share(share: Fraction | None) -> str | None:
    """Write a share with four decimals, half to even, exactly: no float is near what money came to."""
    if share is None:
        return None
    units = round(share * 10_000)
    return f"{units // 10_000}.{units % 10_000:04d}"
