"""How much of a limited offer is left: read from the very counters that purchases move.

Shown only; whether somebody gets the last one is decided in the commit alone.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from sqlalchemy import select

from storefront.core.config.model import LimitPer, Offer
from storefront.core.limits import LimitCounter, limit_counters
from storefront.core.reading import PointReader, Query
from storefront.core.tables import counters

Left = Mapping[str, int]
"""A counter's key -> how many more it admits."""


async def read_left(reader: PointReader, offers: Iterable[Offer], customer_id: str | None, now: int) -> Left:
    """Return what is left of offers at business time ``now``, in one read; a customer's own limits only for one."""
    counted = {one.key: one for offer in offers for one in shown_counters(offer, customer_id, now)}
    if not counted:
        return {}
    used = {row["key"]: row["value"] for row in await reader.all(_query(tuple(counted)))}
    return {key: max(0, one.at_most - used.get(key, 0)) for key, one in counted.items()}


def shown_counters(offer: Offer, customer_id: str | None, now: int) -> list[LimitCounter]:
    """Return an offer's counters, those per customer only for a known one."""
    if not offer.limits:
        return []
    found = limit_counters(offer, customer_id or "", now)
    return [one for one in found if one.is_global or customer_id is not None]


def left_by_limit(offer: Offer, left: Left, customer_id: str | None, now: int) -> list[int | None]:
    """Return for each of an offer's limits what is left, None where that is not shown."""
    if not offer.limits:
        return []
    keys = [one.key for one in limit_counters(offer, customer_id or "", now)]
    is_shown = [limit.per is LimitPer.GLOBAL or customer_id is not None for limit in offer.limits]
    return [left.get(key) if shown else None for key, shown in zip(keys, is_shown, strict=True)]


@lru_cache(maxsize=64)
def _query(keys: tuple[str, ...]) -> Query:
    return Query(select(counters.c.key, counters.c.value).where(counters.c.key.in_(keys)))
