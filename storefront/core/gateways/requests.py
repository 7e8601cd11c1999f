"""What the shop asks of a gateway. Every request carries an id of ours: the root of its idempotency key."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storefront.core.money import Money


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A hosted checkout to open. ``purchase_id`` is our reference and the root of the idempotency key;
    ``expires_at`` is business time in ms; the URLs bring the payer back.

    ``payer`` is the gateway's id of the customer, if they have one there; ``saves_method`` keeps what they
    pay with for later charges; ``is_captured`` False only authorises, where the method they choose can do that;
    ``asks_challenge`` wants 3-D Secure;
    ``taxes`` lets the gateway work out how much of the amount is tax.
    """

    purchase_id: str
    customer_id: str
    amount: Money
    title: str
    quantity: int
    description: str | None
    success_url: str
    cancel_url: str
    expires_at: int
    payer: str | None = None
    saves_method: bool = False
    is_captured: bool = True
    asks_challenge: bool = False
    taxes: bool = False


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """A hosted page on which a payer saves a payment method without paying. ``setup_id`` is our reference."""

    setup_id: str
    customer_id: str
    payer: str
    currency: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A charge without the payer: ``attempt`` counts from 1 and goes up only after a definite decline."""

    purchase_id: str
    customer_id: str
    amount: Money
    payer: str
    method: str
    title: str
    attempt: int = 1
    is_captured: bool = True


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money to give back. ``reversal_id`` is our reference and the root of the idempotency key;
    ``payment`` the gateway's id of the money; ``cause`` requested, duplicate or fraudulent."""

    reversal_id: str
    purchase_id: str
    payment: str
    amount: Money
    cause: str = "requested"


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """What we answer to a dispute; without ``submits`` it is only staged."""

    dispute: str
    texts: Mapping[str, str] = field(default_factory=dict)
    submits: bool = False


@dataclass(frozen=True, slots=True)
class OnboardingRequest:
    """A creator who shall be paid out: our id, their country, and where the gateway sends them back to.

    ``account`` names the one they have there already; None makes one.
    """

    creator_id: str
    country: str
    return_url: str
    refresh_url: str
    email: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Money to move from our balance to a creator's account; ``payment`` names what it came from."""

    transfer_id: str
    account: str
    amount: Money
    payment: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """Money to send to a bank: of our own balance, or of the creator's ``account``."""

    payout_id: str
    amount: Money
    account: str | None = None


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """Usage to bill at the gateway; the same ``identifier`` counts once. ``at`` is in ms."""

    identifier: str
    meter: str
    payer: str
    value: int
    at: int
