"""What a payment gateway is to the shop: small protocols, one per capability, and four ways to fail.

    GatewayFailed
    ├── Declined            the payer's side said no: ``kind`` soft (try again) or hard
    ├── ActionRequired      the payer must confirm at ``url``
    ├── GatewayUnavailable  nothing happened; the same call may be made again under the same key
    ├── OutcomeUnknown      it may have happened; ask later, or call again under the same key
    └── GatewayRefused      our request is wrong (a configuration or programming error); nothing happened

A gateway gets its section of the configuration, never reads the environment, and is built by the app.
Its exceptions are translated in its own file. Nothing here is called inside a database transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from storefront.core.errors import StorefrontError, Unauthorized
from storefront.core.money import Money


class GatewayFailed(StorefrontError):
    code = "gateway_failed"
    title = "The payment gateway could not do this"


class Declined(GatewayFailed):
    code = "payment_declined"
    title = "The payment was declined"

    def __init__(self, detail: str = "", *, kind: str, reason: str) -> None:
        super().__init__(detail, reason=reason)
        self.kind = kind


class ActionRequired(GatewayFailed):
    code = "action_required"
    title = "The payer must confirm this payment"

    def __init__(self, url: str) -> None:
        super().__init__(url=url)
        self.url = url


class GatewayUnavailable(GatewayFailed):
    code = "gateway_unavailable"
    title = "The payment gateway does not answer"
    retry_after_seconds: ClassVar[int] = 2


class OutcomeUnknown(GatewayFailed):
    code = "gateway_unavailable"
    title = "The payment gateway did not say what happened"
    retry_after_seconds: ClassVar[int] = 2


class GatewayRefused(GatewayFailed):
    code = "gateway_refused"
    title = "The payment gateway refused our request"


class BadSignature(Unauthorized):
    code = "bad_signature"
    title = "The webhook's signature is missing, wrong or too old"


class PaymentState(StrEnum):
    """Where a payment stands at the gateway."""

    AWAITING = "awaiting"
    AUTHORIZED = "authorized"
    RECEIVED = "received"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A hosted checkout to open. ``purchase_id`` is our reference and the root of the idempotency key;
    ``expires_at`` is business time in ms; the URLs bring the payer back."""

    purchase_id: str
    customer_id: str
    amount: Money
    title: str
    quantity: int
    description: str | None
    success_url: str
    cancel_url: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """An open checkout: the gateway's reference and where to send the payer."""

    reference: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What the gateway says of a payment when asked.

    ``purchase_id`` is our reference as the server wrote it; ``payment`` the gateway's id of the money;
    ``card`` holds fingerprint, country, brand, last4 and checks where they exist.
    """

    reference: str
    state: PaymentState
    amount: Money
    is_live: bool
    purchase_id: str | None
    payment: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A verified webhook: a hint to look something up, never a fact by itself.

    ``reference`` names the checkout it is about, ``purchase_id`` our own reference, where it has one.
    """

    id: str
    type: str
    account: str
    is_live: bool
    reference: str | None
    purchase_id: str | None


class Gateway(Protocol):
    """What every gateway has; capabilities are the protocols below that it also satisfies."""

    @property
    def name(self) -> str: ...

    def can_charge(self, amount: Money) -> str | None:
        """Return None, or why this amount cannot be charged (too small, not divisible)."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Checkouts(Protocol):
    """A gateway with a hosted payment page."""

    async def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a checkout; the same request gives the same checkout, however often it is made."""
        ...

    async def look_up(self, reference: str) -> PaymentFacts:
        """Ask where a checkout stands; raises ``NotFound`` if the gateway never heard of it."""
        ...

    async def close_checkout(self, reference: str) -> PaymentFacts:
        """Make sure that nobody can pay this checkout any more, and say how it ended: it may be paid."""
        ...


@runtime_checkable
class Webhooks(Protocol):
    """A gateway that calls us."""

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Check the signature over the raw bytes and read the event; raises ``BadSignature``."""
        ...
