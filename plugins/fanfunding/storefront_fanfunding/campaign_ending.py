"""The end of an all-or-nothing goal: its deadline, what was collected, and giving back where that is too little."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from storefront.core.alarms import add_alarm
from storefront.core.clock import DAY_MS, MINUTE_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, IdempotencyKey, Plan
from storefront.core.errors import NotFound, Refused
from storefront.core.gateway_refunds import RefundFailed
from storefront.core.gateways import GatewayFailed
from storefront.core.jobs import Again
from storefront.core.purchasing import Status, read_purchase
from storefront.core.reading import Row
from storefront.core.receiving import NEVER_GIVEN
from storefront.core.refunding import refund
from storefront.core.refunds import CLAWING, RefundRequest, Strategy, read_reversals
from storefront.core.reversing import AlreadyRefunded, NotRefundable
from storefront.core.services import Services
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.campaigns import (
    ACTOR,
    BY_PURCHASE,
    CHARGING,
    COLLECTED,
    COLLECTED_OF,
    COLLECTING,
    NEXT_COLLECTED,
    REACHED,
    REFUNDED,
    UNDECIDED,
    find_campaign,
    need_pledge,
    told_of,
)
from storefront_fanfunding.pledge_moves import GIVE_BACK_JOB, add_closing, add_settling
from storefront_fanfunding.pledge_tables import PLEDGES

TOO_LITTLE = "too little of the goal was collected"
GIVE_BACK_AGAIN_MS = 10 * MINUTE_MS

log = structlog.get_logger("storefront.pledges")


async def close_campaign(services: Services, campaign: Row) -> None:
    """Say whether a goal is reached, if its deadline is over and nobody has said so. Safe to repeat and to race."""
    plan = Plan(actor=ACTOR)
    add_closing(plan, campaign)
    await services.engine.commit(plan)


async def go_on_with_campaign(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Do what is due of a campaign: its own job, so that it ends also when no pledge is left to bring that about."""
    asked = {"creator_id": payload["creator_id"], "goal": payload["goal"]}
    campaign = await find_campaign(services, **asked)
    if campaign is not None and campaign["state"] == COLLECTING:
        if services.clock.now() < campaign["deadline"]:
            return Again(int(campaign["deadline"]))
        await close_campaign(services, campaign)
        campaign = await find_campaign(services, **asked)
    if campaign is None:
        raise NotFound("There is no such campaign.")
    if await finish(services, campaign):
        return None
    return Again(services.clock.now() + DAY_MS)


async def finish(services: Services, campaign: Row) -> bool:
    """Write down what was collected for a goal, once each pledge is charged or was in vain; tell whether that is done.

    Safe to repeat and to race.
    """
    if campaign["state"] != REACHED:
        return bool(campaign["state"] != COLLECTING)
    asked = {"creator_id": campaign["creator_id"], "goal": campaign["goal"]}
    if await services.reader.first(UNDECIDED, **asked) is not None:
        return False
    sums = await services.reader.first(COLLECTED_OF, **asked)
    assert sums is not None, "a sum is always one row"
    plan = Plan(actor=ACTOR)
    add_settling(plan, campaign, int(sums["worth"]), int(sums["many"]))
    await services.engine.commit(plan)
    return True


