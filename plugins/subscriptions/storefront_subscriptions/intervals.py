"""Periods: the n-th of a subscription is a function of its anchor, never of the period before.

31 January, 28 or 29 February, 31 March: the day of the month is the anchor's, or the last that the month has. Source:
Stripe's rule for ``billing_cycle_anchor``, which customers know. All is UTC and half-open; times are business ms.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000
UNITS = ("day", "week", "month", "year")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 9_999
_LONGEST_MONTH_MS = 31 * DAY_MS


class NoSuchPeriod(ValueError):
    """A period that would end after the year 9999."""


@dataclass(frozen=True, slots=True)
class Interval:
    """So many days, weeks, months or years."""

    unit: str
    count: int

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Read ``month`` or ``3 months``; raises ``ValueError``, which says what it may be."""
        words = text.split(" ")
        number, word = ("1", words[0]) if len(words) == 1 else (words[0], words[-1].removesuffix("s"))
        is_plural_right = len(words) == 1 or words[-1] == f"{word}s"
        if len(words) > 2 or word not in UNITS or not number.isdecimal() or int(number) < 1 or not is_plural_right:
            raise ValueError(
                f"{text!r} is no interval: say day, week, month or year, or several of them, like 3 months"
            )
        return cls(word, int(number))


@dataclass(frozen=True, slots=True)
class Period:
    """The ``n``-th period, from 0: from ``start`` on, until just before ``end`` (ms)."""

    n: int
    start: int
    end: int


def period(anchor: int, interval: Interval, n: int) -> Period:
    """Return the ``n``-th period from an anchor (ms); raises ``NoSuchPeriod`` beyond the year 9999."""
    return Period(n, _boundary(anchor, interval, n), _boundary(anchor, interval, n + 1))


def period_at(anchor: int, interval: Interval, instant: int) -> Period:
    """Return the period that an instant (ms, not before the anchor) lies in."""
    longest = interval.count * {"day": DAY_MS, "week": 7 * DAY_MS, "month": _LONGEST_MONTH_MS, "year": 366 * DAY_MS}[
        interval.unit
    ]  # fmt: skip
    found = period(anchor, interval, max(0, (instant - anchor) // longest))
    # Months are shorter than the longest: what is left to go is a fiftieth of the way at most, so half of it is jumped.
    while found.end <= instant:
        found = period(anchor, interval, found.n + max(1, (instant - found.end) // longest))
    return found


def _boundary(anchor: int, interval: Interval, n: int) -> int:
    """Return where the ``n``-th period begins, keeping the anchor's time of day to the millisecond."""
    try:
        if interval.unit in ("day", "week"):
            days = n * interval.count * (7 if interval.unit == "week" else 1)
            return _to_ms(_to_datetime(anchor) + timedelta(days=days))
        months = n * interval.count * (12 if interval.unit == "year" else 1)
        moment = _to_datetime(anchor)
        year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
        if year > _LAST_YEAR:
            raise NoSuchPeriod(f"period {n} would end after the year {_LAST_YEAR}")
        day = min(moment.day, monthrange(year, month + 1)[1])
        return _to_ms(moment.replace(year=year, month=month + 1, day=day))
    except OverflowError as beyond:
        raise NoSuchPeriod(f"period {n} would end after the year {_LAST_YEAR}") from beyond


def _to_datetime(instant: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=instant)


def _to_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
