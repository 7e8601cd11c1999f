"""What a goal gives of the game once it is reached: to each fan who contributed, once, in a commit of their own.

What it gives is resolved and written down in the commit that tells that the goal is reached; a job then comes to the
fans. Within the operator's limits: where a day (UTC) has no room left, those who are left get theirs on the next.
"""

import hashlib
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from storefront.core.clock import DAY_MS
from storefront.core.commit.apply import LateView
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Emit, Key, Late, Plan, Step
from storefront.core.commit.reads import reads_of
from storefront.core.ids import new_id
from storefront.core.jobs import Again
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import customers
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.board_tables import GOAL_GRANTS, OF_REACHED, counted, goal_grants, reached
from storefront_fanfunding.granting import Granting, Promise, day_counter, decide_grant, giving
from storefront_fanfunding.guests import GUEST
from storefront_fanfunding.rows import PAID, tip_key
from storefront_fanfunding.tables import tips

GRANT_GOAL = "grant_goal"
GOAL_JOB = "fanfunding.goal_grants"
"""The job that comes to a reached goal's fans."""
GRANT = "ggr_"
"""Begins the id of what a goal gave to a fan."""
FANS_AT_ONCE = 100
_NO_ROOM = "no_room"
_REACHED = Query(select(reached).where(*(reached.c[name] == bindparam(name) for name in OF_REACHED)))
_HAS_IT = (
    select(goal_grants.c.id)
    .where(
        *(goal_grants.c[name] == bindparam(name) for name in (*OF_REACHED, "sku")),
        goal_grants.c.customer_id == counted.c.customer_id,
    )
    .exists()
)
_FANS = Query(
    select(counted.c.customer_id, func.min(counted.c.tip_id).label("tip_id"))
    .join(tips, tips.c.id == counted.c.tip_id)
    .join(customers, customers.c.id == counted.c.customer_id)
    .where(
        counted.c.creator_id == bindparam("creator_id"),
        counted.c.currency == bindparam("currency"),
        counted.c.day >= bindparam("first_day"),
        counted.c.day < bindparam("end_day"),
        counted.c.gross > 0,  # while it is disputed it counts for nothing
        tips.c.state == PAID,
        tips.c.paid_at <= bindparam("reached_at"),
        customers.c.external_id.not_like(GUEST + "%"),
        customers.c.erased_at.is_(None),
        ~_HAS_IT,
    )
    .group_by(counted.c.customer_id)
    .order_by(counted.c.customer_id)
    .limit(FANS_AT_ONCE)
)


class _Came(Enum):
    """How far the job came."""

    THROUGH = auto()
    IN_PART = auto()
    TO_A_FULL_DAY = auto()


async def grant_goal(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Give the next fans of a reached goal what it promised. Safe at any time, any number of times."""
    row = await services.reader.first(_REACHED, **payload)
    if row is None:
        return None
    asked = {name: row[name] for name in ("currency", "first_day", "end_day", "reached_at")}
    came = set()
    for promise in msgspec.json.decode(row["grants"], type=list[Promise]):
        fans = await services.reader.all(_FANS, **payload, **asked, sku=promise.sku)
        for fan in fans:
            far = await _grant(services, row, promise, fan)
            came.add(far)
            if far is _Came.TO_A_FULL_DAY:
                break
        if len(fans) == FANS_AT_ONCE:
            came.add(_Came.IN_PART)
    now = services.clock.now()
    if _Came.TO_A_FULL_DAY in came:
        return Again((now // DAY_MS + 1) * DAY_MS)
    return Again(now) if _Came.IN_PART in came else None


async def _grant(services: Services, row: Row, promise: Promise, fan: Row) -> _Came:
    """Give one fan one offer, once."""
    customer_id, now = fan["customer_id"], services.clock.now()
    creator_id, day = row["creator_id"], now // DAY_MS
    grant_id = _id_of(row, customer_id)
    plan = Plan(actor="plugin:fanfunding", anchors={customer_id, queue_anchor(creator_id)})
    steps = giving(promise.goods, about=grant_id, source="goal", customer_id=customer_id, sku=promise.sku,
                   entry_id=new_id("ent"))  # fmt: skip
    named = {name: row[name] for name in OF_REACHED} | {"id": grant_id}
    granting = Granting(
        promise=promise,
        steps=tuple(steps),
        row=Key(GOAL_GRANTS, (grant_id, promise.sku), customer_id),
        counter=day_counter(creator_id, promise.sku, day),
        day=day,
        named=named,
    )
    witness = tip_key(fan["tip_id"], customer_id)
    reads = (witness, granting.row, granting.counter, *(key for step in steps for key in reads_of(step)))
    plan.add(Late(f"fanfunding.{GRANT_GOAL}", reads, {"granting": granting, "witness": witness}))
    try:
        outcome = await services.engine.commit(plan)
    except Stale:
        return _Came.IN_PART  # that tip went back in this very moment: the next look finds another one, or none
    return _Came.TO_A_FULL_DAY if _NO_ROOM in outcome.results else _Came.THROUGH


def grant_goal_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: give what a goal promised to a fan whose money is still there. It is given once."""
    granting: Granting = facts["granting"]
    tip = view.row(facts["witness"])
    if tip is None or tip["state"] != PAID:
        raise Stale("a tip that has gone back")
    promise = granting.promise
    if not granting.has_room(view) and promise.quantity <= promise.per_day:
        view.tell(_NO_ROOM, True)
        return ()
    steps, is_given = decide_grant(view, granting)
    if not is_given:
        return steps
    named = granting.named
    told = {name: named[name] for name in OF_REACHED}
    told |= {"sku": promise.sku, "quantity": promise.quantity}
    return (*steps, Emit(str(granting.row.anchor), "goal.granted", str(named["id"]), told))


def _id_of(row: Row, customer_id: str) -> str:
    """Return the one id of what a reached goal gives to a fan."""
    own = msgspec.json.encode([row["creator_id"], row["goal"], row["span"], row["stretch"], customer_id])
    return f"{GRANT}{hashlib.sha256(own).hexdigest()[:26]}"
