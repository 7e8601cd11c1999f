"""The roll-ups, computed anew from nothing beside those that are read, and put in their place in one commit.

Done in steps that each take a moment, so that whoever asked hears how far it is; what is read meanwhile stays as it is.
A rebuild that nobody goes on with is left behind by the next one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, func, select

from storefront.core.analytics.batches import EVENTS_OF_CORE
from storefront.core.analytics.generations import (
    ANCHOR,
    BUILDING,
    CURRENT,
    GENERATIONS,
    MEMBERS,
    OLD,
    ROLLUPS,
    Generation,
    all_generations,
)
from storefront.core.analytics.roller import ALONE, Roller
from storefront.core.commit.plan import Change, Insert, Plan, Remove
from storefront.core.errors import NotFound
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import analytics_members, analytics_rollups, entries, events

BATCHES_A_STEP = 5
REMOVED_AT_ONCE = 500
_ROLLUPS = Query(
    select(analytics_rollups).where(analytics_rollups.c.generation == bindparam("generation")).limit(bindparam("most"))
)
_MEMBERS = Query(
    select(analytics_members).where(analytics_members.c.generation == bindparam("generation")).limit(bindparam("most"))
)


async def begin_rebuild(services: Services) -> dict[str, Any]:
    """Begin to compute all roll-ups anew; return ``generation``, which ``go_on`` takes, and how many rows there are."""
    known = await all_generations(services.reader)
    plan = Plan(actor="analytics", anchors={ANCHOR})
    for one in known:
        if one.state == BUILDING:
            plan.add(Change(GENERATIONS, (one.number,), ANCHOR, {"state": BUILDING}, {"state": OLD}))
    number = 1 + max((one.number for one in known), default=0)
    fresh = Generation(number, state=BUILDING, created_at=services.clock.wall())
    plan.add(Insert(GENERATIONS, (number,), ANCHOR, fresh.to_row()))
    await services.engine.commit(plan)
    types = sorted(EVENTS_OF_CORE | services.figures.event_types)
    wanted = select(func.count()).select_from(events).where(events.c.type.in_(types))
    of_events = (await services.reader.scan(wanted))[0]
    of_entries = (await services.reader.scan(select(func.count()).select_from(entries)))[0]
    total = sum(int(next(iter(row.values()))) for row in (of_events, of_entries))
    return {"generation": number, "done": 0, "total": total, "finished": False}


async def go_on(services: Services, roller: Roller, generation: int) -> dict[str, Any]:
    """Go on with a rebuild for a moment; tell how many rows are ``done``, and whether it is ``finished``.

    What it replaces is removed before it is.

    Raises:
        NotFound: there is no such rebuild, or another was begun after it.
    """
    found = {one.number: one for one in await all_generations(services.reader)}
    here = found.get(generation)
    if here is None or here.state == OLD:
        raise NotFound("Another rebuild was begun after this one.")
    if here.state == BUILDING:
        here = await _build(services, roller, here, found)
        return {"generation": generation, "done": here.folded, "finished": False}
    left = [one for one in found.values() if one.state == OLD]
    if left:
        await _remove(services, left[0])
    return {"generation": generation, "done": here.folded, "finished": not left}


async def _build(services: Services, roller: Roller, here: Generation, found: Mapping[int, Generation]) -> Generation:
    """Fold some batches; once nothing is left, let this generation be the one that is read."""
    for _ in range(BATCHES_A_STEP):
        further = await roller.fold_next(here, ALONE)
        if further is None:
            await _put_in_place(services, here, found)
            return replace(here, state=CURRENT)
        here = further
    return here


async def _put_in_place(services: Services, here: Generation, found: Mapping[int, Generation]) -> None:
    plan = Plan(actor="analytics", anchors={ANCHOR})
    for one in found.values():
        if one.state == CURRENT:
            plan.add(Change(GENERATIONS, (one.number,), ANCHOR, {"state": CURRENT}, {"state": OLD}))
    expect = {"state": BUILDING, "commit_no": here.commit_no}
    plan.add(Change(GENERATIONS, (here.number,), ANCHOR, expect, {"state": CURRENT}))
    await services.engine.commit(plan)


async def _remove(services: Services, old: Generation) -> None:
    """Remove some rows of an old generation, and with the last of them itself."""
    span = {"generation": old.number, "most": REMOVED_AT_ONCE}
    plan = Plan(actor="analytics", anchors={ANCHOR})
    for row in await services.reader.all(_ROLLUPS, **span):
        names = ("generation", "metric", "asset", "day", "kind", "key", "part")
        plan.add(Remove(ROLLUPS, tuple(row[name] for name in names), ANCHOR))
    for row in await services.reader.all(_MEMBERS, **span):
        plan.add(Remove(MEMBERS, (row["generation"], row["customer_id"]), ANCHOR))
    if not len(plan):
        plan.add(Remove(GENERATIONS, (old.number,), ANCHOR))
    await services.engine.commit(plan)
