"""What a subscription comes to a month. Pure.

A price is divided by the months of its interval: a year is 12 of them, a month has 52/12 weeks and 365/12 days. Each
subscription is rounded half to even by itself, so that what a list of them shows adds up to the whole, to the unit.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from storefront_subscriptions.intervals import Interval

_MONTHS = {"day": Fraction(12, 365), "week": Fraction(12, 52), "month": Fraction(1), "year": Fraction(12)}
_PAYING = frozenset({"active", "past_due"})


def monthly(price: int, interval: Interval) -> int:
    """Return what a price for an interval comes to a month, in the smallest unit."""
    return round(Fraction(price) / (_MONTHS[interval.unit] * interval.count))


def recurring(row: Mapping[str, Any]) -> int:
    """Return what a subscription (its row) comes to a month now, all seats together.

    It does while a period of it was paid and it goes on: also while a renewal that failed is tried again, or somebody
    else has paid for it. Trials, pauses, free tiers and what waits for its customer come to nothing.
    """
    if row["billing_state"] not in _PAYING or row["period"] < 0:
        return 0
    return monthly(row["price"] * row["seats"], Interval.parse(row["interval"]))
