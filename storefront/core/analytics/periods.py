"""Spans of business days (UTC) that figures are asked for. ``last`` belongs to its span; days count from 1970-01-01."""

from dataclasses import dataclass
from datetime import MAXYEAR, date

from storefront.core.analytics.members import EPOCH, date_of
from storefront.core.clock import DAY_MS
from storefront.core.errors import FieldError, Invalid

DEFAULT_DAYS = 30
MOST_DAYS = 3_660


@dataclass(frozen=True, slots=True)
class Period:
    """The days from ``first`` to ``last``, both of them in it."""

    first: int
    last: int

    @property
    def days(self) -> int:
        return self.last - self.first + 1

    @property
    def before(self) -> "Period":
        """As many days, right before."""
        return Period(self.first - self.days, self.first - 1)

    def each(self) -> range:
        return range(self.first, self.last + 1)


def day_of(when: date) -> int:
    return (when - EPOCH).days


def first_of_month(day: int, back: int = 0) -> int:
    """Return the first day of a day's month, or of the month so many before it."""
    at = date_of(day)
    months = at.year * 12 + at.month - 1 - back
    return day_of(date(months // 12, months % 12 + 1, 1))


def last_of_month(day: int) -> int:
    """Return the last day of a day's month."""
    return first_of_month(day, -1) - 1


def period_of(
    now: int, *, since: str | None = None, until: str | None = None, days: int | None = None, months: int | None = None
) -> Period:
    """Read what is asked for, up to today if ``until`` (a date, in the period) is absent; ``DEFAULT_DAYS`` by default.

    ``months`` are whole ones: the month of the last day so far, and those before it.

    Raises:
        Invalid: no date, or a period that ends before it begins or is longer than ten years.
    """
    last = now // DAY_MS if until is None else _day(until, "/to")
    if since is not None:
        first = _day(since, "/from")
    elif months is not None:
        first = first_of_month(last, months - 1)
    else:
        first = last - (DEFAULT_DAYS if days is None else days) + 1
    if first > last:
        raise Invalid("A period must begin before it ends.", errors=[FieldError("/from", "must not be after `to`")])
    if last - first >= MOST_DAYS:
        raise Invalid("A period may be ten years long.", errors=[FieldError("/from", "is more than ten years before")])
    return Period(first, last)


def _day(text: str, pointer: str) -> int:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("A day is written as in 2026-11-21.", errors=[FieldError(pointer, "is no date")]) from error
    if found < EPOCH:
        raise Invalid("There was no shop then.", errors=[FieldError(pointer, "is before 1970")])
    if found.year >= MAXYEAR:  # the day after a period has a date too
        raise Invalid("The calendar ends there.", errors=[FieldError(pointer, f"must be before {MAXYEAR}")])
    return day_of(found)
