"""Forgetting: decisions and profiles after ``keep_days``, counters and lists' entries once they say nothing more."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import SHOP_ANCHOR, Change, Plan, Remove
from storefront.core.jobs import Again
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fraud.cases import counter_key
from storefront_fraud.config import Settings
from storefront_fraud.learning import ANCHOR
from storefront_fraud.lists import anchor_of
from storefront_fraud.rings import LONGEST_MS
from storefront_fraud.tables import (
    COUNTERS,
    DECISIONS,
    LIST_ENTRIES,
    PROFILES,
    counters,
    decisions,
    list_entries,
    profiles,
)

FORGET = "fraud.forget"
_NEWEST = Query(select(func.max(decisions.c.created_at).label("at")))
AT_ONCE = 200
ACTOR = "plugin:fraud"


async def schedule_forgetting(services: Services) -> None:
    """Make sure that the job exists."""
    now = services.clock.now()
    plan = Plan(actor=ACTOR, anchors={SHOP_ANCHOR})
    plan.schedule(FORGET, anchor=SHOP_ANCHOR, unique_key=FORGET, due_at=now + HOUR_MS, now=now, payload={})
    await services.engine.commit(plan)


async def forget(services: Services, settings: Settings, payload: Mapping[str, Any]) -> Again:
    """Forget what is old enough, a few rows at a time, and come back tomorrow."""
    now = services.clock.now()
    while await _forget_decisions(services, now - settings.keep_ms):
        pass
    newest = await services.reader.first(_NEWEST)
    # From the newest decision on, which is all that an audit knows of time: a shop in which nothing happens keeps them.
    latest = now if newest is None or newest["at"] is None else min(now, newest["at"])
    while await _forget_counters(services, latest - LONGEST_MS - DAY_MS):
        pass
    while await _forget_entries(services, now):
        pass
    while await _forget_profiles(services, now - settings.keep_ms):
        pass
    return Again(now + DAY_MS)


async def _forget_decisions(services: Services, before: int) -> bool:
    old = select(decisions).where(decisions.c.created_at < before).limit(AT_ONCE)
    rows = await services.reader.scan(old)
    if rows:
        plan = Plan(actor=ACTOR, anchors={row["customer_id"] for row in rows})
        for row in rows:
            plan.add(Remove(DECISIONS, (row["purchase_id"], row["stage"]), row["customer_id"]))
        await services.engine.commit(plan)
    return len(rows) == AT_ONCE


async def _forget_counters(services: Services, before: int) -> bool:
    """Drop counters whose windows are all over; one that was moved meanwhile stays, and nothing of the few with it."""
    rows = await services.reader.scan(select(counters).where(counters.c.updated_at < before).limit(AT_ONCE))
    if rows:
        plan = Plan(actor=ACTOR)
        for row in rows:
            key = counter_key(row["dimension"], row["value"], row["value"])
            assert key.anchor is not None, "every counter hangs under an anchor"
            plan.anchors.add(key.anchor)
            unmoved = {"updated_at": row["updated_at"]}
            plan.add(Change(COUNTERS, key.id, key.anchor, unmoved, unmoved), Remove(COUNTERS, key.id, key.anchor))
        try:
            await services.engine.commit(plan)
        except Stale:
            return True
    return len(rows) == AT_ONCE


async def _forget_profiles(services: Services, before: int) -> bool:
    rows = await services.reader.scan(select(profiles).where(profiles.c.updated_at < before).limit(AT_ONCE))
    if rows:
        plan = Plan(actor=ACTOR, anchors={ANCHOR})
        for row in rows:
            unmoved = {"updated_at": row["updated_at"]}
            plan.add(Change(PROFILES, (row["customer_id"],), ANCHOR, unmoved, unmoved),
                     Remove(PROFILES, (row["customer_id"],), ANCHOR))  # fmt: skip
        try:
            await services.engine.commit(plan)
        except Stale:
            return True
    return len(rows) == AT_ONCE


async def _forget_entries(services: Services, now: int) -> bool:
    rows = await services.reader.scan(
        select(list_entries).where(list_entries.c.expires_at < now - DAY_MS).limit(AT_ONCE)
    )
    if rows:
        plan = Plan(actor=ACTOR, anchors={anchor_of(row["list"]) for row in rows})
        for row in rows:
            anchor, place = anchor_of(row["list"]), (row["list"], row["value"])
            unmoved = {"expires_at": row["expires_at"]}
            plan.add(Change(LIST_ENTRIES, place, anchor, unmoved, unmoved), Remove(LIST_ENTRIES, place, anchor))
        try:
            await services.engine.commit(plan)
        except Stale:
            return True
    return len(rows) == AT_ONCE
