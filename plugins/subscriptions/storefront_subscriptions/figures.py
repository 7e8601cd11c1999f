"""What an operator asks of subscriptions: a plain function for each figure, over what rows say. Pure.

Amounts are in smallest units, instants in business milliseconds, months half-open ``[start, end)``. Assets are never
added up: every figure is of one, money or virtual.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from storefront_subscriptions.intervals import Interval

DAYS_IN_400_YEARS = 146_097
MONTHS_IN_400_YEARS = 4_800
_MONTHS = {
    "day": Fraction(MONTHS_IN_400_YEARS, DAYS_IN_400_YEARS),
    "week": Fraction(7 * MONTHS_IN_400_YEARS, DAYS_IN_400_YEARS),
    "month": Fraction(1),
    "year": Fraction(12),
}
"""How many months an interval of one unit is, on the average of the calendar."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a customer had paid for one tier: ``price`` of all its seats, for one ``interval``."""

    customer: str
    asset: str
    start: int
    end: int
    price: int
    interval: Interval

    def holds(self, instant: int) -> bool:
        return self.start <= instant < self.end


@dataclass(frozen=True, slots=True)
class Asked:
    """An invoice: of whom, for what, what became of it, and how often it was charged. A trial's period is -1."""

    customer: str
    asset: str
    period: int
    total: int
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Churn:
    """Of those who paid when a month began, how many no more do when it ends, and what of their revenue is gone."""

    started_with: int
    lost: int
    revenue: Fraction
    lost_revenue: Fraction

    @property
    def of_customers(self) -> Fraction | None:
        """Logo churn: lost / started with; None where nobody was there to be lost."""
        return Fraction(self.lost, self.started_with) if self.started_with else None

    @property
    def of_revenue(self) -> Fraction | None:
        """Gross revenue churn: lost revenue / revenue; what others pay more makes up for nothing."""
        return self.lost_revenue / self.revenue if self.revenue else None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What dunning brought: invoices that were paid at a later attempt, were given up, or are still open."""

    recovered: int
    recovered_count: int
    given_up: int
    given_up_count: int
    waiting: int
    waiting_count: int

    @property
    def rate(self) -> Fraction | None:
        """Recovered / (recovered + given up), by amount; None where nothing has failed."""
        decided = self.recovered + self.given_up
        return Fraction(self.recovered, decided) if decided else None


def monthly(price: int, interval: Interval) -> Fraction:
    """Return what a price is a month: price / months of its interval, a year's a twelfth; days and weeks on average."""
    return Fraction(price) / (_MONTHS[interval.unit] * interval.count)


def mrr_by_customer(stretches: Iterable[Stretch], asset: str, instant: int) -> dict[str, Fraction]:
    """Return ``customer -> monthly revenue`` at an instant: Σ of the stretches of an asset that hold it.

    Trials and free tiers are none of it. One who pays late never was away: their stretch begins where the last ended.
    """
    found: dict[str, Fraction] = defaultdict(Fraction)
    for one in stretches:
        if one.asset == asset and one.price > 0 and one.holds(instant):
            found[one.customer] += monthly(one.price, one.interval)
    return dict(found)


def mrr(stretches: Iterable[Stretch], asset: str, instant: int) -> int:
    """Return the monthly recurring revenue at an instant: Σ of its customers', rounded once, half to even."""
    return round(sum(mrr_by_customer(stretches, asset, instant).values(), Fraction(0)))


def churn(stretches: Sequence[Stretch], asset: str, start: int, end: int) -> Churn:
    """Return who and what was lost in a month: revenue of a customer counts as lost by as much as it is less."""
    before, after = (mrr_by_customer(stretches, asset, instant) for instant in (start, end))
    less = (max(Fraction(0), amount - after.get(customer, Fraction(0))) for customer, amount in before.items())
    lost = sum(customer not in after for customer in before)
    return Churn(len(before), lost, sum(before.values(), Fraction(0)), sum(less, Fraction(0)))


def recovered(invoices: Iterable[Asked], asset: str) -> Recovered:
    """Return what dunning brought of an asset: renewals of more than nothing that one attempt did not settle.

    One that was paid at its second attempt or later is recovered; one that became uncollectible is given up; an open
    one that was charged already waits. What follows a trial is no renewal: nobody is won back by it.
    """
    amounts: dict[str, list[int]] = {"paid": [], "uncollectible": [], "open": []}
    for one in invoices:
        has_failed = one.attempts > 1 or (one.attempts == 1 and one.state != "paid")
        if one.asset == asset and one.period > 0 and one.total > 0 and has_failed and one.state in amounts:
            amounts[one.state].append(one.total)
    paid, lost, waiting = amounts["paid"], amounts["uncollectible"], amounts["open"]
    return Recovered(sum(paid), len(paid), sum(lost), len(lost), sum(waiting), len(waiting))


def funnel(
    visitors: Collection[str], subscribers: Mapping[str, Collection[str]], invoices: Iterable[Asked]
) -> dict[str, int]:
    """Return how many customers came how far; each step counts customers, once.

    ``visited``: known to the shop. ``tried``: began a subscription, whether or not it was paid. ``trial``: had a trial.
    ``free``: had a period for nothing. ``paid``: paid for a period. ``renewed``: paid for two or more. ``canceled``:
    all that they had is over. ``subscribers`` is ``customer -> states of what they began``.
    """
    paid: Counter[str] = Counter()
    trial, free = set(), set()
    for one in invoices:
        if one.state != "paid":
            continue
        if one.period < 0:
            trial.add(one.customer)
        elif one.total > 0:
            paid[one.customer] += 1
        else:
            free.add(one.customer)
    over = [customer for customer, states in subscribers.items() if _is_canceled(states)]
    return {
        "visited": len(visitors),
        "tried": len(subscribers),
        "trial": len(trial),
        "free": len(free),
        "paid": len(paid),
        "renewed": sum(times > 1 for times in paid.values()),
        "canceled": len(over),
    }


def _is_canceled(states: Collection[str]) -> bool:
    return "canceled" in states and all(state in ("canceled", "incomplete_expired") for state in states)
