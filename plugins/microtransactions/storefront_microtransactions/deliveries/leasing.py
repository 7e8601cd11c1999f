"""The queue as servers use it: lease, acknowledge, fail, extend.

A lease is a commit in which a late step looks at each command again, so of all who ask at once, in any process, one
gets it. Leases go by the machine's time, what is due by business time. Whoever lets a lease run out has no claim any
more once another server has the command; before that, a late acknowledgement still counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, select

from storefront.core.clock import SECOND_MS, iso
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Change, Insert, Key, Late, Plan, Step
from storefront.core.errors import Conflict, Refused
from storefront.core.ids import new_id
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_microtransactions.deliveries.config import DeliveryConfig
from storefront_microtransactions.deliveries.making import ALARM
from storefront_microtransactions.deliveries.rows import (
    COMMAND,
    DEAD,
    DONE,
    LEASED,
    OPEN,
    QUEUED,
    TABLE,
    anchor_of,
    command_json,
    key_of,
    told,
)
from storefront_microtransactions.deliveries.tables import commands

TIMES_TRIED = 50
LEAST_LOOKED_AT = 20
FIRST_PAUSE_MS = 10 * SECOND_MS
LONGEST_PAUSE_MS = 3600 * SECOND_MS
LEASE, CLOSE = "microtransactions.lease", "microtransactions.close"
_IS_OPEN = commands.c.state.in_(OPEN)
_HELD = Query(
    select(commands)
    .where(commands.c.lease_id == bindparam("lease_id"), commands.c.state == LEASED)
    .order_by(commands.c.due_at, commands.c.id)
)


class LeaseLost(Refused):
    """``lost`` are the commands that another server has by now, or that somebody canceled; nothing was changed."""

    code = "lease_lost"
    title = "Somebody else has this command by now"


class UnknownDelivery(Conflict):
    code = "delivery_not_leased"
    title = "This command was not leased by you"


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What a server asks for. ``lease_id`` is the caller's own, if it wants to be able to ask again for the same."""

    caller: str
    server: str
    limit: int
    lease_seconds: int
    online: tuple[str, ...] = ()
    lease_id: str = field(default_factory=lambda: new_id("lease"))


async def lease(services: Services, config: DeliveryConfig, wanted: LeaseRequest) -> dict[str, Any]:
    """Give a server commands that nobody else gets until the lease is over; none if there are none.

    Asked again with the lease of before while it lasts, it answers what is left of that lease, and leases nothing new:
    so a server that died, or never heard the answer, goes on at once.
    """
    held = await _held(services, wanted)
    if not held:
        for _ in range(TIMES_TRIED):
            found = await _free(services, config, wanted)
            if not found:
                break
            await services.engine.commit(_lease_plan(services, config, wanted, found))
            held = await _held(services, wanted)
            if held:
                break
    until = min((row["lease_until"] for row in held), default=None)
    return {
        "lease": wanted.lease_id,
        "expires_at": None if until is None else iso(until),
        "seconds_left": 0 if until is None else max(0, until - services.clock.wall()) // SECOND_MS,
        "data": [command_json(row) for row in held],
    }


async def _held(services: Services, wanted: LeaseRequest) -> list[Row]:
    wall = services.clock.wall()
    rows = await services.reader.all(_HELD, lease_id=wanted.lease_id)
    return [
        row
        for row in rows
        if row["leased_by"] == wanted.caller and row["server"] == wanted.server and row["lease_until"] > wall
    ]


async def _free(services: Services, config: DeliveryConfig, wanted: LeaseRequest) -> Sequence[Row]:
    """Read what could be leased now, more than is wanted: others ask at the same time."""
    most = min(200, max(LEAST_LOOKED_AT, 2 * wanted.limit))
    statement = _that_could_be_leased(services, config, wanted.server)
    found = list(await services.reader.scan(statement.where(commands.c.online_only == 0).limit(most)))
    if wanted.online:
        is_theirs = and_(commands.c.online_only == 1, commands.c.player.in_(wanted.online))
        found += await services.reader.scan(statement.where(is_theirs).limit(most))
    return sorted(found, key=lambda row: (row["due_at"], row["id"]))[:most]


