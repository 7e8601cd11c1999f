"""The queue of a creator's alerts: which one is on screen, and what overlays and people do to it.

An alert goes queued → shown (an overlay has said so) → done; or skipped; a held one waits until somebody has read it.
The row of the overlays is compared and set with each of these moves, so one alert at a time is on screen, however many
overlays and processes there are.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, case, or_, select, text

from storefront.core.clock import MINUTE_MS, SECOND_MS
from storefront.core.commit.apply import LateView
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Count, Emit, Insert, Late, Plan, Step
from storefront.core.errors import Conflict, NotFound
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.alert_styles import AlertStyle, style_of
from storefront_fanfunding.config import Settings
from storefront_fanfunding.overlay_tokens import find_overlay
from storefront_fanfunding.rows import ALERTS, OF_BLOCKED, OVERLAYS, QUEUED, REFUNDED, UNSETTLED, counter_key, value_of
from storefront_fanfunding.settling import alert_row
from storefront_fanfunding.tables import alerts, blocks, tips

OLDEST_MS = 10 * MINUTE_MS
"""What has waited for longer is not shown any more."""
GRACE_MS = 5 * SECOND_MS
"""After its time on screen an alert is over, whether or not an overlay lives to say so."""
TIMES_DECIDED = 8
TIMES_PASSED_OVER = 500
"""A hundred alerts each: who was away for hours comes back to a queue that is empty."""
TEST_ALERT = "test_alert"
SHOWN, DONE, SKIPPED, HELD = "shown", "done", "skipped", "held"

_WITH_TIP = select(
    alerts, tips.c.name, tips.c.message, tips.c.is_anonymous, tips.c.currency, tips.c.amount, tips.c.tier,
    tips.c.customer_id, tips.c.held_for, tips.c.is_name_only,
    tips.c.is_settled,
    tips.c.sequence.label("tip_sequence"), tips.c.state.label("tip_state"),
    blocks.c.creator_id.is_not(None).label("is_blocked"),
).join(tips, tips.c.id == alerts.c.tip_id, isouter=True
).join(blocks, OF_BLOCKED, isouter=True
).where(alerts.c.creator_id == bindparam("creator_id"))  # fmt: skip
_IS_WAITING = text("fanfunding_alerts.state IN ('queued', 'shown')")
"""In the words of the index that is kept of these alone."""
_IS_FRESH = and_(alerts.c.state == QUEUED, alerts.c.updated_at >= bindparam("oldest"))
_HEAD = Query(
    _WITH_TIP.where(_IS_WAITING, or_(alerts.c.state == SHOWN, _IS_FRESH))
    .order_by(case((alerts.c.state == SHOWN, 0), else_=1), alerts.c.sequence)
    .limit(1)
)
_ONE = Query(_WITH_TIP.where(alerts.c.sequence == bindparam("sequence")))
_IN_STATE = Query(_WITH_TIP.where(alerts.c.state == bindparam("state")).order_by(alerts.c.sequence).limit(100))
_LAST = Query(
    _WITH_TIP.where(alerts.c.state == DONE, blocks.c.creator_id.is_(None)).order_by(alerts.c.sequence.desc()).limit(1)
)
_PASSED_OVER = Query(
    select(alerts)
    .join(tips, tips.c.id == alerts.c.tip_id, isouter=True)
    .where(alerts.c.creator_id == bindparam("creator_id"), alerts.c.state == QUEUED)
    .where(_IS_WAITING, or_(alerts.c.updated_at < bindparam("oldest"), tips.c.state == REFUNDED))
    .order_by(alerts.c.sequence)
    .limit(100)
)


@dataclass(frozen=True, slots=True)
class Screen:
    """What a creator's overlays show now: at most one alert. ``look_at``: when that changes by itself, in ms."""

    overlay: Row
    alert: Row | None
    style: AlertStyle | None
    look_at: int | None


