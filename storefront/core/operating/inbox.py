"""The inbox as an operator sees it: what gateways told, what became of it, and doing it again."""

from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.clock import MINUTE_MS, iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Conflict, NotFound, Unavailable
from storefront.core.gateways import GatewayEvent, RereadsEvents
from storefront.core.inbox import RECEIVED, event_job, process_event
from storefront.core.operating.jobs import JOB, revive_job
from storefront.core.operating.pages import read_page
from storefront.core.privacy.register import HASHED
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import inbox
from storefront.core.tables_service import IS_NOT_DONE

STATES = ("received", "processed", "ignored", "quarantined")
"""``received`` waits for its job, which looks it up at the gateway; ``quarantined`` says why in its note."""
NOT_DONE = ("received", "quarantined")
TIMES_DECIDED = 5
_EVENTS = Query(
    select(inbox)
    .where(inbox.c.gateway == bindparam("gateway"), inbox.c.event_id == bindparam("event_id"))
    .order_by(inbox.c.account)
)

log = structlog.get_logger("storefront.inbox")


class EventForgotten(Conflict):
    code = "event_forgotten"
    title = "This event's text is kept no more"


class EventAmbiguous(Conflict):
    code = "event_ambiguous"
    title = "Several of the gateway's accounts told an event of this id"


async def list_events(
    services: Services,
    *,
    gateway: str | None = None,
    state: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of what gateways told, newest first: of one gateway, in one of ``STATES``, or all."""
    statement = select(*(column for column in inbox.c if column.name != "raw"))
    if gateway is not None:
        statement = statement.where(inbox.c.gateway == gateway)
    if state is not None:
        statement = statement.where(inbox.c.state == state)
        if state in NOT_DONE:
            statement = statement.where(IS_NOT_DONE)  # few: their own index finds them
    by = (inbox.c.received_at, inbox.c.event_id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=event_json)


async def show_event(services: Services, gateway: str, event_id: str, *, account: str | None = None) -> dict[str, Any]:
    """Return one event with its text as the gateway wrote it (None once it is forgotten) and its job, if it waits.

    ``account`` is needed only where two of the gateway's accounts told an event of the same id.

    Raises:
        NotFound, EventAmbiguous.
    """
    row = await _need(services, gateway, event_id, account)
    job = await services.reader.first(JOB, id=_job_id(row))
    return {
        **event_json(row),
        "body": None if _is_forgotten(row) else _readable(row["raw"]),
        "job": None
        if job is None
        else {"id": job["id"], "state": job["state"], "attempts": job["attempts"], "last_error": job["last_error"]},
    }


async def replay_event(
    services: Services, gateway: str, event_id: str, *, account: str | None = None, actor: str
) -> dict[str, Any]:
    """Process an event again, whatever became of it, and return it as it is then. Safe to repeat: the gateway is
    asked for the truth, and what is done already stays as it is.

    Raises:
        NotFound, EventAmbiguous: nothing was done.
        EventForgotten: its text is gone; a reconciliation finds what it told.
        GatewayFailed: the gateway does not answer; it is tried again by itself.
    """
    for _ in range(TIMES_DECIDED):
        row = await _need(services, gateway, event_id, account)
        event = _read_again(services, row)
        now = services.clock.now()
        plan = Plan(actor=actor, anchors={f"inbox:{gateway}"})
        key = (gateway, row["account"], event_id)
        changes = {"state": RECEIVED, "note": None, "processed_at": None}
        expect = {"state": row["state"], "processed_at": row["processed_at"]}
        plan.add(Change("inbox", key, f"inbox:{gateway}", expect, changes))
        job, waiting = event_job(gateway, event), await services.reader.first(JOB, id=_job_id(row))
        # Its job is there in case the gateway is away now; what is processed at once leaves nothing to it.
        if waiting is None:
            plan.schedule(**job, due_at=now + MINUTE_MS, now=now)
        else:
            revive_job(plan, waiting, now + MINUTE_MS)
        facts = {"gateway": gateway, "account": row["account"], "type": row["type"], "was": row["state"]}
        record_action(plan, "inbox.replayed", actor=actor, about=event_id, facts=facts, now=now,
                      wall=services.clock.wall())  # fmt: skip
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        await process_event(services, job["payload"])
        return event_json(await _need(services, gateway, event_id, row["account"]))
    raise Unavailable("Too much is changing at once; try again.")


def event_json(row: Row) -> dict[str, Any]:
    """Return an event of the inbox as an operator sees it."""
    return {
        "gateway": row["gateway"],
        "account": row["account"],
        "event": row["event_id"],
        "type": row["type"],
        "reference": row["reference"],
        "state": row["state"],
        "note": row["note"],
        "received_at": iso(row["received_at"]),
        "processed_at": None if row["processed_at"] is None else iso(row["processed_at"]),
    }


async def _need(services: Services, gateway: str, event_id: str, account: str | None) -> Row:
    rows = await services.reader.all(_EVENTS, gateway=gateway, event_id=event_id)
    found = [row for row in rows if account is None or row["account"] == account]
    if not found:
        raise NotFound("No such event came in.")
    if len(found) > 1:
        raise EventAmbiguous("Say which account's it is.", accounts=[row["account"] for row in found])
    return found[0]


def _read_again(services: Services, row: Row) -> GatewayEvent:
    """Read a stored event once more; its signature was checked when it came."""
    if _is_forgotten(row):
        raise EventForgotten("A reconciliation finds what it told: storefront reconcile.")
    gateway = services.gateway(row["gateway"])
    if not isinstance(gateway, RereadsEvents):
        raise NotFound(f"The gateway {row['gateway']} reads no stored events.")
    return gateway.reread_event(row["raw"])


def _job_id(row: Row) -> str:
    return f"job:inbox:{row['gateway']}:{row['account']}:{row['event_id']}"


def _is_forgotten(row: Row) -> bool:
    return bool(row["raw"].startswith(HASHED))


def _readable(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw.decode(errors="replace")
