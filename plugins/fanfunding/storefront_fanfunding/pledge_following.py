"""What pledges hear of: methods saved and forgotten, purchases that move, another word in a creator's file."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from storefront.core.charging import GONE
from storefront.core.clock import iso
from storefront.core.commit.plan import Plan
from storefront.core.events import Event
from storefront.core.payment_methods import FORGOTTEN
from storefront.core.purchasing import Status, read_purchase
from storefront.core.services import Services
from storefront_fanfunding.campaign_ending import give_back_again, give_back_unwanted
from storefront_fanfunding.campaigns import ACTOR, COLLECTING, METHOD_GONE, OPEN_OF_METHOD, PledgeOver, find_campaign
from storefront_fanfunding.config import SKU, Settings
from storefront_fanfunding.creators import all_creators, find_creator_id
from storefront_fanfunding.goals import Goal, goals_of
from storefront_fanfunding.pledge_charging import advance_pledge
from storefront_fanfunding.pledging import note_setup, withdraw_pledge

MOVED_JOB = "fanfunding.pledge_moved"
MOVED = frozenset(f"purchase.{one}" for one in GONE | {Status.PAID, Status.COMPLETED})
SETUPS = frozenset({"payment_method.saved", "payment_method.closed"})
REFUND_FAILED = "purchase.refund_failed"
ACTIVATED = "catalog.activated"

log = structlog.get_logger("storefront.creators")


async def follow_pledges(services: Services, settings: Settings, event: Event) -> None:
    """Do what an event means for pledges. What may ask a gateway is a job of its own."""
    if event.type in SETUPS:
        await note_setup(services, event.subject)
    elif event.type == REFUND_FAILED:
        await give_back_again(services, event.subject)
    elif event.type == FORGOTTEN:
        await _let_go(services, event.anchor, event.subject)
    elif event.type in MOVED and event.data["sku"] == SKU:
        purchase = await read_purchase(services, event.subject)
        pledge = msgspec.json.decode(purchase["details"]).get("pledge")
        if pledge is not None:
            now, plan = services.clock.now(), Plan(actor=ACTOR, anchors={event.anchor})
            plan.schedule(MOVED_JOB, anchor=event.anchor, unique_key=f"{MOVED_JOB}:{event.id}", due_at=now, now=now,
                          payload={"pledge": pledge, "purchase": event.subject})  # fmt: skip
            await services.engine.commit(plan)
    elif event.type == ACTIVATED:
        await tell_of_edits(services, settings)


async def _let_go(services: Services, customer_id: str, method: str) -> None:
    """Take back the pledges that a forgotten method would have paid: what nobody can charge must not reach a goal."""
    for found in await services.reader.all(OPEN_OF_METHOD, customer_id=customer_id, method=method):
        try:
            await withdraw_pledge(services, found["id"], reason=METHOD_GONE)
        except PledgeOver:  # the deadline was first: the charge is refused, for the same reason
            log.info("pledge_not_withdrawn", pledge=found["id"], reason=METHOD_GONE)


async def note_moved(services: Services, settings: Settings, payload: Mapping[str, Any]) -> None:
    """Go on with a pledge whose purchase has moved. Its own job says when to look again."""
    await give_back_unwanted(services, payload["purchase"], payload["pledge"])
    await advance_pledge(services, settings, payload["pledge"])


async def tell_of_edits(services: Services, settings: Settings) -> None:
    """Log what creators' files say of all-or-nothing goals that has no effect: too late, or after the first pledge."""
    now = services.clock.now()
    for creator in all_creators(services, settings):
        identity = await find_creator_id(services, creator.name)
        for goal in goals_of(creator):
            held = None if identity is None else await find_campaign(services, identity, goal.id)
            if held is None and goal.pledges is not None and goal.pledges.deadline <= now:
                log.error("goal_refused", creator=creator.name, goal=goal.id, reason="its deadline is past",
                          deadline=iso(goal.pledges.deadline))  # fmt: skip
            elif held is not None and held["state"] == COLLECTING:
                for key, before, after in _edited(held, goal):
                    log.error("goal_refused", creator=creator.name, goal=goal.id, reason="fans have pledged to it",
                              key=key, stays=before, says=after)  # fmt: skip


def _edited(held: Mapping[str, Any], goal: Goal) -> list[tuple[str, Any, Any]]:
    """Return key -> what it stays and what the file says of it now, where these differ."""
    if goal.pledges is None:
        return [("mode", "all_or_nothing", "keep_it_all")]
    said = {
        "target": (f"{held['target']} {held['currency']}", f"{goal.steps[0].target} {goal.currency}"),
        "deadline": (iso(held["deadline"]), iso(goal.pledges.deadline)),
        "min_collected": (held["min_collected"], goal.pledges.min_collected),
    }
    return [(key, before, after) for key, (before, after) in said.items() if before != after]
