"""What a creator decides about what fans write: shown, shown by its name alone, not shown; and senders whom they block.

A blocked sender's money is taken as anybody's; from then on nothing of theirs comes on screen, or stands on the tip
page or on boards. They are not told.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, or_, select

from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan, Remove
from storefront.core.errors import Conflict
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.admitting import block_key
from storefront_fanfunding.alert_queue import (
    HELD,
    SHOWN,
    SKIPPED,
    alert_event,
    need_alert,
    queue_plan,
)
from storefront_fanfunding.overlay_tokens import find_overlay
from storefront_fanfunding.rows import ALERTS, BLOCKS, OVERLAYS, QUEUED, TIPS, UNSETTLED
from storefront_fanfunding.tables import alerts, blocks, tips

TIMES_DECIDED = 8
MOST_AT_ONCE = 100
_WAITING_OF = Query(
    select(alerts)
    .join(tips, tips.c.id == alerts.c.tip_id)
    .where(
        alerts.c.creator_id == bindparam("creator_id"),
        tips.c.customer_id == bindparam("customer_id"),
        or_(*(alerts.c.state == one for one in (HELD, UNSETTLED, QUEUED, SHOWN))),
    )
    .order_by(alerts.c.sequence)
    .limit(MOST_AT_ONCE)
)
_BLOCKED = Query(
    select(blocks.c.sequence, blocks.c.created_at, tips.c.name, tips.c.is_anonymous)
    .join(alerts, (alerts.c.creator_id == blocks.c.creator_id) & (alerts.c.sequence == blocks.c.sequence))
    .join(tips, tips.c.id == alerts.c.tip_id)
    .where(blocks.c.creator_id == bindparam("creator_id"))
    .order_by(blocks.c.created_at.desc(), blocks.c.sequence.desc())
    .limit(500)
)


class Verdict(StrEnum):
    """What can be decided about an alert's tip, or about who sent it."""

    APPROVE = "approve"
    NAME_ONLY = "name_only"
    REJECT = "reject"
    BLOCK = "block"
    UNBLOCK = "unblock"


async def judge(
    services: Services, creator_id: str, sequence: int, verdict: Verdict, *, operator: str | None = None
) -> None:
    """Decide about one alert. Safe to repeat. What an ``operator`` decides about a tip is audited.

    Raises:
        NotFound: there is no such alert.
        Conflict: somebody else has just decided otherwise, or it is nobody's (a test).
    """
    row = await need_alert(services, creator_id, sequence)
    if row["tip_id"] is None:
        raise Conflict("A test has no sender.")
    match verdict:
        case Verdict.BLOCK:
            await _block(services, row)
        case Verdict.UNBLOCK:
            plan = queue_plan(creator_id)
            plan.add(Remove(BLOCKS, block_key(creator_id, row["customer_id"]).id, queue_anchor(creator_id)))
            await services.engine.commit(plan)
        case _ if row["state"] == HELD or (row["state"] in (QUEUED, UNSETTLED) and verdict is Verdict.NAME_ONLY):
            await _judge_tip(services, row, verdict, operator)


async def blocked_senders(services: Services, creator_id: str) -> list[Row]:
    """Return the senders whom a creator has blocked, the newest first, by the alert for which that was."""
    return list(await services.reader.all(_BLOCKED, creator_id=creator_id))


async def _judge_tip(services: Services, row: Row, verdict: Verdict, operator: str | None) -> None:
    creator_id, sequence, now = row["creator_id"], row["sequence"], services.clock.now()
    plan, state = queue_plan(creator_id), SKIPPED
    if verdict is not Verdict.REJECT:
        state = QUEUED if row["is_settled"] else UNSETTLED
    plan.add(Change(ALERTS, (creator_id, sequence), queue_anchor(creator_id), {"state": row["state"]},
                    {"state": state, "updated_at": now}))  # fmt: skip
    plan.add(alert_event(creator_id, sequence, row["tip_id"], state))
    if state != SKIPPED:
        plan.anchors.add(row["customer_id"])
        changes: dict[str, Any] = {"is_held": 0, "updated_at": now}
        if verdict is Verdict.NAME_ONLY:
            changes["is_name_only"] = 1
        seen = {"is_held": int(row["state"] == HELD), "is_settled": row["is_settled"]}
        plan.add(Change(TIPS, (row["tip_id"],), row["customer_id"], seen, changes))
    if operator is not None:
        facts = {"creator_id": creator_id, "verdict": str(verdict)}
        record_action(plan, "tip.judged", actor=operator, about=row["tip_id"], facts=facts, now=now,
                      wall=services.clock.wall())  # fmt: skip
    try:
        await services.engine.commit(plan)
    except Stale as error:
        raise Conflict("Somebody else has just judged this tip.") from error


async def _block(services: Services, row: Row) -> None:
    """Block a sender, and take what is on screen or waits of theirs out of the queue, until nothing is left there."""
    creator_id, customer_id = row["creator_id"], row["customer_id"]
    for _ in range(TIMES_DECIDED):
        found = await services.reader.all(_WAITING_OF, creator_id=creator_id, customer_id=customer_id)
        plan = await _blocking(services, row, list(found))
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        # A tip that was paid between the look and the commit has come past it.
        if not await services.reader.all(_WAITING_OF, creator_id=creator_id, customer_id=customer_id):
            return
    raise Conflict("The queue moves too fast; ask again.")


async def _blocking(services: Services, row: Row, found: list[Row]) -> Plan:
    creator_id, anchor, now = row["creator_id"], queue_anchor(row["creator_id"]), services.clock.now()
    plan, key = queue_plan(creator_id), block_key(creator_id, row["customer_id"])
    told = {"creator_id": creator_id, "customer_id": row["customer_id"], "sequence": row["sequence"], "created_at": now}
    plan.add(Insert(BLOCKS, key.id, anchor, told, once=True))
    for one in found:
        plan.add(Change(ALERTS, (creator_id, one["sequence"]), anchor, {"state": one["state"]},
                        {"state": SKIPPED, "updated_at": now}))  # fmt: skip
        plan.add(alert_event(creator_id, one["sequence"], one["tip_id"], SKIPPED))
    overlay = await find_overlay(services, creator_id)
    if overlay is not None and any(one["state"] == SHOWN for one in found):
        plan.add(Change(OVERLAYS, (creator_id,), anchor, {"free_at": overlay["free_at"]},
                        {"free_at": overlay["free_at"] + 1}))  # fmt: skip
    return plan
