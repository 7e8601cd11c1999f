"""What rows of subscriptions say as figures: how far customers came, and what waits. Pure.

What moves day by day (MRR, churn, dunning) is counted by events (``rolling.py``).

Amounts are in smallest units, instants in business milliseconds, months half-open ``[start, end)``. Assets are never
added up: every figure is of one, money or virtual.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """An invoice: of whom, for what, what became of it, and how often it was charged. A trial's period is -1."""

    customer: str
    asset: str
    period: int
    total: int
    state: str
    attempts: int


def waiting(invoices: Iterable[Asked], asset: str) -> list[int]:
    """Return the amounts of renewals that failed at least once and are still asked for.

    What follows a trial is no renewal.
    """
    return [
        one.total
        for one in invoices
        if one.asset == asset and one.period > 0 and one.total > 0 and one.attempts > 0 and one.state == "open"
    ]


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
