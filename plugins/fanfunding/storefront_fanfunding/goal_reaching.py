"""That a goal is reached is told once for each goal, span and step, whatever goes back afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Emit, Insert, Key, Late, Plan
from storefront.core.commit.plan import Step as PlanStep
from storefront.core.services import Services
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.board_tables import REACHED
from storefront_fanfunding.config import Settings
from storefront_fanfunding.creators import creator_name, need_creator
from storefront_fanfunding.goals import Progress, goals_of, stand

REACH = "reach_goal"
GOAL_REACHED = "goal.reached"


async def reach_goals(services: Services, settings: Settings, creator_id: str) -> None:
    """Write down which of a creator's goals stand at their target now, and did not before in their span."""
    name = await creator_name(services, creator_id)
    if name not in services.catalogs.active.creators:
        return
    for goal in goals_of(need_creator(services, settings, name)):
        if goal.pledges is not None:
            continue  # tips bring it nowhere: its deadline says whether it is reached
        progress = await stand(services, creator_id, goal)
        found = [_row(creator_id, progress, step.number, step.target) for step in goal.steps
                 if step.target <= progress.amount and step.number not in progress.reached_at]  # fmt: skip
        if goal.is_active and found:
            anchor = board_anchor(creator_id)
            plan = Plan(actor="plugin:fanfunding", anchors={anchor})
            for row in found:
                plan.add(Late(f"fanfunding.{REACH}", (_key(row, anchor),), {"row": row, "anchor": anchor}))
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
    return (
        Insert(REACHED, key.id, anchor, {**row, "reached_at": now}),
        Emit(anchor, GOAL_REACHED, row["creator_id"], told),
    )


def _row(creator_id: str, progress: Progress, number: int, target: int) -> dict[str, Any]:
    goal = progress.goal
    return {
        "creator_id": creator_id,
        "goal": goal.id,
        "span": progress.span.name,
        "stretch": number,
        "currency": goal.currency,
        "target": target,
        "amount": progress.amount,
    }


def _key(row: Mapping[str, Any], anchor: str) -> Key:
    return Key(REACHED, (row["creator_id"], row["goal"], row["span"], row["stretch"]), anchor)
