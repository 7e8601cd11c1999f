"""Limits of offers: so many per customer or in all, in UTC calendar windows, enforced inside the commit.

A limit is a counter. Counters per customer hang under the customer, global ones under the offer's own
anchor. Paid purchases count; for an unpaid one a global limit is *reserved* until it is paid or over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from sqlalchemy import bindparam, select

from storefront.core.clock import HOUR_MS, to_datetime
from storefront.core.commit.outcome import LimitReached
from storefront.core.commit.plan import Plan
from storefront.core.config.model import Limit, LimitPer, Offer, Window
from storefront.core.errors import Refused
from storefront.core.reading import Query, Reader
from storefront.core.tables import counters

_COUNTER = Query(select(counters.c.value).where(counters.c.key == bindparam("key")))


class SoldOut(Refused):
    code = "sold_out"
    title = "This is sold out"


@dataclass(frozen=True, slots=True)
class LimitCounter:
    """One counter a purchase moves: its key, its anchor, and the most it may reach."""

    key: str
    anchor: str
    at_most: int
    sku: str
    is_global: bool
    window: str

    def refusal(self) -> Refused:
        refusal: type[Refused] = LimitReached
        detail = "You have bought as many of these as you may."
        if self.is_global:
            refusal, detail = SoldOut, "There is nothing left of this offer."
        return refusal(detail, sku=self.sku, limit=self.at_most, window=self.window)


def limit_counters(offer: Offer, customer_id: str, now: int) -> list[LimitCounter]:
    """Return the counters that buying this offer moves at business time ``now``."""
    return [_counter(offer.sku, limit, customer_id, now) for limit in offer.limits]


def _counter(sku: str, limit: Limit, customer_id: str, now: int) -> LimitCounter:
    is_global = limit.per is LimitPer.GLOBAL
    whose = "*" if is_global else customer_id
    anchor = f"sku:{sku}" if is_global else customer_id
    start = window_start(limit.window, now)
    key = f"limit:{sku}:{whose}:{limit.window}:{start}"
    return LimitCounter(key, anchor, limit.count, sku, is_global, str(limit.window))


def count_limits(plan: Plan, counted: Iterable[LimitCounter], quantity: int) -> None:
    """Count a purchase against its limits; over one of them the plan is refused."""
    for counter in counted:
        plan.anchors.add(counter.anchor)
        plan.count(counter.key, anchor=counter.anchor, by=quantity, at_most=counter.at_most, refusal=counter.refusal())


async def refuse_over_limit(reader: Reader, counted: Iterable[LimitCounter], quantity: int) -> None:
    """Refuse early what a commit would refuse later; the commit alone decides."""
    for counter in counted:
        row = await reader.first(_COUNTER, key=counter.key)
        if (0 if row is None else row["value"]) + quantity > counter.at_most:
            raise counter.refusal()


def window_start(window: Window, now: int) -> int:
    """Return the UTC start of the calendar window around ``now`` (ms); 0 for a lifetime. Weeks begin on Monday."""
    return 0 if window is Window.LIFETIME else _start(window, now // HOUR_MS)


@lru_cache(maxsize=64)
def _start(window: Window, hours: int) -> int:
    moment = to_datetime(hours * HOUR_MS)
    if window is Window.HOUR:
        return int(moment.timestamp()) * 1000
    moment = moment.replace(hour=0)
    if window is Window.WEEK:
        moment -= timedelta(days=moment.weekday())
    elif window is Window.MONTH:
        moment = moment.replace(day=1)
    return int(moment.timestamp()) * 1000
