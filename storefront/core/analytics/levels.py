"""Figures of recurring revenue on a day, by the days before it. Pure; rationals, rounded where they are shown.

=================  ==================================================================================
MRR                what all subscriptions that are paid come to a month, at the end of the day
churn              those who left in the last N days ÷ those who paid when these began
churned revenue    what was lost of MRR in them (churn and contraction) ÷ MRR when they began
per member (ARPU)  MRR ÷ those who pay
lifetime value     per member ÷ churn a month: churn of N days × 30.4375 ÷ N (before costs)
=================  ==================================================================================

N is the length of the period that is looked at.
"""

from dataclasses import dataclass
from fractions import Fraction

from storefront.core.analytics.periods import Period

DAYS_A_MONTH = Fraction(487, 16)
"""365.25 ÷ 12."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Recurring revenue in one asset over a period: ``start`` are MRR and payers before it; the rest is day by day.

    ``left`` counts who stopped paying, ``gone`` is by how much amounts a month became less (churn and contraction).
    """

    period: Period
    start: tuple[int, int]
    by_day: tuple[int, ...]
    payers: tuple[int, ...]
    left: tuple[int, ...]
    gone: tuple[int, ...]

    def mrr(self, day: int) -> int:
        """Return MRR at the end of a day of the period, or of the day before it."""
        return self.start[0] if day < self.period.first else self.by_day[day - self.period.first]

    def paying(self, day: int) -> int:
        return self.start[1] if day < self.period.first else self.payers[day - self.period.first]

    def _within(self, day: int, days: int) -> slice:
        at = day - self.period.first + 1
        return slice(at - days, at)

    def lost(self, day: int, days: int) -> int:
        """Return how many stopped paying in the ``days`` up to a day."""
        return sum(self.left[self._within(day, days)])

    def churn(self, day: int, days: int) -> Fraction | None:
        """Return the churn of the ``days`` up to a day; None where nobody paid before them."""
        began_with = self.paying(day - days)
        return Fraction(self.lost(day, days), began_with) if began_with else None

    def revenue_churn(self, day: int, days: int) -> Fraction | None:
        began_with = self.mrr(day - days)
        return Fraction(sum(self.gone[self._within(day, days)]), began_with) if began_with else None

    def per_member(self, day: int) -> Fraction | None:
        paying = self.paying(day)
        return Fraction(self.mrr(day), paying) if paying else None

    def lifetime_value(self, day: int, days: int) -> Fraction | None:
        """Return what a member brings until they leave; None where nobody pays, or nobody left."""
        per_member, churn = self.per_member(day), self.churn(day, days)
        return per_member / (churn * DAYS_A_MONTH / days) if per_member is not None and churn else None
