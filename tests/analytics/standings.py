"""What recurs, once more: how each customer's amount a month moved, from rows of subscriptions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby

Standing = tuple[int, str, str, str, int]
"""When, subscription, customer, currency, amount a month."""
Movement = tuple[int, str, str, int]
"""When, currency, kind, by how much a month."""


def movements(standings: Iterable[Standing]) -> list[Movement]:
    """Return how what customers pay a month moved: what happens to one of them at one instant is one movement."""
    by_customer: dict[str, list[Standing]] = defaultdict(list)
    for one in standings:
        by_customer[one[2]].append(one)
    return [moved for told in by_customer.values() for moved in _of_customer(told)]


def _of_customer(told: list[Standing]) -> list[Movement]:
    found: list[Movement] = []
    owed: dict[str, tuple[str, int]] = {}
    ever: set[str] = set()
    for when, at_once in groupby(told, key=lambda one: one[0]):
        before = _totals(owed)
        for _, name, _, currency, amount in at_once:
            owed[name] = (currency, amount)
        after = _totals(owed)
        for currency in {*before, *after}:
            was, now = before.get(currency, 0), after.get(currency, 0)
            if was != now:
                found.append((when, currency, _kind(was, now, is_known=currency in ever), now - was))
        ever |= {*before, *after}
    return found


def _totals(owed: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for currency, amount in owed.values():
        if amount:
            found[currency] = found.get(currency, 0) + amount
    return found


def _kind(was: int, now: int, *, is_known: bool) -> str:
    if not was:
        return "reactivation" if is_known else "new"
    if not now:
        return "churn"
    return "expansion" if now > was else "contraction"
