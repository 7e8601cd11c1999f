"""The meter score: every hour that a meter has counted of a customer is held against what is usual, and learned.

An hour is looked at once it has been over for 26 hours, for many report once a day; what is reported later than that
is not seen. Hours without a report are hours with nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select, tuple_

from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.config.model_usage import MICRO
from storefront.core.jobs import Again
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import usage_windows
from storefront_fraud.anomaly import MeterProfile, MeterScore, Reading, Week
from storefront_fraud.learning import ACTOR, ANCHOR
from storefront_fraud.tables import METERS, meters

METER = "fraud.meters"
EVERY_MS = DAY_MS
WAIT_MS = 26 * HOUR_MS
KEPT_MS = 7 * DAY_MS
MOST_HOURS = 400 * 24
_ALL = ""
"""Whose row a meter's own week stands in."""
_WHOLE = 10_000
_PAIR = (usage_windows.c.customer_id, usage_windows.c.meter)
NEXT_PAIR = Query(
    select(*_PAIR)
    .where(tuple_(*_PAIR) > tuple_(bindparam("customer_id"), bindparam("meter")))
    .order_by(*_PAIR)
    .limit(1)
)
"""The next customer and meter by the key of the table, which is asked from pair to pair: there are as many as there are
customers who are metered, and each has thousands of windows."""
_HIGHEST = Query(
    select(func.max(meters.c.highest).label("highest")).where(
        meters.c.customer_id == bindparam("customer_id"), meters.c.highest_at >= bindparam("since")
    )
)


async def highest_of(services: Services, customer_id: str, now: int) -> float | None:
    """Return the highest score of a customer's meters within the last seven days; None where none has one."""
    row = await services.reader.first(_HIGHEST, customer_id=customer_id, since=now - KEPT_MS)
    return None if row is None or row["highest"] is None else row["highest"] / _WHOLE


async def schedule_metering(services: Services) -> None:
    """Make sure that the job exists."""
    now, plan = services.clock.now(), Plan(actor=ACTOR, anchors={ANCHOR})
    plan.schedule(METER, anchor=ANCHOR, unique_key=METER, due_at=now + HOUR_MS, now=now, payload={})
    await services.engine.commit(plan)


async def score_meters(services: Services, payload: Mapping[str, Any]) -> Again:
    """Score all hours that are over, meter by meter and customer by customer. Safe to repeat."""
    now = services.clock.now()
    until = (now - WAIT_MS) // HOUR_MS * HOUR_MS
    pair = await services.reader.first(NEXT_PAIR, customer_id="", meter="")
    while pair is not None:
        with suppress(Stale):  # another one scores it
            await _score(services, pair["customer_id"], pair["meter"], until)
        pair = await services.reader.first(NEXT_PAIR, **pair)
    return Again(now + EVERY_MS)


async def _score(services: Services, customer_id: str, meter: str, until: int) -> None:
    """Score one customer's hours before ``until`` that are not yet, in one commit."""
    own, all_ = await _row(services, customer_id, meter), await _row(services, _ALL, meter)
    windows = select(usage_windows).where(
        usage_windows.c.customer_id == customer_id, usage_windows.c.meter == meter, usage_windows.c.start < until
    )
    if own is not None:
        windows = windows.where(usage_windows.c.start >= own["until"])
    counted = {row["start"]: int(row["quantity"]) for row in await services.reader.scan(windows)}
    begin = own["until"] if own is not None else min(counted, default=until)
    begin = max(begin, until - MOST_HOURS * HOUR_MS)
    if begin >= until:
        return
    profile = MeterProfile() if own is None else MeterProfile.of_row(own["profile"])
    week = Week() if all_ is None else _week_of(all_["profile"])
    said = [
        (start, profile.judge(Reading(start, counted.get(start, 0) / MICRO), week))
        for start in range(begin, until, HOUR_MS)
    ]
    plan, now = Plan(actor=ACTOR, anchors={ANCHOR}), services.clock.now()
    for row, key, told in (
        (own, customer_id, {"profile": profile.row(), **_found(own, said)}),
        (all_, _ALL, {"profile": _week_row(week), **_found(None, ())}),
    ):
        changes = {**told, "until": until, "updated_at": now}
        if row is None:
            plan.add(Insert(METERS, (key, meter), ANCHOR, {"customer_id": key, "meter": meter, **changes}))
        else:
            plan.add(Change(METERS, (key, meter), ANCHOR, {"updated_at": row["updated_at"]}, changes))
    await services.engine.commit(plan)


async def _row(services: Services, customer_id: str, meter: str) -> Row | None:
    found = await services.reader.scan(
        select(meters).where(meters.c.customer_id == customer_id, meters.c.meter == meter)
    )
    return found[0] if found else None


def _found(before: Row | None, said: Sequence[tuple[int, MeterScore]]) -> dict[str, Any]:
    """Return the last score and the highest of seven days, with its reasons."""
    known = ("score", "highest", "highest_at", "reasons")
    found: dict[str, Any] = dict(zip(known, (None, None, None, "[]"), strict=True))
    if before is not None:
        found = {name: before[name] for name in known}
    for start, score in said:
        if score.value is None:
            continue
        value = round(score.value * _WHOLE)
        found["score"] = value
        is_old = found["highest_at"] is None or found["highest_at"] < start - KEPT_MS
        if is_old or value >= found["highest"]:
            reasons = msgspec.json.encode(score.reasons).decode()
            found |= {"highest": value, "highest_at": start, "reasons": reasons}
    return found


def _week_row(week: Week) -> str:
    return msgspec.json.encode(week).decode()


def _week_of(row: str) -> Week:
    return msgspec.json.decode(row, type=Week)
