"""That a goal is reached is told once for each goal, span and step, whatever goes back afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Emit, Insert, Key, Late, Plan, Steps
from storefront.core.commit.plan import Step as PlanStep
from storefront.core.events import Event
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.board_tables import OF_REACHED, REACHED, reached
from storefront_fanfunding.config import Allowed, Settings
from storefront_fanfunding.creators import creator_name, need_creator
from storefront_fanfunding.goal_granting import GOAL_JOB
from storefront_fanfunding.goals import Progress, Step, goals_of, stand
from storefront_fanfunding.granting import promises

REACH = "reach_goal"
GOAL_REACHED = "goal.reached"
_THAT_GIVE = Query(
    select(reached)
    .where(reached.c.creator_id == bindparam("creator_id"), reached.c.grants != "[]")
    .order_by(reached.c.reached_at.desc())
    .limit(50)
)


async def reach_goals(services: Services, settings: Settings, creator_id: str) -> None:
    """Write down which of a creator's goals stand at their target now, and did not before in their span."""
    name = await creator_name(services, creator_id)
    if name not in services.catalogs.active.creators:
        return
    for goal in goals_of(need_creator(services, settings, name)):
        if goal.pledges is not None:
            continue  # tips bring it nowhere: its deadline says whether it is reached
        progress = await stand(services, creator_id, goal)
        allowed = settings.terms(name).may_grant
        found = [_row(services, allowed, creator_id, progress, step) for step in goal.steps
                 if step.target <= progress.amount and step.number not in progress.reached_at]  # fmt: skip
        if goal.is_active and found:
            anchor = board_anchor(creator_id)
            plan = Plan(actor="plugin:fanfunding", anchors={anchor})
            for row in found:
                reads = (_key(row, anchor), Key("jobs", (f"job:{_job_key(row)}",), anchor))
                plan.add(Late(f"fanfunding.{REACH}", reads, {"row": row, "anchor": anchor}))
            await services.engine.commit(plan)


async def give_anew(services: Services, event: Event) -> None:
    """Let the jobs of goals that a creator has reached look again: a tip counts again that counted for nothing."""
    creator_id, now = event.data["creator_id"], services.clock.now()
    anchor = board_anchor(creator_id)
    plan = Plan(actor="plugin:fanfunding", anchors={anchor})
    for row in await services.reader.all(_THAT_GIVE, creator_id=creator_id):
        plan.schedule(GOAL_JOB, anchor=anchor, unique_key=f"{_job_key(row)}:{event.id}", due_at=now, now=now,
                      payload={name: row[name] for name in OF_REACHED})  # fmt: skip
    if plan.list:
        await services.engine.commit(plan)


def reach_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[PlanStep]:
    """Late step: tell it, unless it was told."""
    row, anchor, now = facts["row"], facts["anchor"], view.moment.now
    key = _key(row, anchor)
    if view.row(key) is not None:
        return ()
    told = {
        "creator_id": row["creator_id"],
        "goal": row["goal"],
        "span": row["span"],
        "stretch": row["stretch"],
        "target": {"amount": row["target"], "currency": row["currency"]},
        "amount": {"amount": row["amount"], "currency": row["currency"]},
    }
    steps = Steps()
    steps.add(
        Insert(REACHED, key.id, anchor, {**row, "reached_at": now}),
        Emit(anchor, GOAL_REACHED, row["creator_id"], told),
    )
    if row["grants"] != "[]":
        steps.schedule(GOAL_JOB, anchor=anchor, unique_key=_job_key(row), due_at=now, now=now,
                       payload={name: row[name] for name in OF_REACHED})  # fmt: skip
    return steps.list


def _row(
    services: Services, allowed: Mapping[str, Allowed], creator_id: str, progress: Progress, step: Step
) -> dict[str, Any]:
    goal, span = progress.goal, progress.span
    promised = promises(services, allowed, step.grants, about=goal.id, customer_id="")
    return {
        "creator_id": creator_id,
        "goal": goal.id,
        "span": span.name,
        "stretch": step.number,
        "currency": goal.currency,
        "target": step.target,
        "amount": progress.amount,
        "first_day": span.first,
        "end_day": span.end,
        "grants": msgspec.json.encode(promised).decode(),
    }


def _key(row: Mapping[str, Any], anchor: str) -> Key:
    return Key(REACHED, tuple(row[name] for name in OF_REACHED), anchor)


def _job_key(row: Mapping[str, Any]) -> str:
    """Return the unique key of the job that gives a goal's fans what it promised."""
    return ":".join((GOAL_JOB, *(str(row[name]) for name in OF_REACHED)))
