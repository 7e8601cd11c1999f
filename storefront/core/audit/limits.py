"""E3: the counters of limits, against the purchases that they count.

A purchase counts in the window in which it was made, if the catalog version that priced it had the limit:
a limit that came later knows nothing of earlier purchases. Completed purchases count; in global limits an
unpaid one counts as long as it holds a reservation. Where the limit says so, units that were taken back count no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from storefront.core.audit.catalog_documents import read_document
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.limits_given_back import GivenBack, read_given_back
from storefront.core.buyer_caps import PENDING
from storefront.core.clock import DAY_MS, HOUR_MS, to_datetime
from storefront.core.tables import catalog_versions, counters, purchases

_WEEK_MS = 7 * DAY_MS
_FIRST_MONDAY_MS = 4 * DAY_MS
_PERS = ("customer", "global")
_WINDOWS = ("lifetime", "hour", "day", "week", "month")


@dataclass(slots=True)
class _Limited:
    """For one (sku, per, window): the catalog versions that had the limit, and the most it ever allowed."""

    versions: set[str] = field(default_factory=set)
    at_most: int = 0


_Limits = Mapping[tuple[str, str], Mapping[str, _Limited]]


def counters_equal_purchases(connection: Connection) -> Iterator[Violation]:
    """E3: every limit counter equals the quantities that count in it, and passed no limit."""
    limits, versions_of = _read_limits(connection)
    given_back = read_given_back(connection)
    counts = [_counted(connection, *one, limited, versions_of) for one, limited in limits.items()]
    # Every counter belongs to one of them, so one question will do.
    yield from _different(connection, union_all(*counts, *_all_kept(), *_waiting()), given_back.units)
    yield from _over_the_limit(connection, limits, given_back)


@cache
def _waiting() -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """Return ``(key, expected, kept)`` of purchases that wait for their payment, and of what counts them."""
    key = literal(PENDING) + purchases.c.customer_id
    waiting = select(key.label("key"), func.count().label("expected"), literal(0).label("kept")).where(
        purchases.c.status == "pending"
    )
    kept = select(counters.c.key, literal(0).label("expected"), counters.c.value.label("kept")).where(
        counters.c.key.startswith(PENDING, autoescape=True)
    )
    return waiting.group_by(key), kept


@cache
def _select_read_limits() -> Select[Any]:
    return select(catalog_versions.c.hash, catalog_versions.c.document)


def _read_limits(connection: Connection) -> tuple[_Limits, Mapping[str, set[str]]]:
    """Return ``(per, window) -> sku -> limit``, and ``sku -> versions that sell it``, one document at a time."""
    limits: dict[tuple[str, str], dict[str, _Limited]] = {}
    versions_of: dict[str, set[str]] = {}
    for row in each_row(connection, _select_read_limits()):
        for sku, offer in read_document(row.document).items():
            versions_of.setdefault(sku, set()).add(row.hash)
            for limit in offer.limits:
                by_sku = limits.setdefault((limit.per, limit.window), {})
                known = by_sku.setdefault(sku, _Limited())
                known.versions.add(row.hash)
                known.at_most = max(known.at_most, limit.count)
    return limits, versions_of


def _counted(
    connection: Connection, per: str, window: str, limited: Mapping[str, _Limited], versions_of: Mapping[str, set[str]]
) -> Select[*tuple[Any, ...]]:
    """Return ``(key, expected, kept)`` of the purchases that count in limits of this sort."""
    is_limited = []
    for sku, known in limited.items():
        unlimited = versions_of[sku] - known.versions
        of_sku = purchases.c.sku == sku
        is_limited.append(and_(of_sku, purchases.c.catalog_version.not_in(sorted(unlimited))) if unlimited else of_sku)
    counts: ColumnElement[bool] = purchases.c.status == "completed"
    whose: ColumnElement[str] = purchases.c.customer_id
    if per == "global":
        counts, whose = or_(counts, purchases.c.reserved != "[]"), literal("*")
    start = cast(_window_start(connection, window), Text)
    key = literal("limit:") + purchases.c.sku + ":" + whose + f":{window}:" + start
    return (
        select(key.label("key"), func.sum(purchases.c.quantity).label("expected"), literal(0).label("kept"))
        .where(or_(*is_limited), counts)
        .group_by(key)
    )


def _window_start(connection: Connection, window: str) -> ColumnElement[int]:
    """Return the start of the UTC calendar window in which a purchase was made, as an expression."""
    made_at = purchases.c.created_at
    if window == "lifetime":
        return literal(0)
    if window == "month":
        return _month_start(connection)
    if window == "week":
        return made_at - (made_at - _FIRST_MONDAY_MS) % _WEEK_MS
    return made_at - made_at % (HOUR_MS if window == "hour" else DAY_MS)


@cache
def _select_month_start() -> Select[Any]:
    return select(func.min(purchases.c.created_at), func.max(purchases.c.created_at))


def _month_start(connection: Connection) -> ColumnElement[int]:
    """Months have no fixed length: choose among those in which anything was bought."""
    extent = connection.execute(_select_month_start()).one()
    if extent[0] is None:
        return literal(0)
    first, last = to_datetime(extent[0]), to_datetime(extent[1])
    starts = []
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        starts.append(int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000)
    return case(*((purchases.c.created_at >= start, literal(start)) for start in reversed(starts)), else_=literal(0))


@cache
def _all_kept() -> tuple[Select[*tuple[Any, ...]], ...]:
    return tuple(_kept(per, window) for per in _PERS for window in _WINDOWS)


def _kept(per: str, window: str) -> Select[*tuple[Any, ...]]:
    """Return the same of the counters of such limits."""
    pattern = f"limit:%:*:{window}:%" if per == "global" else f"limit:%:cus\\_%:{window}:%"
    return select(counters.c.key, literal(0).label("expected"), counters.c.value.label("kept")).where(
        counters.c.key.like(pattern, escape="\\")
    )


def _different(
    connection: Connection, counts: CompoundSelect[*tuple[Any, ...]], less: Mapping[str, int]
) -> Iterator[Violation]:
    """Report counters that are not what they should be; ``less`` is what was given back of them, key -> units."""
    both = counts.subquery("both")
    expected, found = func.sum(both.c.expected), func.sum(both.c.kept)
    statement = (
        select(both.c.key, expected.label("expected"), found.label("kept"))
        .group_by(both.c.key)
        .having(or_(expected != found, both.c.key.in_(sorted(less))) if less else expected != found)
    )
    for row in each_row(connection, statement):
        due = int(row.expected) - less.get(row.key, 0)
        if int(row.kept) != due:
            message = f"counter {row.key} says {int(row.kept)}, the purchases it counts say {due}"
            yield Violation("E3", (row.key,), message)


def _over_the_limit(connection: Connection, limits: _Limits, given_back: GivenBack) -> Iterator[Violation]:
    most = {
        (sku, per, window): known.at_most
        for (per, window), by_sku in limits.items()
        for sku, known in by_sku.items()
    }  # fmt: skip
    if not most:
        return
    suspicious = select(counters.c.key, counters.c.value).where(
        counters.c.key.startswith("limit:", autoescape=True), counters.c.value > min(most.values())
    )
    for row in each_row(connection, suspicious):
        _, sku, whose, window, _ = row.key.split(":")
        allowed = most.get((sku, "global" if whose == "*" else "customer", window))
        if allowed is not None and row.value > allowed + given_back.again.get(row.key, 0):
            yield Violation("E3", (row.key,), f"counter {row.key} says {row.value}, no version allowed over {allowed}")


CHECKS = (Check("E3", "Limit counters equal the purchases they count", counters_equal_purchases),)
