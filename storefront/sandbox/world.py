"""What an operation works in: one transaction with its time, its cause, and the events it emits."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from storefront.sandbox.errors import missing_object
from storefront.sandbox.store import PLATFORM, Body, Records

API_VERSION = "2026-10-28.endive"
_ALPHABET = string.ascii_letters + string.digits

_NORMAL = {"mode": "normal", "times": None}

Clock = Callable[[], int]  # milliseconds since 1970

NOUNS = {
    "checkout.session": "checkout.session",
    "payment_intent": "payment_intent",
    "payment_method": "PaymentMethod",
    "radar.early_fraud_warning": "early fraud warning",
    "webhook_endpoint": "webhook endpoint",
}


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh id in Stripe's manner: the kind's prefix and random letters and digits."""
    letters: list[str] = []
    number = secrets.randbelow(len(_ALPHABET) ** length)  # to ask for each letter by itself costs several times as much
    for _ in range(length):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return f"{prefix}_{''.join(letters)}"


@dataclass(frozen=True, slots=True)
class Cause:
    """The API request behind a change; empty for what a buyer or the clock does."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """How one event goes out: held or lost, how often, how late, and how far its signature's time is off."""

    state: str = "waiting"
    copies: int = 1
    late_ms: int = 0
    skew_seconds: int = 0


def _way_of(mode: str, milliseconds: int) -> _Way:
    if mode == "reorder":
        return _Way(late_ms=secrets.randbelow(milliseconds + 1))
    ways = {
        "hold": _Way(state="held"),
        "drop": _Way(state="dropped"),
        "duplicate": _Way(copies=2),
        "late": _Way(late_ms=milliseconds),
        "skew": _Way(skew_seconds=milliseconds // 1000),
    }
    return ways.get(mode, _Way())


@dataclass(slots=True)
class World:
    """One transaction. ``now`` is business time, ``wall_ms`` the machine's."""

    records: Records
    now_ms: int
    wall_ms: int
    public_url: str
    cause: Cause = field(default_factory=Cause)
    emitted: list[str] = field(default_factory=list)
    is_delivered_early: bool = False  # the events go out before the request that caused them is answered

    @property
    def now(self) -> int:
        """Business time in Unix seconds."""
        return self.now_ms // 1000

    @contextmanager
    def acting_for(self, owner: str | None) -> Iterator[None]:
        """See and add objects of another account for a while; ``None`` sees those of all."""
        before = self.records.owner
        self.records.owner = owner
        try:
            yield
        finally:
            self.records.owner = before

    def get(self, kind: str, object_id: str, *, param: str | None = None) -> Body:
        """The object, or Stripe's refusal: 404 when the address names it, 400 when ``param`` does."""
        found = self.records.find(kind, object_id)
        if found is None:
            noun = NOUNS.get(kind, kind)
            raise missing_object(noun, object_id, param=param or "id", status=400 if param else 404)
        return found

    def insert(self, body: Body, *, hidden: Mapping[str, Any] | None = None) -> Body:
        """Add an object."""
        return self.records.insert(body, hidden=hidden)

    def save(self, body: Body) -> Body:
        """Write a changed object back."""
        return self.records.save(body)

    def emit(self, event_type: str, snapshot: Body, previous: Mapping[str, Any] | None = None) -> None:
        """Record an event with the object as it is now, and queue it for every endpoint that wants it.

        While acting for a connected account the event names it, and goes to the endpoints made for Connect.
        """
        data: Body = {"object": snapshot}
        if previous:
            data["previous_attributes"] = dict(previous)
        event: Body = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": event_type,
        }
        account = self.records.owner or PLATFORM
        if account != PLATFORM:
            event["account"] = account
        endpoints = [endpoint for endpoint in self._endpoints(account) if wants(endpoint, event_type)]
        event["pending_webhooks"] = len(endpoints)
        self.records.insert(event)
        self.emitted.append(event["id"])
        way = self._way_of_delivery(event_type, is_counted=bool(endpoints))
        for endpoint in endpoints:
            for _ in range(way.copies):
                self.records.connection.execute(
                    "INSERT INTO deliveries (event_id, endpoint_id, state, due_ms, skew_seconds)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (event["id"], endpoint["id"], way.state, self.wall_ms + way.late_ms, way.skew_seconds),
                )

    def _endpoints(self, account: str) -> list[Body]:
        with self.acting_for(PLATFORM):
            endpoints = self.records.select("webhook_endpoint", oldest_first=True)
        is_connect = account != PLATFORM
        return [
            endpoint for endpoint in endpoints
            if self.records.hidden(endpoint["id"]).get("is_connect", False) == is_connect
        ]  # fmt: skip

    def _way_of_delivery(self, event_type: str, *, is_counted: bool) -> _Way:
        mode = self.records.setting("webhooks", _NORMAL)
        types = mode.get("types")
        if types and event_type not in types:
            return _Way()
        if mode["times"] is not None and is_counted:
            left = mode["times"] - 1
            self.records.set_setting("webhooks", {**mode, "times": left} if left > 0 else _NORMAL)
        self.is_delivered_early = self.is_delivered_early or mode["mode"] == "before_reply"
        return _way_of(mode["mode"], round(mode.get("seconds", 0) * 1000))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside if it raises, and let the rest of the transaction live."""
        emitted = len(self.emitted)
        self.records.connection.execute("SAVEPOINT operation")
        try:
            yield
        except BaseException:
            self.records.connection.execute("ROLLBACK TO operation")
            self.records.connection.execute("RELEASE operation")
            del self.emitted[emitted:]
            raise
        self.records.connection.execute("RELEASE operation")


def wants(endpoint: Body, event_type: str) -> bool:
    """Whether an endpoint is on and asked for this type."""
    asked = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in asked or event_type in asked)


def merged_metadata(before: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata after an update: given keys win, empty values remove, ``None`` removes all."""
    if given is None:
        return {}
    merged = {**before, **given}
    return {key: value for key, value in merged.items() if value != ""}


def encoded(body: Body) -> bytes:
    """The bytes of one answer or webhook, in Stripe's layout."""
    return msgspec.json.format(msgspec.json.encode(body), indent=2)
