"""Judging a purchase: what a plugin is shown, and what it may say. The strictest verdict wins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from storefront.core.errors import Refused
from storefront.core.gateways import PaymentFacts
from storefront.core.quotes import Quote


class Verdict(IntEnum):
    """Ordered by strictness."""

    ALLOW = 0
    CHALLENGE = 1
    REVIEW = 2
    REFUSE = 3


@dataclass(frozen=True, slots=True)
class Assessment:
    """One plugin's verdict; the reasons are for operators, never for the buyer.

    ``asks_challenge`` wants 3-D Secure beside a verdict that is stricter than ``CHALLENGE``, which means it by itself.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    asks_challenge: bool = False


@dataclass(frozen=True, slots=True)
class PurchaseAttempt:
    """A purchase that is about to be made: who, what, from where; ``recipient_id`` for whom, if it is a gift.

    ``details`` and ``metadata`` are those that the purchase will have.
    """

    purchase_id: str
    customer_id: str
    caller: str
    quote: Quote | None
    address: str | None = None
    country: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    recipient_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """A payment for a purchase: authorised and not taken yet where the gateway can, or received (``facts.state``)."""

    purchase_id: str
    customer_id: str
    facts: PaymentFacts


class PurchaseRefused(Refused):
    """The buyer learns no more than this."""

    code = "purchase_refused"
    title = "This purchase cannot be made"


def strictest(assessments: Iterable[Assessment]) -> Assessment:
    """Return the strictest verdict with everybody's reasons for it; a challenge is asked if anybody asks for one."""
    kept = list(assessments)
    verdict = max((one.verdict for one in kept), default=Verdict.ALLOW)
    reasons = tuple(reason for one in kept if one.verdict is verdict for reason in one.reasons)
    asks_challenge = any(one.asks_challenge or one.verdict is Verdict.CHALLENGE for one in kept)
    return Assessment(verdict, reasons, asks_challenge)
