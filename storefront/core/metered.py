"""Metered features as a customer sees them: what is used, what is left, when it begins anew.

Pure: what the books say is handed in. ``states.py`` reads it for the customer state and the check.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, or_, select

from storefront.core.clock import HOUR_MS, iso, to_datetime
from storefront.core.config.model_usage import MICRO, PICO, Charge, ChargeMode, Meter, OnExhausted, Period, show_decimal
from storefront.core.money import MAX_AMOUNT
from storefront.core.reading import Query, Row
from storefront.core.tables import usage_accounts, usage_periods

ACCOUNTS = Query(select(usage_accounts).where(usage_accounts.c.customer_id == bindparam("customer_id")))
PERIODS = Query(
    select(usage_periods).where(
        usage_periods.c.customer_id == bindparam("customer_id"),
        or_(usage_periods.c.start >= bindparam("since"), usage_periods.c.start == 0),
    )
)
_LONGEST_PERIOD_MS = 31 * 24 * HOUR_MS


def period_around(period: Period, at: int) -> tuple[int, int | None]:
    """Return the UTC start and end (ms, half-open) of the calendar period around an instant; a lifetime has no end."""
    return (0, None) if period is Period.LIFETIME else _period(period, at // HOUR_MS)


@lru_cache(maxsize=1_024)
def _period(period: Period, hours: int) -> tuple[int, int]:
    day = to_datetime(hours * HOUR_MS).replace(hour=0)
    if period is Period.DAY:
        end = day + timedelta(days=1)
    elif period is Period.WEEK:
        day -= timedelta(days=day.weekday())
        end = day + timedelta(days=7)
    else:
        day = day.replace(day=1)
        end = (day + timedelta(days=32)).replace(day=1)
    return int(day.timestamp()) * 1000, int(end.timestamp()) * 1000


def since(now: int) -> int:
    """Return the earliest start (ms) of a period that is under way and is no lifetime, whose start is 0."""
    return now - _LONGEST_PERIOD_MS


def describe_features(
    charges: Mapping[str, Charge],
    meters: Mapping[str, Meter],
    periods: Iterable[Row],
    accounts: Iterable[Row],
    *,
    available: Mapping[str, int],
    now: int,
) -> dict[str, dict[str, Any]]:
    """Return the metered features of the customer state, by key. ``available`` is asset -> what can be spent."""
    by_period = {(row["meter"], row["charge"], row["start"]): row for row in periods}
    by_charge = {row["charge"]: row for row in accounts}
    shown = {}
    for feature, charge in charges.items():
        meter = meters[charge.meter]
        start, end = period_around(meter.period, now)
        row = by_period.get((meter.key, charge.key, start))
        quantity = 0 if row is None else int(row["quantity"])
        pending = pending_of(by_charge.get(charge.key))
        set_aside = -(-max(pending, 0) // PICO)
        funds = (available.get(charge.asset, 0) + set_aside) * PICO - pending
        shown[feature] = _feature(charge, quantity, funds, resets_at=end)
    return shown


def pending_of(account: Row | None) -> int:
    """Return what of prepaid usage is metered and not billed yet, in 10^-12 of the smallest unit."""
    if account is None:
        return 0
    return int(account["metered"]) - int(account["billed"]) - int(account["unbilled"])


def _feature(charge: Charge, quantity: int, funds: int, *, resets_at: int | None) -> dict[str, Any]:
    """Describe one feature; ``remaining`` is None where nothing bounds it."""
    goes_on = charge.mode is ChargeMode.POSTPAID or charge.on_exhausted in (OnExhausted.ALLOW, OnExhausted.DEBT)
    included = charge.included // MICRO
    return {
        "type": "metered",
        "granted": included if charge.included else None,
        "used": show_decimal(quantity) if quantity % MICRO else quantity // MICRO,
        "remaining": None if goes_on else affordable(charge, quantity, funds),
        "included_left": max(0, charge.included - quantity) // MICRO,
        "overage": bool(charge.included) and quantity > charge.included,
        "resets_at": None if resets_at is None else iso(resets_at),
    }


def affordable(charge: Charge, quantity: int, funds: int) -> int:
    """Return how many whole units more can be paid with ``funds`` (10^-12 of the smallest unit); costs never fall."""
    paid = charge.cost(quantity)
    least, most = 0, 1
    while most < MAX_AMOUNT and charge.cost(quantity + most * MICRO) - paid <= funds:
        least, most = most, most * 2
    most = min(most, MAX_AMOUNT)
    while most - least > 1:
        middle = (least + most) // 2
        if charge.cost(quantity + middle * MICRO) - paid <= funds:
            least = middle
        else:
            most = middle
    if most == MAX_AMOUNT and charge.cost(quantity + most * MICRO) - paid <= funds:
        return most
    return least
