"""What an operator sees of deliveries and does about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select

from storefront.core.clock import SECOND_MS
from storefront.core.commit.outcome import Answer, Stale
from storefront.core.commit.plan import IdempotencyKey, Insert, Plan
from storefront.core.errors import Conflict, NotFound, Unavailable
from storefront.core.hooks import Gauge
from storefront.core.operating.pages import read_page
from storefront.core.privileged import record_action
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_microtransactions.deliveries.rows import (
    CANCELED,
    COMMAND,
    DEAD,
    DONE,
    LEASED,
    OPEN,
    QUEUED,
    TABLE,
    anchor_of,
    changed,
    command_id,
    full_json,
    told,
)
from storefront_microtransactions.deliveries.tables import commands

TIMES_DECIDED = 10


class NotResendable(Conflict):
    code = "delivery_not_resendable"
    title = "This command cannot be sent again"


class NotCancelable(Conflict):
    code = "delivery_not_cancelable"
    title = "This command cannot be canceled any more"


async def list_deliveries(
    services: Services,
    *,
    state: str | None = None,
    server: str | None = None,
    customer: str | None = None,
    purchase: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> dict[str, Any]:
    """Return a page of commands, newest first; ``customer`` is the game's own id."""
    statement = select(commands)
    wanted = {"state": state, "server": server, "player": customer, "purchase_id": purchase}
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(commands.c[name] == value)
    by = (commands.c.created_at, commands.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=full_json)


async def show_delivery(services: Services, delivery_id: str) -> dict[str, Any]:
    """Return a command; raises ``NotFound``."""
    return full_json(await _need(services, delivery_id))


async def resend(services: Services, delivery_id: str, key: IdempotencyKey) -> tuple[Answer, bool]:
    """Let a command run again, once per key; return the answer and whether it is a replay.

    One that is dead or canceled waits again, under its own id. One that is done is made anew under an id of its own:
    servers remember the old one, and would do nothing.

    Raises:
        NotFound: there is no such command.
        NotResendable: it waits, or runs; or it could never be written.
    """
    for _ in range(TIMES_DECIDED):
        row = await _need(services, delivery_id)
        plan, after = _resend_plan(services, row, key)
        body = msgspec.json.encode(full_json(after))
        plan.answer = lambda outcome, body=body: Answer(200, body)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        assert outcome.answer is not None
        return outcome.answer, outcome.is_replay
    raise Unavailable("Too much is changing at once; try again.")


def _resend_plan(services: Services, row: Row, key: IdempotencyKey) -> tuple[Plan, dict[str, Any]]:
    now = services.clock.now()
    if row["command"] is None:
        raise NotResendable(f"It was never written. {row['last_error']}")
    if row["state"] in OPEN:
        raise NotResendable(f"It is {row['state']}: a server gets it by itself, or has it.")
    plan = Plan(actor=key.caller, anchors={anchor_of(row["server"])}, idempotency=key, object_id=row["id"])
    fresh = {"state": QUEUED, "attempts": 0, "retry_at": now, "lease_until": 0, "closed_at": None, "canceled_for": None,
             "last_error": None, "updated_at": now}  # fmt: skip
    after: dict[str, Any] = {**row, **fresh}
    if row["state"] == DONE:
        new = command_id("resend", row["id"], key.caller, key.operation, key.key)
        after |= {"id": new, "resend_of": row["id"], "lease_id": None, "leased_by": None, "due_at": now,
                  "created_at": now}  # fmt: skip
        plan.add(Insert(TABLE, (new,), anchor_of(row["server"]), after))
    else:
        plan.add(changed(row, now, **{name: value for name, value in fresh.items() if name != "updated_at"}))
    plan.add(told(after, "queued"))
    _record(services, plan, "delivery.resent", after, key.caller)
    return plan, after


async def cancel(services: Services, delivery_id: str, *, actor: str) -> dict[str, Any]:
    """Take a command out of the queue; return it. Safe to repeat.

    Raises:
        NotFound: there is no such command.
        NotCancelable: a server has it, or it is done.
    """
    for _ in range(TIMES_DECIDED):
        row, now = await _need(services, delivery_id), services.clock.now()
        if row["state"] == CANCELED:
            return full_json(row)
        is_leased = row["state"] == LEASED and row["lease_until"] > services.clock.wall()
        if row["state"] == DONE or is_leased:
            raise NotCancelable("It is done." if row["state"] == DONE else "A server has it at this moment.")
        over = {"state": CANCELED, "canceled_for": actor, "closed_at": now, "lease_until": 0}
        plan = Plan(actor=actor, anchors={anchor_of(row["server"])})
        plan.add(changed(row, now, **over), told({**row, **over}, "canceled"))
        _record(services, plan, "delivery.canceled", row, actor)
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
        return full_json({**row, **over, "updated_at": now})
    raise Unavailable("Too much is changing at once; try again.")


async def _need(services: Services, delivery_id: str) -> Row:
    row = await services.reader.first(COMMAND, id=delivery_id)
    if row is None:
        raise NotFound("There is no such delivery.")
    return row


def _record(services: Services, plan: Plan, action: str, row: Mapping[str, Any], actor: str) -> None:
    facts = {"server": row["server"], "purchase": row["purchase_id"]}
    now, wall = services.clock.now(), services.clock.wall()
    record_action(plan, action, actor=actor, about=row["id"], facts=facts, now=now, wall=wall)


async def read_gauges(services: Services) -> Sequence[Gauge]:
    """Read how long each server's queue is, how old its oldest command that is due, and how many were given up."""
    now = services.clock.now()
    columns: list[Any] = [commands.c.server, func.count().label("n"), func.min(commands.c.due_at).label("oldest")]
    waiting = select(*columns).where(commands.c.state.in_(OPEN)).group_by(commands.c.server)
    dead = select(commands.c.server, func.count().label("n")).where(commands.c.state == DEAD)
    found: list[Gauge] = []
    for row in await services.reader.scan(waiting):
        age = max(0, now - row["oldest"]) / SECOND_MS
        found += [
            _gauge("waiting", "Commands that wait for a game server, or are with one.", row["n"], row["server"]),
            _gauge("oldest_seconds", "How long the oldest of them has been due, in business time.", age, row["server"]),
        ]
    for row in await services.reader.scan(dead.group_by(commands.c.server)):
        found.append(_gauge("dead", "Commands that were given up and wait for a person.", row["n"], row["server"]))
    return found


def _gauge(name: str, says: str, value: float, server: str) -> Gauge:
    return Gauge(f"storefront_microtransactions_deliveries_{name}", says, value, {"server": server})
