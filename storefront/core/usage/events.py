"""Usage events as they come: CloudEvents 1.0 in JSON, checked one by one, so that a bad one spoils no other.

Source: CloudEvents 1.0.2, section 3 (context attributes), and its JSON format, read 2026-11-27.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS, parse_iso
from storefront.core.commit.reads import usage_id_key
from storefront.core.commit.usage import Part, Reading
from storefront.core.config.model_usage import Meter
from storefront.core.customers import LONGEST_EXTERNAL_ID
from storefront.core.usage.meters import BadValue, hash_of, only_count, parts_of

MOST_EVENTS = 1_000
LONGEST_ATTRIBUTE = 256
_ATTRIBUTES = ("id", "source", "type", "subject")
AHEAD_MS = 5 * MINUTE_MS
"""How far a sender's clock may be ahead of ours."""


_Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_ATTRIBUTE)]


class CloudEvent(Struct, gc=False):
    """A usage event whose attributes have the types and lengths that they must have; their meaning is not looked at.

    ``time`` and ``data`` may still be anything that JSON is, if they were not decoded by this type.
    """

    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    subject: _Text
    time: str | UnsetType | None = UNSET
    data: dict[str, Any] | UnsetType | None = UNSET
    datacontenttype: str | UnsetType | None = UNSET
    dataschema: str | UnsetType | None = UNSET


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

    A document is JSON as it came, or a ``CloudEvent``. ``meters`` is event type → (key, meter). A time must lie
    within ``late_days`` before ``now`` (business ms) and a few minutes after it.
    """
    by_customer: dict[str, list[Reading]] = {}
    rejected: list[Rejected] = []
    reading = _Reading(meters, now, late_days)
    for index, document in enumerate(documents):
        try:
            event = document if type(document) is CloudEvent else _checked(document)
            known = by_customer.get(event.subject)
            if known is None:
                _check_subject(event.subject)
            parts = reading.parts(event)
        except _Wrong as wrong:
            rejected.append(Rejected(index, wrong.reason, wrong.detail))
            continue
        if known is None:
            known = by_customer[event.subject] = []
        known.append(Reading(index, usage_id_key(hash_of(f"{event.source}\0{event.id}")), parts))
    return Read(by_customer, rejected)


def _checked(document: Any) -> CloudEvent:
    """Return a document as the event that it is, without a look at what it means."""
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
    return CloudEvent("1.0", event_id, source, event_type, subject, document.get("time"), document.get("data"))


def _check_subject(subject: str) -> None:
    if len(subject) > LONGEST_EXTERNAL_ID or not subject.isprintable() or not subject.strip():
        raise _Wrong("invalid", "subject is the customer's id: 1 to 200 printable characters")


class _Reading:
    """What the events of one request say to the meters; what many of them share is worked out once."""

    def __init__(self, meters: Mapping[str, Sequence[tuple[str, Meter]]], now: int, late_days: int) -> None:
        self._meters = meters
        self._now = now
        self._earliest, self._latest = now - late_days * DAY_MS, now + AHEAD_MS
        self._shared: dict[tuple[str, int], tuple[Part, ...]] = {}

    def parts(self, event: CloudEvent) -> tuple[Part, ...]:
        listening = self._meters.get(event.type)
        if listening is None:
            raise _Wrong("unknown_type", "no meter of this shop counts events of this type")
        at = _time(event.time, self._now, earliest=self._earliest, latest=self._latest)
        data = {} if event.data is None or event.data is UNSET else event.data
        if type(data) is not dict:
            raise _Wrong("invalid", "data must be a JSON object")
        hour = event.type, at - at % HOUR_MS
        shared = self._shared.get(hour)
        if shared is not None:
            return shared
        try:
            parts = parts_of(listening, data, at)
        except BadValue as bad:
            raise _Wrong("invalid", str(bad)) from None
        if only_count(listening):
            self._shared[hour] = parts
        return parts


def _time(told: Any, now: int, *, earliest: int, latest: int) -> int:
    if told is None or told is UNSET:
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
