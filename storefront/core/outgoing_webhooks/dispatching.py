"""Brings events to webhook endpoints: at least once, each endpoint by itself, one dispatcher per database.

For every endpoint there are two steps, both told by rows, so that whoever leads next goes on where this one was
stopped or killed. *Follow*: committed events behind the endpoint's cursor become deliveries, in the commit that moves
the cursor. *Send*: deliveries that are due are posted, and what came of it is committed.

A delivery that fails does not hold up later ones (as Standard Webhooks has it: one event that a receiver cannot take
must not dam up all others). First attempts go out in commit order, one at a time per anchor, so the events of one
customer arrive in order for as long as the receiver takes them.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, bindparam, func, or_, select

from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.errors import Unavailable
from storefront.core.events import event_at, has_events_after, read_events
from storefront.core.ids import new_id
from storefront.core.outgoing.posting import Message, NotSent, Poster, Reply
from storefront.core.outgoing_webhooks.endpoints import WebhookEndpoints, anchor_of, wants
from storefront.core.outgoing_webhooks.making import (
    add_alarm,
    body_of,
    cursor_of,
    delivery_row,
    move_cursor,
    outcome_of,
)
from storefront.core.outgoing_webhooks.secrets import WebhookSecrets
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables_webhooks import webhook_deliveries, webhook_endpoints

ACTOR = "webhooks"
BATCH = 100
AT_ONCE = 4
POLL_SECONDS = 1.0
MEASURE_SECONDS = 5.0
CONTENT_TYPE = "application/cloudevents+json"
GONE = 410

_ENDPOINTS = Query(
    select(webhook_endpoints).where(or_(webhook_endpoints.c.state == "enabled", webhook_endpoints.c.state == "paused"))
)
_ENDPOINT = Query(select(webhook_endpoints).where(webhook_endpoints.c.id == bindparam("id")))
_IN_ORDER = (
    webhook_deliveries.c.due_at,
    webhook_deliveries.c.commit_no,
    webhook_deliveries.c.anchor,
    webhook_deliveries.c.sequence,
)
_WAITING = select(webhook_deliveries).where(
    webhook_deliveries.c.endpoint_id == bindparam("endpoint"), webhook_deliveries.c.state == "waiting"
)
_DUE = Query(
    _WAITING.where(webhook_deliveries.c.due_at <= bindparam("now")).order_by(*_IN_ORDER).limit(bindparam("most"))
)
_FIRST_DUE = Query(_WAITING.order_by(webhook_deliveries.c.due_at).limit(1))
_WAITS: Sequence[ColumnElement[Any]] = (
    func.min(webhook_deliveries.c.created_at).label("created_at"),
    func.count().label("count"),
)
_OLDEST = (
    select(*_WAITS)
    .select_from(webhook_deliveries.join(webhook_endpoints, webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id))
    .where(webhook_deliveries.c.state == "waiting", webhook_endpoints.c.state != "deleted")
)

log = structlog.get_logger("storefront.webhooks")


class WebhookDispatcher:
    """Follows the events for every endpoint. See ``leading.Follower``."""

    def __init__(
        self, services: Services, endpoints: WebhookEndpoints, *, secrets: WebhookSecrets, poster: Poster
    ) -> None:
        self._services = services
        self._reader = services.reader
        self._engine = services.engine
        self._clock = services.clock
        self._endpoints = endpoints
        self._secrets = secrets
        self._poster = poster
        self._wake = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._missed: set[str] = set()
        self._has_endpoints = True
        self._is_stopping = False
        self._measure_at = 0.0
        self.results: Counter[str] = Counter()
        """Attempts of this process by result: delivered, failed, dead."""
        self.waiting = 0
        self.oldest_waiting_at: int | None = None
        """When the delivery was made (business ms) that has waited longest, as last seen while leading."""

    def on_commit(self, notice: CommitNotice) -> None:
        is_news = "events" in notice.tables and self._has_endpoints
        if is_news or "webhook_endpoints" in notice.tables or "webhook_deliveries" in notice.tables:
            self.wake()

    def wake(self) -> None:
        """Look again now."""
        self._missed.update(self._busy)
        self._wake.set()

    def ask_to_stop(self) -> None:
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        self._busy.clear()
        async with asyncio.TaskGroup() as group:
            while not self._is_stopping:
                self._wake.clear()
                try:
                    await self._look(group)
                except Unavailable as away:
                    log.warning("webhooks_wait", reason=away.code)
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def is_idle(self) -> bool:
        """Tell whether no event has still to become a delivery, and none is due; asked of the database."""
        for endpoint in await self._reader.all(_ENDPOINTS):
            if await has_events_after(self._reader, cursor_of(endpoint)):
                return False
            if endpoint["state"] == "enabled" and await self._due(endpoint["id"], 1):
                return False
        return True

    async def next_due_at(self) -> int | None:
        """Return when the next delivery is due (business ms), also one that is due already."""
        first = [
            await self._reader.first(_FIRST_DUE, endpoint=endpoint["id"])
            for endpoint in await self._reader.all(_ENDPOINTS)
            if endpoint["state"] == "enabled"
        ]
        return min((int(row["due_at"]) for row in first if row is not None), default=None)

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Start the work of every endpoint that is not at it already."""
        endpoints = await self._reader.all(_ENDPOINTS)
        self._has_endpoints = bool(endpoints)
        if endpoints or self.waiting:
            await self._measure()
        for endpoint in endpoints:
            endpoint_id = endpoint["id"]
            if endpoint_id not in self._busy:
                self._missed.discard(endpoint_id)
                task = group.create_task(self._serve(endpoint_id), name=f"webhooks to {endpoint_id}")
                self._busy[endpoint_id] = task
                task.add_done_callback(partial(self._served, endpoint_id))

    async def _measure(self) -> None:
        """See what waits, for the metrics, every few seconds: of a large backlog that is no quick question."""
        now = asyncio.get_running_loop().time()
        if now >= self._measure_at:
            self._measure_at = now + MEASURE_SECONDS
            (waiting,) = await self._reader.scan(_OLDEST)
            self.waiting, self.oldest_waiting_at = waiting["count"], waiting["created_at"]

    def _served(self, endpoint_id: str, task: asyncio.Task[None]) -> None:
        self._busy.pop(endpoint_id, None)
        if endpoint_id in self._missed:
            self._wake.set()

    async def _serve(self, endpoint_id: str) -> None:
        """Follow and send until nothing is left to do now."""
        try:
            while not self._is_stopping:
                endpoint = await self._reader.first(_ENDPOINT, id=endpoint_id)
                if endpoint is None or endpoint["state"] not in ("enabled", "paused"):
                    return
                has_followed = await self._follow(endpoint)
                has_sent = endpoint["state"] == "enabled" and await self._send_due(endpoint)
                if not has_followed and not has_sent:
                    return
        except (Unavailable, Stale) as away:
            log.warning("webhooks_wait", endpoint=endpoint_id, reason=type(away).__name__)
        except Exception as error:  # what befalls one endpoint is nothing to the others
            log.error("webhooks_failed", endpoint=endpoint_id, exc_info=error)

    async def _follow(self, endpoint: Row) -> bool:
        """Make deliveries of the events behind the cursor, a batch of them; tell whether there were any."""
        events = await read_events(self._reader, cursor_of(endpoint), BATCH)
        if not events:
            return False
        endpoint_id, now = endpoint["id"], self._clock.now()
        plan = Plan(actor=ACTOR, anchors={anchor_of(endpoint_id)})
        for event in events:
            if wants(endpoint, event.type, event.subject):
                row = delivery_row(endpoint_id, event, now)
                # An event that comes by again is being replayed: it is sent anew, on a new schedule.
                plan.add(
                    Insert("webhook_deliveries", (endpoint_id, event.id), anchor_of(endpoint_id), row, replace=True)
                )
        plan.add(move_cursor(endpoint, events[-1].cursor))
        await self._engine.commit(plan)
        return True

    async def _send_due(self, endpoint: Row) -> bool:
        """Post what is due, a batch of it; tell whether anything came of it."""
        lines: dict[str, list[Row]] = {}
        for row in await self._due(endpoint["id"], BATCH):
            lines.setdefault(row["anchor"], []).append(row)
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(self._send_line(line, room)) for line in lines.values()]
        return any(task.result() for task in sending)

    async def _send_line(self, line: Sequence[Row], room: asyncio.Semaphore) -> bool:
        """Post the deliveries of one anchor in order; what comes behind one that fails is looked at anew.

        Tell whether anything was committed: else the same would be posted again at once.
        """
        is_news = False
        async with room:
            for row in line:
                endpoint = await self._reader.first(_ENDPOINT, id=row["endpoint_id"])
                if self._is_stopping or endpoint is None or endpoint["state"] != "enabled":
                    return is_news
                try:
                    is_taken = await self._send(endpoint, row)
                except Unavailable as away:
                    log.warning("webhooks_wait", endpoint=row["endpoint_id"], reason=away.code)
                    return False
                is_news = True
                if not is_taken:
                    return is_news
        return is_news

    async def _send(self, endpoint: Row, row: Row) -> bool:
        """Post one delivery and commit what came of it; tell whether it arrived."""
        event = await event_at(self._reader, row["anchor"], row["sequence"])
        message = Message(event.id, body_of(event, self._services.public_url), CONTENT_TYPE)
        secrets = self._secrets.valid(endpoint, self._clock.wall())
        reply: Reply | None = None
        error: str | None = None
        try:
            reply = await self._poster.post(endpoint["url"], message, secrets)
        except NotSent as failure:
            error = failure.detail
        is_taken = reply is not None and reply.is_taken
        await self._record(row, reply, error)
        if reply is not None and reply.status == GONE:
            await self._endpoints.disable(endpoint["id"], "the receiver answered 410 Gone", actor=ACTOR)
        return is_taken

    async def _record(self, row: Row, reply: Reply | None, error: str | None) -> None:
        endpoint_id, event_id, attempts = row["endpoint_id"], row["event_id"], row["attempts"] + 1
        now, wall = self._clock.now(), self._clock.wall()
        changes, result = outcome_of(attempts, reply, now=now, wall=wall)
        anchor = anchor_of(endpoint_id)
        expect = {name: row[name] for name in ("state", "attempts", "due_at")}
        attempt = {
            "id": new_id("wha"),
            "endpoint_id": endpoint_id,
            "event_id": event_id,
            "attempted_at": wall,
            "status": None if reply is None else reply.status,
            "latency_ms": None if reply is None else reply.latency_ms,
            "error": error,
            "excerpt": "" if reply is None else reply.excerpt,
        }
        plan = Plan(actor=ACTOR, anchors={anchor})
        plan.add(Change("webhook_deliveries", (endpoint_id, event_id), anchor, expect, changes))
        plan.add(Insert("webhook_attempts", (attempt["id"],), anchor, attempt))
        if result == "dead":
            add_alarm(plan, endpoint_id, event_id, now)
        try:
            await self._engine.commit(plan)
        except Stale:  # it was replayed meanwhile, and will be sent again
            return
        self.results[result] += 1
        if result != "delivered":
            say = log.error if result == "dead" else log.info
            say(f"webhook_{result}", endpoint=endpoint_id, delivery=event_id, attempts=attempts,
                status=attempt["status"], reason=error)  # fmt: skip

    async def _due(self, endpoint_id: str, most: int) -> Sequence[Row]:
        return await self._reader.all(_DUE, endpoint=endpoint_id, now=self._clock.now(), most=most)
