"""Billing periods, computed from the anchor alone.

Everything here is pure, in UTC and to the millisecond: period *n* is f(anchor, interval, n), never a step from the
previous end, so 31 January bills on 28 or 29 February and on 31 March again. Time zones are for display only.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Literal, Self, cast, get_args

from storefront.core.errors import Invalid

Unit = Literal["day", "week", "month", "year"]

PATTERN = "^(day|week|month|year|([2-9]|[1-9][0-9]{1,2}) (days|weeks|months|years))$"
SAYS = "must be day, week, month or year, or a number of them from 2 to 999: 2 weeks, 3 months"

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_LAST = date.max.toordinal()
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


class BadInterval(Invalid):
    """A text or a count that is no billing interval; the detail lists the form."""

    code = "bad_interval"
    title = f"A billing interval {SAYS}"


class BeyondCalendar(Invalid):
    """A period that begins before the year 1 or ends after the year 9999."""

    code = "beyond_calendar"
    title = "Billing periods lie between the years 1 and 9999"


@dataclass(frozen=True, slots=True)
class Interval:
    """How often a tier bills: every ``count`` (1 to 999) days, weeks, months or years.

    Raises:
        BadInterval: if the unit is another or the count is out of range.
    """

    unit: Unit
    count: int = 1

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit) or not 1 <= self.count <= 999:
            raise BadInterval(unit=self.unit, count=self.count)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an interval as the YAML writes it: ``month``, ``3 months``, ``2 weeks``, ``year``.

        Units are spelled out because ``m`` means minutes in our durations.

        Raises:
            BadInterval: if the text has another form.
        """
        if re.fullmatch(PATTERN, text, re.ASCII) is None or text.endswith("\n"):
            raise BadInterval(f"{text!r} is no billing interval: it {SAYS}", interval=text)
        count, _, unit = text.rpartition(" ")
        return cls(cast(Unit, unit.removesuffix("s")), int(count or "1"))

    def __str__(self) -> str:
        return self.unit if self.count == 1 else f"{self.count} {self.unit}s"

    @property
    def often(self) -> str:
        """How often something is paid, in words: ``a month``, ``every 3 months``."""
        return f"a {self.unit}" if self.count == 1 else f"every {self}"


@dataclass(frozen=True, slots=True)
class Period:
    """The ``n``-th billing period, ``[start, end)`` in UTC milliseconds; period 0 starts at the anchor."""

    n: int
    start: int
    end: int

    @property
    def total(self) -> int:
        """Its length in milliseconds."""
        return self.end - self.start

    def holds(self, instant: int) -> bool:
        """Tell whether an instant (UTC milliseconds) lies in it."""
        return self.start <= instant < self.end


def period(anchor: int, interval: Interval, n: int) -> Period:
    """Return the n-th period of an anchor (UTC milliseconds), with the anchor's time of day kept.

    A day that a month lacks becomes that month's last day; the month after has it again, as has 29 February in the
    next leap year. A negative ``n`` lies before the anchor, where a clock that was set back may ask.

    Raises:
        BeyondCalendar: if it does not lie within the years 1 to 9999.

    Source: invariants S1 and S3; Stripe documents the same rule for its billing cycle anchor.
    """
    return Period(n, _start(anchor, interval, n), _start(anchor, interval, n + 1))


def period_at(anchor: int, interval: Interval, instant: int) -> Period:
    """Return the period that holds an instant, in constant time; ``n`` is negative before the anchor.

    Anchor and instant are UTC milliseconds.

    Raises:
        BeyondCalendar: if that period does not lie within the years 1 to 9999.
    """
    if interval.unit in _DAYS:
        length = _DAYS[interval.unit] * interval.count * _DAY_MS
        return period(anchor, interval, (instant - anchor) // length)
    months = _MONTHS[interval.unit] * interval.count
    n = (_month(_date(instant)) - _month(_date(anchor))) // months
    # Period n starts in the instant's month or before, period n + 1 in a later month: at most one step back is left.
    if _start(anchor, interval, n) > instant:
        n -= 1
    return period(anchor, interval, n)


def _start(anchor: int, interval: Interval, n: int) -> int:
    time_of_day = anchor % _DAY_MS
    first = _date(anchor)
    if interval.unit in _DAYS:
        ordinal = first.toordinal() + _DAYS[interval.unit] * interval.count * n
    else:
        year, month = divmod(_month(first) + _MONTHS[interval.unit] * interval.count * n, 12)
        if not date.min.year <= year <= date.max.year:
            raise BeyondCalendar(year=year)
        ordinal = date(year, month + 1, min(first.day, monthrange(year, month + 1)[1])).toordinal()
    if not 1 <= ordinal <= _LAST:
        raise BeyondCalendar(day=ordinal - _EPOCH)
    return (ordinal - _EPOCH) * _DAY_MS + time_of_day


def _date(instant: int) -> date:
    ordinal = instant // _DAY_MS + _EPOCH
    if not 1 <= ordinal <= _LAST:
        raise BeyondCalendar(instant=instant)
    return date.fromordinal(ordinal)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