def _that_could_be_leased(services: Services, config: DeliveryConfig, server: str) -> Select[Any]:
    now, wall = services.clock.now(), services.clock.wall()
    earlier = commands.alias("earlier")
    comes_first: ColumnElement[bool] = exists().where(
        earlier.c.server == server,
        earlier.c.player == commands.c.player,
        earlier.c.position < commands.c.position,
        earlier.c.state.in_(OPEN),
        earlier.c.due_at <= now,
    )
    is_free = and_(
        commands.c.server == server,
        _IS_OPEN,
        commands.c.due_at <= now,
        commands.c.retry_at <= now,
        commands.c.lease_until <= wall,
    )
    statement = select(commands).where(is_free).order_by(commands.c.due_at, commands.c.id)
    return statement.where(~comes_first) if config.keeps_order else statement


def _lease_plan(services: Services, config: DeliveryConfig, wanted: LeaseRequest, found: Iterable[Row]) -> Plan:
    plan = Plan(actor=wanted.caller, anchors={anchor_of(wanted.server)})
    keys = tuple(key_of(row) for row in found)
    # The alarm of a command that is given up instead; it is written once.
    alarms = tuple(Key("alarms", (f"{ALARM}:{key.id[0]}",), None) for key in keys)
    until = services.clock.wall() + wanted.lease_seconds * SECOND_MS
    facts = {"keys": keys, "wanted": wanted, "until": until, "max_attempts": config.max_attempts}
    plan.add(Late(LEASE, (*keys, *alarms), facts))
    return plan