async def look(services: Services, settings: Settings, creator_id: str) -> Screen:
    """Return what is on screen or comes next; ends what is over, and skips what waits too long or is refunded."""
    for _ in range(TIMES_DECIDED):
        overlay, now = await _pass_over(services, creator_id), services.clock.now()
        head = await services.reader.first(_HEAD, creator_id=creator_id, oldest=now - OLDEST_MS)
        if head is None:
            return Screen(overlay, None, None, None)
        style = await style_of(services, settings, head)
        if head["state"] == SHOWN:
            over_at = head["shown_at"] + style.duration_ms + GRACE_MS
            if now >= over_at:
                await _move(services, overlay, [head], DONE, free_at=now + style.gap_ms)
                continue
            return Screen(overlay, None if overlay["is_hidden"] else head, style, over_at)
        if overlay["is_paused"] or overlay["is_hidden"]:
            return Screen(overlay, None, None, None)
        if now < overlay["free_at"]:
            return Screen(overlay, None, None, overlay["free_at"])
        return Screen(overlay, head, style, head["updated_at"] + OLDEST_MS + 1)
    raise Conflict("This queue moves too fast; ask again.")


async def _pass_over(services: Services, creator_id: str) -> Row:
    """Skip what has waited too long or is refunded, however much that is; return the row of the overlays after it."""
    for _ in range(TIMES_PASSED_OVER):
        overlay, oldest = await need_overlay(services, creator_id), services.clock.now() - OLDEST_MS
        passed = await services.reader.all(_PASSED_OVER, creator_id=creator_id, oldest=oldest)
        if not passed:
            return overlay
        await _move(services, overlay, passed, SKIPPED, free_at=overlay["free_at"] + 1)
    raise Conflict("This queue moves too fast; ask again.")


async def acknowledge(services: Services, settings: Settings, creator_id: str, sequence: int, state: str) -> None:
    """Note that an overlay has begun (``shown``) or ended (``done``) to show an alert. Safe to repeat.

    Raises:
        NotFound: there is no such alert.
        Conflict: it is not this one's turn.
    """
    for _ in range(TIMES_DECIDED):
        row = await need_alert(services, creator_id, sequence)
        if row["state"] in (DONE, SKIPPED) or row["state"] == state:
            return
        screen = await look(services, settings, creator_id)
        if screen.alert is None or screen.style is None or screen.alert["sequence"] != sequence:
            raise Conflict("It is not this alert's turn.")
        if state == DONE and screen.alert["state"] != SHOWN:
            raise Conflict("This alert was not shown yet.")
        now, style = services.clock.now(), screen.style
        free_at = now + style.gap_ms + (style.duration_ms if state == SHOWN else 0)
        if await _move(services, screen.overlay, [screen.alert], state, free_at=free_at):
            return
    raise Conflict("This queue moves too fast; ask again.")


async def skip(services: Services, settings: Settings, creator_id: str) -> None:
    """Take what is on screen, or comes next, out of the queue."""
    overlay, now = await need_overlay(services, creator_id), services.clock.now()
    head = await services.reader.first(_HEAD, creator_id=creator_id, oldest=now - OLDEST_MS)
    if head is None:
        return
    gap = (await style_of(services, settings, head)).gap_ms
    if not await _move(services, overlay, [head], SKIPPED, free_at=now + gap):
        raise Conflict("The queue has just moved.")


async def replay(services: Services, creator_id: str, sequence: int) -> None:
    """Show an alert once more that is over; raises ``NotFound``, ``Conflict``."""
    overlay, row = await need_overlay(services, creator_id), await need_alert(services, creator_id, sequence)
    if row["state"] in (QUEUED, SHOWN):
        return
    if row["state"] == HELD or (row["held_for"] is not None and row["shown_at"] is None):
        raise Conflict("This tip was not approved.")
    if row["state"] == UNSETTLED or (row["tip_id"] is not None and not row["is_settled"]):
        raise Conflict("This tip is not settled yet.")
    if row["is_blocked"]:
        raise Conflict("This sender is blocked.")
    if row["tip_state"] == REFUNDED:
        raise Conflict("This tip was refunded.")
    if not await _move(services, overlay, [row], QUEUED, free_at=overlay["free_at"] + 1):
        raise Conflict("The queue has just moved.")


async def replay_last(services: Services, creator_id: str) -> None:
    """Show once more what was on screen last; nothing was: nothing happens."""
    last = await services.reader.first(_LAST, creator_id=creator_id)
    if last is not None:
        await replay(services, creator_id, last["sequence"])


