"""Alarms: what went wrong in a way that a person should know of; each is raised once, and closed once."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import alarms

ALARM_CLOSED = "alarm_closed:"
"""Begins the claim of an alarm that is closed; the claim is about when that was (business ms)."""
_ALARM = Query(select(alarms).where(alarms.c.id == bindparam("id")))

log = structlog.get_logger("storefront.alarms")


async def read_alarm(services: Services, kind: str, about: str) -> Row | None:
    """Return an alarm of this kind about this thing, if it was ever raised."""
    return await services.reader.first(_ALARM, id=f"{kind}:{about}")


async def raise_alarm(services: Services, kind: str, about: str, facts: Mapping[str, Any]) -> None:
    """Write an alarm that an operator sees, in a commit of its own; one that stands already is not said again."""
    if await read_alarm(services, kind, about) is not None:
        return
    log.error(kind, about=about, **facts)
    plan = Plan(actor="alarms")
    add_alarm(services, plan, kind, about, facts)
    await services.engine.commit(plan)


def add_alarm(services: Services, plan: Plan, kind: str, about: str, facts: Mapping[str, Any]) -> None:
    """Add an alarm to a plan; the same alarm about the same thing is raised once."""
    alarm_id = f"{kind}:{about}"
    row = {
        "id": alarm_id,
        "kind": kind,
        "about": about,
        "facts": msgspec.json.encode(facts).decode(),
        "raised_at": services.clock.now(),
    }
    plan.add(Insert("alarms", (alarm_id,), None, row, once=True))


async def close_alarm(services: Services, alarm_id: str) -> None:
    """Say that what an alarm told of is over; once. It stays in the list, with when it was."""
    plan = Plan(actor="alarms")
    plan.add(Claim(f"{ALARM_CLOSED}{alarm_id}", str(services.clock.now())))
    try:
        await services.engine.commit(plan)
    except Taken:
        return  # it was closed before