def lease_free(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: lease those of the commands that are still free, as many as are wanted. One that was handed out too
    often, and never acknowledged, is given up."""
    wanted: LeaseRequest = facts["wanted"]
    steps: list[Step] = []
    leased = 0
    for key in facts["keys"]:
        row = view.row(key)
        is_free = row is not None and row["state"] in OPEN and row["lease_until"] <= view.moment.wall
        if row is None or not is_free or row["retry_at"] > view.moment.now or leased == wanted.limit:
            continue
        if row["attempts"] >= facts["max_attempts"]:
            steps += given_up(row, "It was handed out again and again, and never acknowledged.", view.moment.now)
            continue
        leased += 1
        changes = {
            "state": LEASED,
            "attempts": row["attempts"] + 1,
            "lease_id": wanted.lease_id,
            "leased_by": wanted.caller,
            "lease_until": facts["until"],
            "updated_at": view.moment.now,
        }
        steps.append(Change(TABLE, key.id, anchor_of(row["server"]), {}, changes))
    return steps


def given_up(row: Row, why: str, now: int) -> list[Step]:
    """Return the steps that give a command up: an operator sees it, and may send it again."""
    over = {"state": DEAD, "last_error": why, "closed_at": now, "lease_until": 0, "updated_at": now}
    alarm_id = f"{ALARM}:{row['id']}"
    alarm = {
        "id": alarm_id,
        "kind": ALARM,
        "about": row["id"],
        "facts": _alarm_facts(row["server"]),
        "raised_at": now,
    }
    return [
        Change(TABLE, (row["id"],), anchor_of(row["server"]), {}, over),
        told({**row, **over}, "dead"),
        Insert("alarms", (alarm_id,), None, alarm, once=True),
    ]


def _alarm_facts(server: str) -> str:
    return f'{{"server":"{server}"}}'


async def acknowledge(services: Services, caller: str, lease_id: str, ids: Sequence[str]) -> dict[str, Any]:
    """Close commands that took effect. Safe to repeat; all or none.

    Raises:
        UnknownDelivery: the caller never had one of them.
        LeaseLost: the lease was over, and somebody else has one of them by now.
    """
    await _close(services, caller, lease_id, ids, {"how": "acknowledge"})
    return {"lease": lease_id, "acknowledged": list(ids)}


async def fail(
    services: Services,
    config: DeliveryConfig,
    caller: str,
    lease_id: str,
    ids: Sequence[str],
    *,
    reason: str,
    retry_after_seconds: int | None,
) -> dict[str, Any]:
    """Give commands back that did not take effect: they are tried again later and later, and given up in the end.

    Raises:
        UnknownDelivery, LeaseLost: as of ``acknowledge``.
    """
    facts = {"how": "fail", "reason": reason, "after": retry_after_seconds, "max_attempts": config.max_attempts}
    await _close(services, caller, lease_id, ids, facts)
    rows = [await services.reader.first(COMMAND, id=one) for one in ids]
    shown = [
        {"id": row["id"], "state": row["state"], "retry_at": iso(row["retry_at"]) if row["state"] == QUEUED else None}
        for row in rows
        if row is not None
    ]
    return {"lease": lease_id, "data": shown}


async def extend(
    services: Services, caller: str, lease_id: str, ids: Sequence[str], lease_seconds: int
) -> dict[str, Any]:
    """Keep commands for longer: from now on so many seconds.

    Raises:
        UnknownDelivery, LeaseLost: as of ``acknowledge``.
    """
    until = services.clock.wall() + lease_seconds * SECOND_MS
    await _close(services, caller, lease_id, ids, {"how": "extend", "until": until})
    return {"lease": lease_id, "expires_at": iso(until)}


async def _close(services: Services, caller: str, lease_id: str, ids: Sequence[str], facts: Mapping[str, Any]) -> None:
    found = {one: await services.reader.first(COMMAND, id=one) for one in ids}
    keys = tuple(key_of(row) for row in found.values() if row is not None)
    unknown = [one for one, row in found.items() if row is None]
    if unknown:
        raise UnknownDelivery("There is no such command.", unknown=unknown)
    plan = Plan(actor=caller, anchors={str(key.anchor) for key in keys})
    alarms = tuple(Key("alarms", (f"{ALARM}:{key.id[0]}",), None) for key in keys)
    plan.add(Late(CLOSE, (*keys, *alarms), {**facts, "keys": keys, "caller": caller, "lease_id": lease_id}))
    await services.engine.commit(plan)


def close_leased(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step] | Refused:
    """Late step: close, give back or keep commands, if their last lease is the caller's."""
    steps: list[Step] = []
    lost = []
    for key in facts["keys"]:
        row = view.row(key)
        assert row is not None, "commands are never deleted"
        is_ours = row["lease_id"] == facts["lease_id"] and row["leased_by"] == facts["caller"]
        if is_ours and row["state"] == LEASED:
            steps += _ended(row, facts, view.moment.now)
        elif not (is_ours and _was_so_before(row, facts)):
            lost.append(row["id"])
    return LeaseLost(lost=lost) if lost else steps


def _was_so_before(row: Row, facts: Mapping[str, Any]) -> bool:
    """Tell whether the caller has said the same before: then there is nothing to do."""
    return (
        bool(row["state"] == DONE)
        if facts["how"] == "acknowledge"
        else bool(facts["how"] == "fail" and row["state"] in (QUEUED, DEAD))
    )


def _ended(row: Row, facts: Mapping[str, Any], now: int) -> list[Step]:
    anchor = anchor_of(row["server"])
    if facts["how"] == "extend":
        return [Change(TABLE, (row["id"],), anchor, {}, {"lease_until": facts["until"], "updated_at": now})]
    if facts["how"] == "acknowledge":
        over = {"state": DONE, "closed_at": now, "lease_until": 0, "last_error": None, "updated_at": now}
        return [Change(TABLE, (row["id"],), anchor, {}, over), told({**row, **over}, "done")]
    if row["attempts"] >= facts["max_attempts"]:
        return given_up(row, facts["reason"], now)
    pause = min(FIRST_PAUSE_MS << min(row["attempts"] - 1, 16), LONGEST_PAUSE_MS)
    if facts["after"] is not None:
        pause = facts["after"] * SECOND_MS
    again = {
        "state": QUEUED,
        "lease_until": 0,
        "retry_at": now + pause,
        "last_error": facts["reason"],
        "updated_at": now,
    }
    return [Change(TABLE, (row["id"],), anchor, {}, again)]
