"""Webhook endpoints: made, changed, paused, resumed, rotated, deleted, each act with its audit row and event.

An endpoint follows the feed of events with a cursor of its own. ``enabled``: events become deliveries, and these are
sent. ``paused``: they become deliveries and wait. ``disabled`` (a receiver answered 410): the cursor waits.
Nothing is dropped in either case. ``deleted`` endpoints are forgotten with their deliveries by the retention job.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from storefront.core.clock import Clock, iso
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale, Taken
from storefront.core.commit.plan import Change, Claim, Insert, Plan
from storefront.core.errors import Conflict, FieldError, Invalid, NotFound, Refused, Unavailable
from storefront.core.events import START, Cursor
from storefront.core.ids import new_id
from storefront.core.outgoing.guard import ForbiddenAddress, Guard
from storefront.core.outgoing_webhooks.secrets import OVERLAP_MS, WebhookSecrets
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Reader, Row
from storefront.core.tables import events
from storefront.core.tables_webhooks import webhook_deliveries, webhook_endpoints

MOST_ENDPOINTS = 50
MOST_TYPES = 50
COUNTER = "webhook_endpoints"
"""How many endpoints there are that were not deleted: key of the counter, and its anchor."""
TEST = "webhook_endpoint.test"
"""The type of the event that ``test`` makes; only the endpoint that it is about gets it."""

_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?")
_TRIES = 5
_BY_ID = Query(
    select(webhook_endpoints).where(webhook_endpoints.c.id == bindparam("id"), webhook_endpoints.c.state != "deleted")
)
_ALL = Query(
    select(webhook_endpoints).where(webhook_endpoints.c.state != "deleted").order_by(webhook_endpoints.c.id.desc())
)
_COUNTS = select(webhook_deliveries.c.endpoint_id, webhook_deliveries.c.state, func.count().label("count")).group_by(
    webhook_deliveries.c.endpoint_id, webhook_deliveries.c.state
)
_DEAD = select(func.count()).where(
    webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id, webhook_deliveries.c.state == "dead"
)
_WITH_DEAD = Query(
    select(*(webhook_endpoints.c[name] for name in ("id", "url", "description", "state")),
           _DEAD.scalar_subquery().label("dead"))
    .where(webhook_endpoints.c.state != "deleted")
    .order_by(webhook_endpoints.c.id.desc())
)  # fmt: skip
_ORDER = (events.c.commit_no, events.c.anchor, events.c.sequence)
_NEWEST = Query(
    select(*_ORDER)
    .where(events.c.commit_no < bindparam("settled"))
    .order_by(*(column.desc() for column in _ORDER))
    .limit(1)
)


class TooManyEndpoints(Refused):
    code = "too_many_webhook_endpoints"
    title = "There are as many webhook endpoints as there may be"


class EndpointState(Conflict):
    code = "webhook_endpoint_state"
    title = "The webhook endpoint is in another state"


def anchor_of(endpoint_id: str) -> str:
    """Return the anchor under which all rows of an endpoint hang."""
    return f"webhook:{endpoint_id}"


def wants(endpoint: Row, event_type: str, subject: str) -> bool:
    """Tell whether an endpoint gets an event: no filter takes all, ``purchase.*`` all that begin so."""
    if event_type == TEST:
        return bool(subject == endpoint["id"])
    types = msgspec.json.decode(endpoint["event_types"], type=list[str])
    return not types or any(
        event_type.startswith(one[:-1]) if one.endswith(".*") else event_type == one for one in types
    )


class WebhookEndpoints:
    """The endpoints of one shop."""

    def __init__(
        self, reader: Reader, engine: CommitEngine, clock: Clock, *, secrets: WebhookSecrets, guard: Guard
    ) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._secrets = secrets
        self._guard = guard

    async def create(
        self, url: str, *, description: str, event_types: Sequence[str], actor: str, form: str = ""
    ) -> dict[str, Any]:
        """Make an endpoint that gets what happens from now on; its secret is in the answer, and never shown again.

        ``form`` is a secret of what asks for one: it makes one.

        Raises:
            Invalid: nothing is sent to such an address, no event has such a type, or the form was sent already.
            TooManyEndpoints: there are enough.
        """
        self._check_url(url)
        _check_types(event_types)
        _check_description(description)
        endpoint_id = new_id("whe")
        commit_no, anchor, sequence = await self._newest()
        row = {
            "id": endpoint_id,
            "url": url,
            "description": description,
            "event_types": msgspec.json.encode(list(event_types)).decode(),
            "state": "enabled",
            "reason": None,
            "secret_number": 1,
            "previous_secret_until": 0,
            "cursor_commit_no": commit_no,
            "cursor_anchor": anchor,
            "cursor_sequence": sequence,
            "created_at": self._clock.now(),
        }
        plan = self._plan(endpoint_id, actor)
        _count(plan, by=1, at_most=MOST_ENDPOINTS)
        plan.add(Insert("webhook_endpoints", (endpoint_id,), anchor_of(endpoint_id), row))
        self._tell(plan, "created", endpoint_id, actor, {"event_types": list(event_types)})
        if form:
            plan.add(Claim(f"webhook_form:{actor}:{form}", endpoint_id))
        try:
            await self._engine.commit(plan)
        except Taken as taken:
            lost = f"If you have not copied its secret, make another: storefront webhooks rotate {taken.holder}"
            raise Invalid(f"This form was sent before, and its endpoint is in the list. {lost}") from taken
        return {**await self.show(endpoint_id), "secret": self._secrets.shown(endpoint_id, 1)}

    async def all(self) -> list[dict[str, Any]]:
        """Return every endpoint as JSON, newest first, without secrets."""
        counts = await self._counts(None)
        return [self._shown(row, counts) for row in await self._reader.all(_ALL)]

    async def failing(self) -> list[Row]:
        """Return ``id``, ``url``, ``description``, ``state`` and ``dead`` (how many deliveries were given up) of every
        endpoint that is disabled or has such, newest first; costs what is dead, whatever was delivered."""
        found = await self._reader.all(_WITH_DEAD)
        return [row for row in found if row["state"] == "disabled" or row["dead"]]

    async def show(self, endpoint_id: str) -> dict[str, Any]:
        """Return one endpoint as JSON; raises ``NotFound``."""
        return self._shown(await self.need(endpoint_id), await self._counts(endpoint_id))

    async def need(self, endpoint_id: str) -> Row:
        """Return the row of an endpoint; raises ``NotFound``."""
        row = await self._reader.first(_BY_ID, id=endpoint_id)
        if row is None:
            raise NotFound("There is no such webhook endpoint.")
        return row

    async def update(
        self,
        endpoint_id: str,
        *,
        url: str | None,
        description: str | None,
        event_types: Sequence[str] | None,
        actor: str,
    ) -> dict[str, Any]:
        """Change what is given; what waits already is sent to the new address. Raises ``NotFound``, ``Invalid``."""
        changes: dict[str, Any] = {}
        if url is not None:
            self._check_url(url)
            changes["url"] = url
        if description is not None:
            _check_description(description)
            changes["description"] = description
        if event_types is not None:
            _check_types(event_types)
            changes["event_types"] = msgspec.json.encode(list(event_types)).decode()
        await self._change(endpoint_id, "updated", lambda row: changes, actor, {"changed": sorted(changes)})
        return await self.show(endpoint_id)

    async def pause(self, endpoint_id: str, *, actor: str) -> dict[str, Any]:
        """Send nothing until ``resume``; events go on to become deliveries. Safe to repeat."""
        await self._change(endpoint_id, "paused", _to_pause, actor, {})
        return await self.show(endpoint_id)

    async def resume(self, endpoint_id: str, *, actor: str) -> dict[str, Any]:
        """Send again what waits, in order, also to an endpoint that was disabled. Safe to repeat."""
        await self._change(
            endpoint_id,
            "resumed",
            lambda row: {} if row["state"] == "enabled" else {"state": "enabled", "reason": None},
            actor,
            {},
        )
        return await self.show(endpoint_id)

    async def disable(self, endpoint_id: str, reason: str, *, actor: str) -> None:
        """Stop an endpoint whose receiver wants no more; one that is not enabled stays as it is."""
        await self._change(
            endpoint_id,
            "disabled",
            lambda row: {"state": "disabled", "reason": reason} if row["state"] == "enabled" else {},
            actor,
            {"reason": reason},
        )

    async def rotate(self, endpoint_id: str, *, actor: str) -> dict[str, Any]:
        """Make a new secret and answer it, once; for a day deliveries carry a signature by the one before, too."""
        until = self._clock.wall() + OVERLAP_MS
        row = await self._change(
            endpoint_id,
            "secret_rotated",
            lambda row: {"secret_number": row["secret_number"] + 1, "previous_secret_until": until},
            actor,
            {},
        )
        return {**await self.show(endpoint_id), "secret": self._secrets.shown(endpoint_id, row["secret_number"] + 1)}

    async def delete(self, endpoint_id: str, *, actor: str) -> None:
        """Take an endpoint away, with all that waits for it; raises ``NotFound``."""
        await self._change(endpoint_id, "deleted", lambda row: {"state": "deleted"}, actor, {})

    async def test(self, endpoint_id: str, *, actor: str) -> None:
        """Make an event that this endpoint alone gets, whatever its filter says."""
        await self.need(endpoint_id)
        plan, now, wall = self._plan(endpoint_id, actor), self._clock.now(), self._clock.wall()
        record_action(plan, "webhook_endpoint.tested", actor=actor, about=endpoint_id, facts={}, now=now, wall=wall)
        plan.emit(TEST, anchor=anchor_of(endpoint_id), subject=endpoint_id, payload={"id": endpoint_id})
        await self._engine.commit(plan)

    async def _change(
        self,
        endpoint_id: str,
        act: str,
        decide: Callable[[Row], Mapping[str, Any]],
        actor: str,
        facts: Mapping[str, Any],
    ) -> Row:
        """Change an endpoint's row as ``decide`` says of it, with audit row and event; return it as it was."""
        for _ in range(_TRIES):
            row = await self.need(endpoint_id)
            changes = decide(row)
            if not changes:
                return row
            expect = {name: row[name] for name in ("state", "secret_number")}
            plan = self._plan(endpoint_id, actor)
            plan.add(Change("webhook_endpoints", (endpoint_id,), anchor_of(endpoint_id), expect, changes))
            if changes.get("state") == "deleted":
                _count(plan, by=-1)
            self._tell(plan, act, endpoint_id, actor, facts)
            try:
                await self._engine.commit(plan)
            except Stale:
                continue
            return row
        raise Unavailable("This endpoint is being changed by somebody else; try again in a moment.")

    def _plan(self, endpoint_id: str, actor: str) -> Plan:
        return Plan(actor=actor, anchors={anchor_of(endpoint_id)})

    def _tell(self, plan: Plan, act: str, endpoint_id: str, actor: str, facts: Mapping[str, Any]) -> None:
        action = f"webhook_endpoint.{act}"
        now, wall = self._clock.now(), self._clock.wall()
        record_action(plan, action, actor=actor, about=endpoint_id, facts=facts, now=now, wall=wall)
        payload = {"id": endpoint_id, "actor": actor, **facts}
        plan.emit(action, anchor=anchor_of(endpoint_id), subject=endpoint_id, payload=payload)

    def _check_url(self, url: str) -> None:
        try:
            self._guard.read(url)
        except ForbiddenAddress as refusal:
            says = str(refusal)
            raise Invalid(
                f"Webhooks are not sent there: {says}. What lies in your own network has to stand in webhooks.allow.",
                errors=[FieldError("/url", says)],
            ) from refusal

    async def _newest(self) -> Cursor:
        row = await self._reader.first(_NEWEST, settled=await self._reader.settled_before())
        return START if row is None else (row["commit_no"], row["anchor"], row["sequence"])

    async def _counts(self, endpoint_id: str | None) -> Mapping[tuple[str, str], int]:
        """Return ``(endpoint, state) -> deliveries``, of one endpoint or of all."""
        counts = _COUNTS if endpoint_id is None else _COUNTS.where(webhook_deliveries.c.endpoint_id == endpoint_id)
        return {(row["endpoint_id"], row["state"]): row["count"] for row in await self._reader.scan(counts)}

    def _shown(self, row: Row, counts: Mapping[tuple[str, str], int]) -> dict[str, Any]:
        is_rotating = self._clock.wall() < row["previous_secret_until"]
        return {
            "id": row["id"],
            "url": row["url"],
            "description": row["description"],
            "event_types": msgspec.json.decode(row["event_types"]),
            "state": row["state"],
            "reason": row["reason"],
            "previous_secret_until": iso(row["previous_secret_until"]) if is_rotating else None,
            "deliveries": {state: counts.get((row["id"], state), 0) for state in ("waiting", "delivered", "dead")},
            "created_at": iso(row["created_at"]),
        }


