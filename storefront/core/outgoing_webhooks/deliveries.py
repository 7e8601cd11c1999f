"""Deliveries: one row per event and endpoint, read by operators, and sent again when they say so."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select

from storefront.core.clock import Clock, iso
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import NotFound, Unavailable
from storefront.core.events import Cursor
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints, anchor_of
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Reader, Row
from storefront.core.tables import events
from storefront.core.tables_webhooks import webhook_attempts, webhook_deliveries

_TRIES = 5
_ONE = Query(
    select(webhook_deliveries).where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint"), webhook_deliveries.c.event_id == bindparam("event")
    )
)
_ATTEMPTS = Query(
    select(webhook_attempts)
    .where(webhook_attempts.c.endpoint_id == bindparam("endpoint"), webhook_attempts.c.event_id == bindparam("event"))
    .order_by(webhook_attempts.c.id)
)


class WebhookDeliveries:
    """What became of events at the endpoints of one shop."""

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock, endpoints: WebhookEndpoints) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._endpoints = endpoints

    async def page(
        self, endpoint_id: str, *, state: str | None, limit: int, after: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return deliveries of an endpoint, newest first, and where the next page begins; raises ``NotFound``."""
        await self._endpoints.need(endpoint_id)
        page = (
            select(webhook_deliveries)
            .where(webhook_deliveries.c.endpoint_id == endpoint_id)
            .order_by(webhook_deliveries.c.event_id.desc())
            .limit(limit + 1)
        )
        if after is not None:
            page = page.where(webhook_deliveries.c.event_id < after)
        if state is not None:
            page = page.where(webhook_deliveries.c.state == state)
        rows = await self._reader.scan(page)
        return [_shown(row) for row in rows[:limit]], rows[limit - 1]["event_id"] if len(rows) > limit else None

    async def show(self, endpoint_id: str, event_id: str) -> dict[str, Any]:
        """Return one delivery with all its attempts, oldest first; raises ``NotFound``."""
        row = await self._need(endpoint_id, event_id)
        attempts = await self._reader.all(_ATTEMPTS, endpoint=endpoint_id, event=event_id)
        return {**_shown(row), "history": [_attempt(one) for one in attempts]}

    async def last_attempts(self, endpoint_id: str, event_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return ``event -> its last attempt``; what was not tried yet has none."""
        newest = (
            select(func.max(webhook_attempts.c.id))
            .where(webhook_attempts.c.endpoint_id == endpoint_id, webhook_attempts.c.event_id.in_(event_ids))
            .group_by(webhook_attempts.c.event_id)
        )
        rows = await self._reader.scan(select(webhook_attempts).where(webhook_attempts.c.id.in_(newest)))
        return {row["event_id"]: _attempt(row) for row in rows}

    async def replay(self, endpoint_id: str, event_id: str, *, actor: str) -> dict[str, Any]:
        """Send one delivery again at once, on a new schedule, whatever became of it; raises ``NotFound``."""
        now = self._clock.now()
        for _ in range(_TRIES):
            row = await self._need(endpoint_id, event_id)
            plan = self._plan(endpoint_id, actor)
            expect = {name: row[name] for name in ("state", "attempts", "due_at")}
            again = {"state": "waiting", "attempts": 0, "due_at": now, "closed_at": None}
            key = (endpoint_id, event_id)
            plan.add(Change("webhook_deliveries", key, anchor_of(endpoint_id), expect, again))
            self._record(plan, endpoint_id, actor, {"event": event_id})
            try:
                await self._engine.commit(plan)
            except Stale:
                continue
            return await self.show(endpoint_id, event_id)
        raise Unavailable("This delivery is on its way; try again in a moment.")

    async def replay_since(self, endpoint_id: str, since: int | Cursor, *, actor: str) -> dict[str, Any]:
        """Send all events again that the endpoint wants, from a business time (ms) or behind a cursor of the feed.

        The endpoint's own cursor goes back, never forward: so also events from before it was made can be sent.
        """
        for _ in range(_TRIES):
            row = await self._endpoints.need(endpoint_id)
            stands = (row["cursor_commit_no"], row["cursor_anchor"], row["cursor_sequence"])
            wanted = await self._before(since) if isinstance(since, int) else since
            commit_no, anchor, sequence = stands if wanted is None else min(stands, wanted)
            plan = self._plan(endpoint_id, actor)
            back = {"cursor_commit_no": commit_no, "cursor_anchor": anchor, "cursor_sequence": sequence}
            expect = {"cursor_commit_no": stands[0], "cursor_anchor": stands[1], "cursor_sequence": stands[2]}
            plan.add(Change("webhook_endpoints", (endpoint_id,), anchor_of(endpoint_id), expect, back))
            self._record(plan, endpoint_id, actor, {"since": iso(since) if isinstance(since, int) else "a cursor"})
            try:
                await self._engine.commit(plan)
            except Stale:
                continue
            return await self._endpoints.show(endpoint_id)
        raise Unavailable("This endpoint has much to do; try again in a moment.")

    async def replay_last(self, endpoint_id: str, milliseconds: int, *, actor: str) -> dict[str, Any]:
        """Send all events of the last so many milliseconds of business time again, as ``replay_since`` does."""
        return await self.replay_since(endpoint_id, self._clock.now() - milliseconds, actor=actor)

    async def _before(self, time: int) -> Cursor | None:
        """Return a cursor before the first commit with an event at or after a time, or None where there is none."""
        rows = await self._reader.scan(
            select(func.min(events.c.commit_no).label("first")).where(events.c.occurred_at >= time)
        )
        first = rows[0]["first"]
        return None if first is None else (first, "", 0)

    async def _need(self, endpoint_id: str, event_id: str) -> Row:
        await self._endpoints.need(endpoint_id)
        row = await self._reader.first(_ONE, endpoint=endpoint_id, event=event_id)
        if row is None:
            raise NotFound("There is no such delivery.")
        return row

    def _plan(self, endpoint_id: str, actor: str) -> Plan:
        return Plan(actor=actor, anchors={anchor_of(endpoint_id)})

    def _record(self, plan: Plan, endpoint_id: str, actor: str, facts: dict[str, Any]) -> None:
        now, wall = self._clock.now(), self._clock.wall()
        record_action(
            plan, "webhook_endpoint.replayed", actor=actor, about=endpoint_id, facts=facts, now=now, wall=wall
        )


def _shown(row: Row) -> dict[str, Any]:
    return {
        "event": row["event_id"],
        "type": row["event_type"],
        "state": row["state"],
        "attempts": row["attempts"],
        "due_at": iso(row["due_at"]) if row["state"] == "waiting" else None,
        "created_at": iso(row["created_at"]),
        "closed_at": None if row["closed_at"] is None else iso(row["closed_at"]),
    }


def _attempt(row: Row) -> dict[str, Any]:
    return {
        "at": iso(row["attempted_at"]),
        "status": row["status"],
        "latency_ms": row["latency_ms"],
        "error": row["error"],
        "excerpt": row["excerpt"],
    }
