"""The job that sends one mail: decided again at each attempt, and closed when it is sent, refused, or of no more use.

The mail leaves before its row says so: whoever dies in between sends it again, under the same Message-ID.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from jinja2 import TemplateError
from sqlalchemy import bindparam, or_, select

from storefront.core.clock import HOUR_MS, MINUTE_MS, SECOND_MS, parse_iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.jobs import Again
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import events
from storefront_mail.addresses import ACTOR, ADDRESS
from storefront_mail.composing import compose
from storefront_mail.config import REMINDERS, RESUME_UPCOMING, Settings
from storefront_mail.reacting import EXPIRED, FAILED, QUEUED, SENT, SKIPPED
from storefront_mail.relay import NotTaken, Relay
from storefront_mail.tables import messages

PAUSES_MS = (MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS)
NUMBERED_WITHIN_MS = 30 * SECOND_MS
"""How long a receipt's mail waits for its number, which follows a moment after the purchase."""
_LAST_WORDS = ("canceled", "cancel_scheduled", "cancel_taken_back")
_LAST_WORD = Query(
    select(events.c.type)
    .where(
        events.c.anchor == bindparam("anchor"),
        events.c.subject == bindparam("subject"),
        or_(*(events.c.type == f"subscription.{word}" for word in _LAST_WORDS)),
    )
    .order_by(events.c.sequence.desc())
    .limit(1)
)
_WORDS_OF_PAUSES = ("paused", "pause_changed", "resume_ordered", "canceled")
_LAST_OF_PAUSE = Query(
    select(events.c.type, events.c.payload)
    .where(
        events.c.anchor == bindparam("anchor"),
        events.c.subject == bindparam("subject"),
        or_(*(events.c.type == f"subscription.{word}" for word in _WORDS_OF_PAUSES)),
    )
    .order_by(events.c.sequence.desc())
    .limit(1)
)
MESSAGE = Query(select(messages).where(messages.c.id == bindparam("id")))

log = structlog.get_logger("storefront.mail")


async def send(services: Services, settings: Settings, relay: Relay, payload: Mapping[str, Any]) -> Again | None:
    """Send the mail of a job, or say when to try again; one that is closed already is left alone."""
    row = await services.reader.first(MESSAGE, id=payload["message"])
    assert row is not None, "a job is ordered with its row"
    now = services.clock.now()
    if row["state"] != QUEUED:
        return None
    if is_too_old(row, payload, settings, now):
        await _close(services, row, EXPIRED, row["reason"] or "too_old")
        return None
    address = await services.reader.first(ADDRESS, customer_id=row["customer_id"])
    skipped = _why_not(settings, row, address) or await _why_no_more(services, row, payload)
    if skipped is not None or address is None:
        await _close(services, row, SKIPPED, skipped)
        return None
    return await _try(services, settings, relay, row=row, address=address, payload=payload)


async def _try(
    services: Services, settings: Settings, relay: Relay, *, row: Row, address: Row, payload: Mapping[str, Any]
) -> Again | None:
    now = services.clock.now()
    later = relay.wait_until(now)
    if later is not None:
        return Again(later)
    try:
        message, values = await compose(services, settings, row, address, payload)
        is_awaited = row["event_type"] == "purchase.completed" and not values["receipt"]
        if is_awaited and now - row["occurred_at"] < NUMBERED_WITHIN_MS:
            return Again(now + SECOND_MS)
        await relay.hand_over(message, address["email"], now=now)
    except NotTaken as refusal:
        if refusal.is_final:
            await _close(services, row, FAILED, str(refusal))
            return None
        return await _later(services, row, str(refusal))
    except TemplateError as error:
        # An operator's template: mended and loaded anew, the mail still goes out while it is young.
        return await _later(services, row, f"template: {type(error).__name__}: {error}"[:200])
    await _close(services, row, SENT, None)
    return None


def is_too_old(row: Row, payload: Mapping[str, Any], settings: Settings, now: int) -> bool:
    """Tell whether nobody wants to read it any more: it is old, its link is dead, or what it says ahead is past.

    What an operator sends again by hand may be old.
    """
    told = payload["data"]
    over_at = told.get("at") if row["event_type"] in REMINDERS else None
    if told.get("redirect_url"):
        over_at = told.get("expires_at")
    is_over = isinstance(over_at, str) and parse_iso(over_at) <= now
    is_old = not payload.get("by_hand") and now - int(row["occurred_at"]) > settings.max_age_ms
    return is_over or is_old


async def _why_no_more(services: Services, row: Row, payload: Mapping[str, Any]) -> str | None:
    """Say that a reminder is of a subscription which was canceled, or went on, before it could be sent."""
    if row["event_type"] not in REMINDERS:
        return None
    if row["event_type"] == RESUME_UPCOMING:
        return await _why_no_resumption(services, row, payload)
    last = await services.reader.first(_LAST_WORD, anchor=row["customer_id"], subject=payload["subject"])
    return "canceled" if last is not None and last["type"] != "subscription.cancel_taken_back" else None


async def _why_no_resumption(services: Services, row: Row, payload: Mapping[str, Any]) -> str | None:
    """Say that a pause is over already, or ends on another day than its reminder says."""
    last = await services.reader.first(_LAST_OF_PAUSE, anchor=row["customer_id"], subject=payload["subject"])
    word = None if last is None else last["type"].removeprefix("subscription.")
    if last is None or word in ("canceled", "resume_ordered"):
        return "canceled" if word == "canceled" else "resumed"
    is_so_still = msgspec.json.decode(last["payload"])["resume_at"] == payload["data"]["at"]
    return None if is_so_still else "put_off"


def _why_not(settings: Settings, row: Row, address: Row | None) -> str | None:
    mailing = settings.mailings.get(row["event_type"])
    if mailing is None:
        return "switched_off"
    if address is None:
        return "no_address"
    return "opted_out" if address["opted_out_at"] is not None and not mailing.is_necessary else None


async def _later(services: Services, row: Row, reason: str) -> Again:
    log.warning("not_sent_yet", message=row["id"], attempts=row["attempts"] + 1, reason=reason)
    plan = _changing(services, row, {"reason": reason, "attempts": row["attempts"] + 1})
    with suppress(Stale):  # another process has closed it: the next run sees that
        await services.engine.commit(plan)
    return Again(services.clock.now() + PAUSES_MS[min(row["attempts"], len(PAUSES_MS) - 1)])


async def _close(services: Services, row: Row, state: str, reason: str | None) -> None:
    attempts = row["attempts"] + (1 if state in (SENT, FAILED) else 0)
    plan = _changing(services, row, {"state": state, "reason": reason, "attempts": attempts})
    if state in (FAILED, EXPIRED):
        log.error("not_sent", message=row["id"], state=state, reason=reason)
        payload = {"id": row["id"], "customer_id": row["customer_id"], "template": row["template"],
                   "event": row["event_id"], "state": state, "reason": reason}  # fmt: skip
        plan.emit("mail.failed", anchor=row["customer_id"], subject=row["id"], payload=payload)
    with suppress(Stale):  # another process, which had the same job after this one's lease, has closed it
        await services.engine.commit(plan)


def _changing(services: Services, row: Row, changes: Mapping[str, Any]) -> Plan:
    plan = Plan(actor=ACTOR, anchors={row["customer_id"]})
    told = {**changes, "updated_at": services.clock.now()}
    plan.add(Change("mail_messages", (row["id"],), row["customer_id"], {"state": QUEUED}, told))
    return plan
