"""What the simulated year is made of. Labels stand apart: whoever judges is never handed them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

START = 1_767_225_600_000
"""2026-01-01, ms."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
YEAR = 364 * DAY
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Card:
    fingerprint: str
    country: str
    funding: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One purchase as it is asked for. What follows it (``is_declined``, ``refunded_at``) is told when it happens."""

    id: int
    at: int
    customer: str
    customer_since: int
    kind: str
    sku: str
    amount: int
    gateway: str
    address: str | None = None
    ip_country: str | None = None
    device: str | None = None
    recipient: str | None = None
    recipient_since: int | None = None
    card: Card | None = None
    is_declined: bool = False
    refunded_at: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What was reported for one hour of a metered customer, and what the server itself counted beside it."""

    at: int
    customer: str
    quantity: int
    beside: int


@dataclass(frozen=True, slots=True)
class Year:
    """What is seen: attempts and usage, each in order of time."""

    attempts: Sequence[Attempt]
    usage: Sequence[Usage]


@dataclass(frozen=True, slots=True)
class Label:
    """What is true: the pattern, and which of its attacks."""

    pattern: str
    attack: int


Labels = Mapping[int, Label]
"""Attempt's id -> its label; who has none is honest."""
