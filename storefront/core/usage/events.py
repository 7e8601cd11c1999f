"""Usage events as they come: CloudEvents 1.0 in JSON, checked one by one, so that a bad one spoils no other.

Source: CloudEvents 1.0.2, section 3 (context attributes), and its JSON format, read 2026-11-27.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storefront.core.clock import DAY_MS, MINUTE_MS, parse_iso
from storefront.core.commit.usage import Part, Reading
from storefront.core.config.model_usage import Meter
from storefront.core.customers import LONGEST_EXTERNAL_ID
from storefront.core.usage.meters import BadValue, hash_of, parts_of

MOST_EVENTS = 1_000
LONGEST_ATTRIBUTE = 256
_ATTRIBUTES = ("id", "source", "type", "subject")
AHEAD_MS = 5 * MINUTE_MS
"""How far a sender's clock may be ahead of ours."""


class Rejected(NamedTuple):
    """An event that does not count: its place in the request, a code and a sentence."""

    place: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a request holds: readings by customer (the game's own id), and what cannot count. Ids may repeat."""

    by_customer: Mapping[str, Sequence[Reading]]
    rejected: Sequence[Rejected]


class _Wrong(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_events(
    documents: Sequence[Any], meters: Mapping[str, Sequence[tuple[str, Meter]]], *, now: int, late_days: int
) -> Read:
    """Check each event of a request and turn it into what it says to the meters (by event type).

    ``meters`` is event type → (key, meter). An event's time must lie within ``late_days`` before ``now`` (business ms)
    and a few minutes after it.
    """
    by_customer: dict[str, list[Reading]] = {}
    rejected: list[Rejected] = []
    earliest, latest = now - late_days * DAY_MS, now + AHEAD_MS
    for index, document in enumerate(documents):
        try:
            subject, id_hash, parts = _read(document, meters, now, earliest=earliest, latest=latest)
        except _Wrong as wrong:
            rejected.append(Rejected(index, wrong.reason, wrong.detail))
            continue
        by_customer.setdefault(subject, []).append(Reading(index, id_hash, parts))
    return Read(by_customer, rejected)


def _read(
    document: Any, meters: Mapping[str, Sequence[tuple[str, Meter]]], now: int, *, earliest: int, latest: int
) -> tuple[str, str, tuple[Part, ...]]:
    if type(document) is not dict:
        raise _Wrong("invalid", "an event is a JSON object")
    if document.get("specversion") != "1.0":
        raise _Wrong("invalid", 'specversion must be "1.0"')
    told: list[Any] = [document.get(name) for name in _ATTRIBUTES]
    for value in told:
        if type(value) is not str or not 0 < len(value) <= LONGEST_ATTRIBUTE:
            name = _ATTRIBUTES[told.index(value)]
            raise _Wrong("invalid", f"{name} must be a text of 1 to {LONGEST_ATTRIBUTE} characters")
    event_id, source, event_type, subject = told
    if len(subject) > LONGEST_EXTERNAL_ID or not subject.isprintable() or not subject.strip():
        raise _Wrong("invalid", "subject is the customer's id: 1 to 200 printable characters")
    listening = meters.get(event_type)
    if listening is None:
        raise _Wrong("unknown_type", "no meter of this shop counts events of this type")
    at = _time(document.get("time"), now, earliest=earliest, latest=latest)
    data = document.get("data")
    if data is None:
        data = {}
    elif type(data) is not dict:
        raise _Wrong("invalid", "data must be a JSON object")
    try:
        parts = parts_of(listening, data, at)
    except BadValue as bad:
        raise _Wrong("invalid", str(bad)) from None
    return subject, hash_of(f"{source}\0{event_id}"), parts


def _time(told: Any, now: int, *, earliest: int, latest: int) -> int:
    if told is None:
        return now
    try:
        at = parse_iso(told) if type(told) is str else -1
    except (ValueError, OverflowError):
        at = -1
    if at < 0:
        raise _Wrong("invalid", "time must be an RFC 3339 time with its zone")
    if at > latest:
        raise _Wrong("in_the_future", "time lies in the future: set the sender's clock right")
    if at < earliest:
        raise _Wrong("too_old", "time lies so far back that nobody could tell whether this has counted before")
    return at
