"""What deliveries are made of: their rows, their bodies, and what an attempt makes of them. Nothing here waits."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.clock import DAY_MS
from storefront.core.commit.plan import Change, Insert, Plan
from storefront.core.events import Cursor, Event, write_cursor
from storefront.core.outgoing.posting import Reply
from storefront.core.outgoing_webhooks.endpoints import anchor_of
from storefront.core.outgoing_webhooks.schedule import MOST_ATTEMPTS, next_attempt
from storefront.core.reading import Row

LARGEST_BODY = 20_000


def body_of(event: Event, source: str) -> bytes:
    """Return an event as it is posted: CloudEvents JSON below 20 kB.

    Of a larger one the data are left out, and ``dataref`` says where to read them (CloudEvents' claim check).
    """
    whole = event.to_json(source)
    body = msgspec.json.encode(whole)
    if len(body) < LARGEST_BODY:
        return body
    commit_no, anchor, sequence = event.cursor
    thin = {name: value for name, value in whole.items() if name not in ("data", "datacontenttype")}
    before = write_cursor((commit_no, anchor, sequence - 1))
    return msgspec.json.encode({**thin, "dataref": f"{source}/v1/events?after={before}&limit=1"})


def outcome_of(attempts: int, reply: Reply | None, *, now: int, wall: int) -> tuple[Mapping[str, Any], str]:
    """Return what an attempt makes of its delivery, and the word for it."""
    if reply is not None and reply.is_taken:
        return {"state": "delivered", "attempts": attempts, "closed_at": now}, "delivered"
    due_at = next_attempt(attempts, now=now, wall=wall, retry_after=None if reply is None else reply.retry_after)
    if due_at is None:
        return {"state": "dead", "attempts": attempts, "closed_at": now}, "dead"
    return {"attempts": attempts, "due_at": due_at}, "failed"


def delivery_row(endpoint_id: str, event: Event, now: int) -> dict[str, Any]:
    """Return the row of a delivery that is due at once."""
    commit_no, anchor, sequence = event.cursor
    return {
        "endpoint_id": endpoint_id,
        "event_id": event.id,
        "event_type": event.type,
        "commit_no": commit_no,
        "anchor": anchor,
        "sequence": sequence,
        "state": "waiting",
        "attempts": 0,
        "due_at": now,
        "created_at": now,
        "closed_at": None,
    }


def cursor_of(endpoint: Row) -> Cursor:
    """Return how far an endpoint has followed the feed."""
    return endpoint["cursor_commit_no"], endpoint["cursor_anchor"], endpoint["cursor_sequence"]


def move_cursor(endpoint: Row, to: Cursor) -> Change:
    """Return the step that moves an endpoint's cursor, if nobody moved it or changed what it decides by."""
    names = ("cursor_commit_no", "cursor_anchor", "cursor_sequence")
    expect = {name: endpoint[name] for name in (*names, "state", "event_types")}
    key = (endpoint["id"],)
    return Change("webhook_endpoints", key, anchor_of(endpoint["id"]), expect, dict(zip(names, to, strict=True)))


def add_alarm(plan: Plan, endpoint_id: str, event_id: str, now: int) -> None:
    """Raise an alarm about deliveries that die, one a day for each endpoint."""
    alarm_id = f"alm_{endpoint_id}_{now // DAY_MS}"
    facts = {"endpoint": endpoint_id, "event": event_id, "attempts": MOST_ATTEMPTS}
    row = {"id": alarm_id, "kind": "webhook_delivery_dead", "about": endpoint_id,
           "facts": msgspec.json.encode(facts).decode(), "raised_at": now}  # fmt: skip
    plan.add(Insert("alarms", (alarm_id,), None, row, once=True))
