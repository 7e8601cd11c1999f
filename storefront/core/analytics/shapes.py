"""What figures are told as: plain values, each with where it leads. Amounts in the smallest unit, shares rational."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from storefront.core.analytics.members import date_of
from storefront.core.analytics.periods import Period
from storefront.core.clock import DAY_MS, iso

DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Link:
    """What a figure is made of: ``to`` is a list (``purchases``, ``subscriptions``, …), ``filter`` what is in it.

    ``from`` and ``to`` in a filter are instants, half-open, so that a list shows exactly what was counted.
    """

    to: str
    filter: Mapping[str, str]


def link(to: str, period: Period | None = None, **filters: str) -> Link:
    """Return a link to what happened in a period."""
    span = {} if period is None else {"from": iso(period.first * DAY_MS), "to": iso((period.last + 1) * DAY_MS)}
    return Link(to, {**filters, **span})


Value = int | Fraction | None


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure: its value on the last day, ``before`` as it was one period earlier, and ``series`` day by day.

    ``unit``: ``money`` (smallest unit of ``currency``), ``share`` (of 1) or ``count``. ``better``: ``up`` or ``down``.
    ``also`` are values in other currencies, which are never added up.
    """

    name: str
    unit: str
    currency: str
    value: Value
    before: Value
    series: Sequence[Value]
    better: str
    formula: str
    link: Link
    also: Mapping[str, Value] = field(default_factory=dict)

    @property
    def change(self) -> Fraction | None:
        """Return by what share the value is more than before; None where nothing was before."""
        if self.value is None or not self.before:
            return None
        return Fraction(self.value - self.before) / abs(Fraction(self.before))


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: ``by_source`` is what was earned of sales, ``refunds`` (≤ 0 as a rule) what was given back of them."""

    day: date
    by_source: Mapping[str, int]
    refunds: int
    net: int
    link: Link


@dataclass(frozen=True, slots=True)
class Revenue:
    """Net revenue day by day; ``change`` is against the ``before`` of the period before."""

    currency: str
    sources: Sequence[str]
    bars: Sequence[Bar]
    total: int
    before: int
    change: Fraction | None
    by_source: Mapping[str, int]
    refunds: int
    formula: str
    also: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a list: what came of ``name``, how often, and its share of all."""

    name: str
    amount: int
    count: int
    share: Fraction
    link: Link


def part_of(name: str, amount: int, count: int, total: int, to: Link) -> Part:
    return Part(name, amount, count, Fraction(amount, total) if total else Fraction(0), to)


@dataclass(frozen=True, slots=True)
class Parts:
    """Lines of one figure, the largest first, with their sum."""

    currency: str
    total: int
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class CohortRow:
    """Who joined in a month (``2026-11``): ``kept[0]`` of them still paid at the end of the month after, and so on.

    Only months that are over are told, so there are fewer the younger a cohort is.
    """

    month: str
    joined: int
    kept: Sequence[int]
    link: Link

    @property
    def shares(self) -> list[Fraction]:
        return [Fraction(kept, self.joined) if self.joined else Fraction(0) for kept in self.kept]


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Retention by the month in which customers first paid for a membership, the newest last."""

    months: int
    rows: Sequence[CohortRow]
    formula: str


@dataclass(frozen=True, slots=True)
class WalletDay:
    """What came into all wallets on a day and went out of them, and what players hold at its end."""

    day: date
    into: int
    out_of: int
    held: int


@dataclass(frozen=True, slots=True)
class WalletFlow:
    """One virtual currency: ``sources`` and ``sinks`` of the period, the largest first, and its days."""

    asset: str
    days: Sequence[WalletDay]
    into: int
    out_of: int
    held: int
    held_before: int
    sources: Sequence[Part]
    sinks: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Converted:
    """Amounts of several currencies in one, by rates that the operator states; each is rounded half to even."""

    currency: str
    amount: int
    parts: Mapping[str, int]
    rates: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the first page shows. ``counted_until``: when the newest of what is counted happened (business ms)."""

    first: date
    last: date
    currency: str
    currencies: Sequence[str]
    counted_until: int | None
    tiles: Sequence[Tile]
    revenue: Revenue
    fan_funding: Parts
    cohorts: Cohorts
    wallet: WalletFlow | None
    wallets: Sequence[str]
    totals: Mapping[str, Converted]


def share_text(value: Fraction) -> str:
    """Write a rational with four decimals, rounded half to even."""
    scaled = round(value * 10**DECIMALS)
    sign, (whole, rest) = "-" if scaled < 0 else "", divmod(abs(scaled), 10**DECIMALS)
    return f"{sign}{whole}.{rest:0{DECIMALS}d}"


def value_json(value: Value, unit: str) -> int | str | None:
    """Return a value as it is told: money and counts as whole numbers, rounded half to even, shares as text."""
    if value is None:
        return None
    return share_text(Fraction(value)) if unit == "share" else round(value)


def to_json(told: Any) -> Any:
    """Return any of these as JSON: a tile's values by its unit, other rationals as text, dates as ISO 8601."""
    if isinstance(told, Tile):
        plain = {one.name: to_json(getattr(told, one.name)) for one in fields(told)}
        values = {
            "value": value_json(told.value, told.unit),
            "before": value_json(told.before, told.unit),
            "series": [value_json(one, told.unit) for one in told.series],
            "also": {asset: value_json(one, told.unit) for asset, one in told.also.items()},
        }
        return {**plain, **values, "change": to_json(told.change)}
    if isinstance(told, CohortRow):
        plain = {one.name: to_json(getattr(told, one.name)) for one in fields(told)}
        return {**plain, "shares": [share_text(one) for one in told.shares]}
    if is_dataclass(told):
        return {one.name: to_json(getattr(told, one.name)) for one in fields(told)}
    if isinstance(told, Mapping):
        return {key: to_json(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [to_json(one) for one in told]
    return _plain(told)


def _plain(told: Any) -> Any:
    if isinstance(told, Fraction):
        return share_text(told)
    return told.isoformat() if isinstance(told, date) else told


def dates_of(period: Period) -> tuple[date, date]:
    return date_of(period.first), date_of(period.last)