async def switch(services: Services, creator_id: str, changes: Mapping[str, int]) -> None:
    """Pause the queue or go on (``is_paused``), hide everything or show it again (``is_hidden``)."""
    await need_overlay(services, creator_id)
    plan = queue_plan(creator_id)
    changed = {**changes, "updated_at": services.clock.now()}
    plan.add(Change(OVERLAYS, (creator_id,), queue_anchor(creator_id), {}, changed))
    payload = {"creator_id": creator_id, **{name: bool(value) for name, value in changes.items()}}
    plan.emit("overlay.changed", anchor=queue_anchor(creator_id), subject=creator_id, payload=payload)
    await services.engine.commit(plan)


async def queue_test(services: Services, creator_id: str) -> None:
    """Put a test behind what waits: no tip, no money, and in no sum."""
    await need_overlay(services, creator_id)
    plan = queue_plan(creator_id)
    plan.add(Late(f"fanfunding.{TEST_ALERT}", (counter_key("alerts", creator_id),), {"creator_id": creator_id}))
    await services.engine.commit(plan)


def add_test_alert(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: number a test and put it into the queue."""
    creator_id = facts["creator_id"]
    counter, anchor = counter_key("alerts", creator_id), queue_anchor(creator_id)
    place = value_of(view.row(counter)) + 1
    row = alert_row(creator_id, place, None, view.moment.now)
    told = alert_event(creator_id, place, None, QUEUED)
    return [Count(str(counter.id[0]), anchor, 1), Insert(ALERTS, (creator_id, place), anchor, row), told]


async def waiting(services: Services, creator_id: str, state: str) -> list[Row]:
    """Return the first hundred alerts in a state."""
    return list(await services.reader.all(_IN_STATE, creator_id=creator_id, state=state))


async def need_overlay(services: Services, creator_id: str) -> Row:
    """Return the row of a creator's overlays; raises ``NotFound`` where no link was made."""
    row = await find_overlay(services, creator_id)
    if row is None:
        raise NotFound("This creator has no overlay link yet.")
    return row


async def need_alert(services: Services, creator_id: str, sequence: int) -> Row:
    """Return an alert with what is known of its tip; raises ``NotFound``."""
    row = await services.reader.first(_ONE, creator_id=creator_id, sequence=sequence)
    if row is None:
        raise NotFound("There is no such alert.")
    return row


async def _move(services: Services, overlay: Row, moved: Sequence[Row], state: str, *, free_at: int) -> bool:
    """Move alerts on; False if the queue has moved since it was read."""
    creator_id, now = overlay["creator_id"], services.clock.now()
    plan, anchor = queue_plan(creator_id), queue_anchor(creator_id)
    # Were the instant the same as before, two moves could both believe that they are the next.
    free_at = free_at + 1 if free_at == overlay["free_at"] else free_at
    seen = {"free_at": overlay["free_at"]}
    if state == SHOWN:
        seen = {**seen, "is_paused": overlay["is_paused"], "is_hidden": overlay["is_hidden"]}
    plan.add(Change(OVERLAYS, (creator_id,), anchor, seen, {"free_at": free_at}))
    stamps: dict[str, dict[str, int | None]] = {
        SHOWN: {"shown_at": now},
        DONE: {"done_at": now},
        QUEUED: {"done_at": None},
    }
    for row in moved:
        changes: dict[str, Any] = {"state": state, "updated_at": now, **stamps.get(state, {})}
        plan.add(Change(ALERTS, (creator_id, row["sequence"]), anchor, {"state": row["state"]}, changes))
        plan.add(alert_event(creator_id, row["sequence"], row["tip_id"], state))  # which wakes every overlay
    with suppress(Stale):
        await services.engine.commit(plan)
        return True
    return False


def alert_event(creator_id: str, sequence: int, tip_id: str | None, state: str) -> Emit:
    """Return the event ``alert.<state>``: it wakes the overlays of every process; a test has no tip."""
    payload = {"creator_id": creator_id, "sequence": sequence, "tip": tip_id}
    return Emit(queue_anchor(creator_id), f"alert.{state}", creator_id, payload)


def queue_plan(creator_id: str) -> Plan:
    """Return a plan for what hangs under a creator's queue."""
    return Plan(actor="plugin:fanfunding", anchors={queue_anchor(creator_id)})
