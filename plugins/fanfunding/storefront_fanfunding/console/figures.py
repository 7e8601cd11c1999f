"""What fans gave over a period, as analytics counts it: by source, by creator, and day by day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from storefront.core.analytics.members import date_of
from storefront.core.analytics.overview import main_currency
from storefront.core.analytics.periods import Period
from storefront.core.analytics.sums import Rollups
from storefront.design.charts import (
    BarList,
    BarRow,
    Series,
    StackedBars,
    as_table,
    bar_list,
    legend,
    stacked_bars,
)
from storefront.pages.lists import PERIOD_QUERY, link, money, period_asked, period_chips
from storefront.panels import Asking, Beside, Chip, Drawing, Section
from storefront_fanfunding.console.words import PATH
from storefront_fanfunding.rolling import ELSEWHERE, GIVEN, PLEDGES, TIPS

QUERY: Mapping[str, Mapping[str, Any]] = {
    "span": PERIOD_QUERY,
    "currency": {"type": "string", "maxLength": 64},
}
_SOURCES = {TIPS: ("Tips", "c1"), PLEDGES: ("Pledges", "c2"), ELSEWHERE: ("Given elsewhere", "c4")}
_MOST_CREATORS = 12


@dataclass(frozen=True, slots=True)
class Given:
    """What is asked for: the roll-ups, a period of them, a currency, and the other currencies in which fans gave."""

    rollups: Rollups
    period: Period
    currency: str
    currencies: Sequence[str]

    @classmethod
    async def of(cls, asking: Asking) -> "Given":
        rollups = await Rollups.current(asking.services.reader)
        found = await rollups.assets(GIVEN)
        currency = asking.query.get("currency") or (found[0] if found else main_currency(asking.services, ()))
        return cls(rollups, period_asked(asking), currency, found)

    async def by(self, *columns: str, creator_id: str | None = None) -> dict[tuple[str | int, ...], int]:
        """Return columns -> what was given, of all creators or of one."""
        found: Counter[tuple[str | int, ...]] = Counter()
        for row in await self.rollups.sums([GIVEN], self.currency, self.period, by=(*columns, "key")):
            if creator_id is None or row["key"] == creator_id:
                found[tuple(row[name] for name in columns)] += row["amount"]
        return found


def switches(asking: Asking, path: str, given: Given) -> tuple[list[Chip], list[Chip]]:
    """Return the periods to choose from, and the currencies, where there are several."""
    others = [Chip(one, link(path, asking.query, currency=one), one == given.currency) for one in given.currencies]
    return period_chips(path, asking.query), others if len(others) > 1 else []


async def of_all(asking: Asking, given: Given, names: Mapping[str, str]) -> Section:
    """Return what was given by source and by creator; ``names``: our id -> what the YAML calls them."""
    sources = {str(kind): amount for (kind,), amount in (await given.by("kind")).items()}
    rows = [BarRow(words, sources[kind]) for kind, (words, _) in _SOURCES.items() if sources.get(kind)]
    by_creator = sorted((await given.by("key")).items(), key=lambda one: -one[1])
    bars = [
        BarRow(name, amount, f"{PATH}/{name}")
        for (key,), amount in by_creator[:_MOST_CREATORS]
        for name in [names.get(str(key), str(key))]
        if amount > 0
    ]
    total = money(asking, sum(sources.values()), given.currency)
    return Beside((
        (_bars(asking, "Fan funding by source", rows, given, figure=total, colour="c2"),),
        (_bars(asking, "Fan funding by creator", bars, given, colour="c4"),),
    ))  # fmt: skip


async def of_one(asking: Asking, given: Given, creator_id: str) -> Drawing:
    """Return what one creator was given day by day."""
    title, found = "What fans gave", await given.by("day", "kind", creator_id=creator_id)
    kinds = [kind for kind in _SOURCES if any(one == kind for _, one in found)]
    if not kinds:
        return Drawing(title, nothing("Nothing in this time."))
    days = given.period.each()
    chart = StackedBars(
        title=f"{title}, {money(asking, sum(found.values()), given.currency)} in all",
        days=tuple(date_of(day) for day in days),
        series=tuple(Series(*_SOURCES[kind], tuple(found.get((day, kind), 0) for day in days)) for kind in kinds),
        unit=given.currency,
        locale=asking.language,
    )
    total = money(asking, sum(found.values()), given.currency)
    hint = "As fans gave it, before the creator's share, on the day on which it was paid."
    return Drawing(title, stacked_bars(chart), as_table(chart), figure=total, aside=legend(chart), hint=hint)


def _bars(
    asking: Asking, title: str, rows: Sequence[BarRow], given: Given, *, colour: str, figure: str = ""
) -> Drawing:
    if not rows:
        return Drawing(title, nothing("Nothing in this time."))
    chart = BarList(title, tuple(rows), given.currency, asking.language, colour=colour)
    return Drawing(title, bar_list(chart), as_table(chart), figure=figure)


def nothing(words: str) -> Markup:
    return Markup('<p class="hint">{}</p>').format(words)
