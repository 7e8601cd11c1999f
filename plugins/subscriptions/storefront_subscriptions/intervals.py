"""Temporary."""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Interval:
    unit: str
    count: int

    @classmethod
    def parse(cls, text: str) -> "Interval":
        parts = text.split()
        return cls(parts[0], 1) if len(parts) == 1 else cls(parts[1].rstrip("s"), int(parts[0]))


@dataclass(frozen=True)
class Period:
    n: int
    start: int
    end: int


def _at(anchor: int, i: Interval, n: int) -> int:
    if i.unit in ("day", "week"):
        return anchor + n * i.count * (86_400_000 if i.unit == "day" else 7 * 86_400_000)
    months = n * i.count * (12 if i.unit == "year" else 1)
    base = datetime.fromtimestamp(anchor // 1000, UTC)
    m = base.month - 1 + months
    y, m = base.year + m // 12, m % 12 + 1
    d = min(base.day, calendar.monthrange(y, m)[1])
    return int(base.replace(year=y, month=m, day=d).timestamp()) * 1000 + anchor % 1000


def period(anchor: int, interval: Interval, n: int) -> Period:
    return Period(n, _at(anchor, interval, n), _at(anchor, interval, n + 1))