async def give_back(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Refund every collected pledge of a goal for which too little was collected. Safe to repeat.

    One that is disputed waits for how that ends: money that comes back then is its fan's.
    """
    after, wait_ms = "", 0
    while True:
        asked = {"creator_id": payload["creator_id"], "goal": payload["goal"]}
        found = await services.reader.all(NEXT_COLLECTED, after=after, **asked)
        for pledge in found:
            after = pledge["id"]
            try:
                if not await _give_back_one(services, pledge):
                    wait_ms = wait_ms or DAY_MS
            except GatewayFailed as away:
                log.warning("pledge_not_given_back_yet", pledge=pledge["id"], reason=away.code)
                wait_ms = GIVE_BACK_AGAIN_MS
        if not found:
            return Again(services.clock.now() + wait_ms) if wait_ms else None


async def give_back_again(services: Services, purchase_id: str) -> None:
    """A refund has failed at the bank: its money is here again, and its fan's. It is refunded anew a week later."""
    pledge = await services.reader.first(BY_PURCHASE, purchase_id=purchase_id)
    if pledge is None or pledge["state"] != REFUNDED:
        return
    anchor, now = board_anchor(pledge["creator_id"]), services.clock.now()
    plan = Plan(actor=ACTOR, anchors={pledge["customer_id"], anchor})
    changes = {"state": COLLECTED, "reason": "refund_failed", "updated_at": now}
    plan.add(Change(PLEDGES, (pledge["id"],), pledge["customer_id"], {"state": REFUNDED}, changes))
    add_alarm(services, plan, "pledge_not_given_back", pledge["id"], {"reason": "refund_failed"})
    asked = {"creator_id": pledge["creator_id"], "goal": pledge["goal"]}
    key = f"{GIVE_BACK_JOB}:{pledge['id']}:{now}"
    plan.schedule(GIVE_BACK_JOB, anchor=anchor, unique_key=key, due_at=now + 7 * DAY_MS, now=now, payload=asked)
    log.error("pledge_not_given_back", pledge=pledge["id"], reason="refund_failed")
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("pledge_has_moved", pledge=pledge["id"])


async def _give_back_one(services: Services, pledge: Row) -> bool:
    """Refund one pledge; False while a dispute about it is open."""
    before = await read_reversals(services.reader, pledge["purchase_id"])
    if _is_disputed(before):
        return False
    plan, reason = Plan(actor=ACTOR, anchors={pledge["customer_id"]}), "too_little_collected"
    try:
        await refund_for(services, pledge["purchase_id"], "pledge", TOO_LITTLE, after=_failed(before))
    except AlreadyRefunded:
        if _is_disputed(await read_reversals(services.reader, pledge["purchase_id"])):
            return False  # since a moment ago
        log.info("pledge_given_back_before", pledge=pledge["id"])
    except (Refused, RefundFailed) as left:
        # Also an amount that the gateway cannot give back exactly: one that is stuck holds up no other.
        log.error("pledge_not_given_back", pledge=pledge["id"], reason=left.code)
        reason = left.code
        add_alarm(services, plan, "pledge_not_given_back", pledge["id"], {"reason": left.code})
    changes = {"state": REFUNDED, "reason": reason, "updated_at": services.clock.now()}
    plan.add(Change(PLEDGES, (pledge["id"],), pledge["customer_id"], {"state": COLLECTED}, changes))
    told = told_of({**pledge, **changes}, purchase=pledge["purchase_id"], tip=pledge["tip_id"], reason=reason)
    plan.emit("pledge.refunded", anchor=pledge["customer_id"], subject=pledge["id"], payload=told)
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("pledge_has_moved", pledge=pledge["id"])  # another run of this has just done it
    return True


def _failed(reversals: Sequence[Row]) -> int:
    """Count the refunds that failed at the bank."""
    return sum(row["cause"] not in CLAWING and row["state"] == "failed" for row in reversals)


def _is_disputed(reversals: Sequence[Row]) -> bool:
    return any(row["cause"] in CLAWING and row["state"] == "open" for row in reversals)


async def give_back_unwanted(services: Services, purchase_id: str, pledge_id: str) -> None:
    """Give back money that came after its pledge was collected, or over.

    Raises:
        GatewayFailed: nobody knows whether it was given back; call again.
    """
    purchase, pledge = await read_purchase(services, purchase_id), await need_pledge(services, pledge_id)
    if purchase["status"] != Status.PAID or purchase["reason"] in NEVER_GIVEN or pledge["state"] == CHARGING:
        return
    try:
        await refund_for(services, purchase_id, "money back", "its pledge was charged already, or is over")
    except (AlreadyRefunded, NotRefundable, RefundFailed) as left:
        # An alarm stands since the money came (``goods_owed``): an operator sees to it.
        log.warning("not_given_back", purchase=purchase_id, reason=left.code)


async def refund_for(services: Services, purchase_id: str, operation: str, reason: str, *, after: int = 0) -> None:
    """Give all that is left of a purchase back, once; ``after`` so many that failed. Raises what the core does."""
    name = f"{purchase_id}:{after}" if after else purchase_id
    key = IdempotencyKey(ACTOR, operation, name, hashlib.sha256(name.encode()).digest())
    await refund(services, RefundRequest(key, purchase_id, reason, strategy=Strategy.FLOOR))