def _count(plan: Plan, *, by: int, at_most: int | None = None) -> None:
    """Count endpoints that come or go; the commit decides about the cap, so that none slips past it in a rush."""
    plan.anchors.add(COUNTER)
    plan.count(COUNTER, anchor=COUNTER, by=by, at_most=at_most, refusal=TooManyEndpoints(at_most=at_most))


def _to_pause(row: Row) -> Mapping[str, Any]:
    if row["state"] == "disabled":
        raise EndpointState("This endpoint is disabled: nothing is sent to it. Resume it first.", state="disabled")
    return {} if row["state"] == "paused" else {"state": "paused"}


def _check_types(types: Sequence[str]) -> None:
    if len(types) > MOST_TYPES:
        raise Invalid("These are too many types.", errors=[FieldError("/event_types", f"at most {MOST_TYPES}")])
    for index, one in enumerate(types):
        if not _TYPE.fullmatch(one) or len(one) > 100:
            raise Invalid(
                f"{one} is no type of events.",
                errors=[FieldError(f"/event_types/{index}", "must look like purchase.completed or purchase.*")],
            )


def _check_description(text: str) -> None:
    if not text.isprintable() or len(text) > 200:
        raise Invalid(
            "A description is one line of text.",
            errors=[FieldError("/description", "must be printable text of at most 200 characters")],
        )
