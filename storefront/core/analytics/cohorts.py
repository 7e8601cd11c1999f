"""Retention: of those who joined in a month, how many still paid at the end of each month after it."""

from collections import defaultdict
from collections.abc import Mapping

from storefront.core.analytics.members import date_of, month_of
from storefront.core.analytics.metrics import JOINED, LEFT, MEMBERS
from storefront.core.analytics.periods import Period, first_of_month, last_of_month
from storefront.core.analytics.shapes import CohortRow, Cohorts, link
from storefront.core.analytics.sums import Rollups

FORMULA = (
    "customers whose first paid membership began in the month, who still paid for one at the end of the n-th month "
    "after it ÷ all of them; nobody counts twice, whatever they pay in"
)


async def read_cohorts(rollups: Rollups, last_day: int, *, most: int, first_day: int = 0) -> Cohorts:
    """Return the cohorts of the last ``most`` months up to a day's, from ``first_day``'s on; the oldest first."""
    begin = max(first_of_month(last_day, most - 1), first_of_month(first_day))
    rows = await rollups.sums([MEMBERS], "", Period(begin, last_day), by=("day", "kind", "key"))
    moved: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    joined: dict[str, int] = defaultdict(int)
    for row in rows:
        joined[row["key"]] += row["count"] if row["kind"] == JOINED else 0
        moved[row["key"]][month_of(row["day"])] += -row["count"] if row["kind"] == LEFT else row["count"]
    months = [first_of_month(last_day, back) for back in range(most)][::-1]
    found = [_row(month, last_day, joined, moved) for month in months if month >= begin]
    begun = next((at for at, row in enumerate(found) if row.joined), len(found))
    shown = found[begun:]
    return Cohorts(max((len(row.kept) for row in shown), default=0), shown, FORMULA)


def _row(first: int, last_day: int, joined: Mapping[str, int], moved: Mapping[str, Mapping[str, int]]) -> CohortRow:
    name, kept = month_of(first), []
    paying = moved.get(name, {}).get(name, 0)
    month = first_of_month(first, -1)
    while last_of_month(month) <= last_day:
        paying += moved.get(name, {}).get(month_of(month), 0)
        kept.append(paying)
        month = first_of_month(month, -1)
    whole = Period(first, last_of_month(first))
    return CohortRow(
        f"{date_of(first):%Y-%m}", joined.get(name, 0), kept, link("subscriptions", whole, standing="joined")
    )
