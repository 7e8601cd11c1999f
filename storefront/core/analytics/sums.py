"""Reading the roll-ups: sums by day, and what stands at a day's end. Costs what the days cost, whatever was sold."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from storefront.core.analytics.generations import Generation, find_current
from storefront.core.analytics.levels import Levels
from storefront.core.analytics.metrics import CHURN, GROSS, NEW, PAYMENTS, REACTIVATION, RECURRING
from storefront.core.analytics.periods import Period
from storefront.core.reading import PointReader, Query, Row
from storefront.core.tables import analytics_rollups as rollups

_OF = rollups.c.generation == bindparam("generation")
_ASSETS = Query(
    select(rollups.c.asset, func.sum(rollups.c.count).label("count"))
    .where(_OF, rollups.c.metric == bindparam("metric"))
    .group_by(rollups.c.asset)
    .order_by(func.sum(rollups.c.count).desc(), rollups.c.asset)
)


@cache
def _grouped(metrics: tuple[str, ...], by: tuple[str, ...], *, in_all_assets: bool) -> Query:
    """Select sums between two days by some columns, in their order."""
    columns = [rollups.c[name] for name in ("metric", *by)]
    total = (func.sum(rollups.c.amount).label("amount"), func.sum(rollups.c.count).label("count"))
    conditions = [
        _OF,
        or_(*(rollups.c.metric == metric for metric in metrics)),
        rollups.c.day.between(bindparam("first"), bindparam("last")),
    ]
    if not in_all_assets:
        conditions.append(rollups.c.asset == bindparam("asset"))
    return Query(select(*columns, *total).where(*conditions).group_by(*columns).order_by(*columns))


class Rollups:
    """The roll-ups of one generation; ``generation`` None: nothing was counted yet, and every sum is empty."""

    def __init__(self, reader: PointReader, generation: Generation | None) -> None:
        self._reader = reader
        self.generation = generation

    @classmethod
    async def current(cls, reader: PointReader) -> "Rollups":
        return cls(reader, await find_current(reader))

    @property
    def counted_until(self) -> int | None:
        """When the newest thing happened that is counted (business ms)."""
        return None if self.generation is None else self.generation.counted_until

    async def sums(
        self, metrics: Sequence[str], asset: str | None, period: Period, *, by: Sequence[str] = ()
    ) -> Sequence[Row]:
        """Return rows of ``metric``, the columns ``by``, ``amount`` and ``count``; of one asset, or (None) of each."""
        if self.generation is None:
            return []
        query = _grouped(tuple(metrics), tuple(by), in_all_assets=asset is None)
        wanted: dict[str, Any] = {} if asset is None else {"asset": asset}
        span = {"first": period.first, "last": period.last}
        found = await self._reader.all(query, generation=self.generation.number, **span, **wanted)
        # PostgreSQL sums up to a decimal.
        return [{**row, "amount": int(row["amount"]), "count": int(row["count"])} for row in found]

    async def assets(self, metric: str) -> list[str]:
        """Return the assets in which a metric has ever counted anything, the most frequent first."""
        if self.generation is None:
            return []
        return [
            row["asset"] for row in await self._reader.all(_ASSETS, generation=self.generation.number, metric=metric)
        ]

    async def currencies(self) -> list[str]:
        """Return the currencies in which anything was paid or is paid again and again, the most frequent first."""
        found = [*await self.assets(PAYMENTS), *await self.assets(GROSS), *await self.assets(RECURRING)]
        return list(dict.fromkeys(found))

    async def levels(self, asset: str, period: Period) -> Levels:
        """Return what recurring revenue stands at on each day of a period, and who left."""
        beginning = await self.sums([RECURRING], asset, Period(0, period.first - 1), by=("kind",))
        moved = await self.sums([RECURRING], asset, period, by=("day", "kind"))
        amounts, paying, left, gone = ([0] * period.days for _ in range(4))
        for row in moved:
            at = row["day"] - period.first
            amounts[at] += row["amount"]
            paying[at] += _people(row)
            left[at] += row["count"] if row["kind"] == CHURN else 0
            gone[at] -= row["amount"] if row["amount"] < 0 else 0
        start = sum(row["amount"] for row in beginning), sum(map(_people, beginning))
        mrr = tuple(accumulate(amounts, initial=start[0]))[1:]
        return Levels(period, start, mrr, tuple(accumulate(paying, initial=start[1]))[1:], tuple(left), tuple(gone))


def _people(row: Row) -> int:
    """Return by how many those who pay are more."""
    if row["kind"] in (NEW, REACTIVATION):
        return int(row["count"])
    return -int(row["count"]) if row["kind"] == CHURN else 0
