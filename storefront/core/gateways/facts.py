"""What a gateway says when it is asked. Facts are whole: what is not said is not there (yet).

Amounts are in our own smallest units; each gateway converts at its own edge. Times are ms, UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from storefront.core.money import Money


class PaymentState(StrEnum):
    """Where a payment stands at the gateway."""

    AWAITING = "awaiting"
    PROCESSING = "processing"  # the payer has done all; a delayed method brings the money, or not
    AUTHORIZED = "authorized"
    RECEIVED = "received"
    VOIDED = "voided"  # nobody can pay it any more
    FAILED = "failed"  # a definite no: declined, or a delayed method that brought nothing


class RefundState(StrEnum):
    """Where a refund stands: ``pending`` may still fail, ``failed`` may follow ``succeeded``."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeState(StrEnum):
    """Where a dispute stands. An inquiry (``warning``) takes no money; ``prevented`` never became one."""

    WARNING = "warning"
    WARNING_CLOSED = "warning_closed"
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


class PayoutState(StrEnum):
    PENDING = "pending"
    PAID = "paid"  # a later ``failed`` is possible
    FAILED = "failed"
    CANCELED = "canceled"


class BalanceKind(StrEnum):
    """Why the gateway's balance moved."""

    PAYMENT = "payment"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    TRANSFER = "transfer"
    TRANSFER_REVERSAL = "transfer_reversal"
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"
    FEE = "fee"
    OTHER = "other"


class Subject(StrEnum):
    """What a webhook is about, and so what to look up."""

    PAYMENT = "payment"
    SETUP = "setup"
    REFUND = "refund"
    DISPUTE = "dispute"
    WARNING = "warning"
    PAYOUT = "payout"
    TRANSFER = "transfer"
    ACCOUNT = "account"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Checkout:
    """An open checkout: the gateway's reference and where to send the payer."""

    reference: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method that may be charged later; ``fingerprint`` is equal for equal cards."""

    reference: str
    kind: str
    brand: str | None = None
    last4: str | None = None
    expires: str | None = None
    fingerprint: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class TaxPart:
    """Tax inside a payment's amount, owed to one jurisdiction (``DE``, ``US-CA``)."""

    jurisdiction: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What the gateway says of a payment when asked.

    ``reference`` is the checkout's or the charge's, ``purchase_id`` our reference as the server wrote it,
    ``payment`` the gateway's id of the money. ``amount`` is what is asked for, or once received what was
    received. ``card`` says of the card (some of it also of a bank account), where it exists: ``brand``, ``last4``,
    ``country``, ``funding``, ``fingerprint``, ``checks`` (``cvc_check``, ``address_line1_check``,
    ``address_postal_code_check``: pass, fail, unavailable), ``three_d_secure`` (``authenticated``,
    ``attempt_acknowledged``, ``failed``, …; None without it), Radar's ``risk_level`` and ``risk_score``, ``outcome``
    and ``outcome_reason``. ``method`` what the payer allowed us to keep. ``authorized_until`` is when the bank lets go
    what is authorised. ``refunded`` and ``is_disputed`` say whether ``reversals``
    has something to tell. ``failure`` says why, if ``state`` is failed.
    """

    reference: str
    state: PaymentState
    amount: Money
    is_live: bool
    purchase_id: str | None
    payment: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    payer: str | None = None
    method: SavedMethod | None = None
    is_delayed: bool = False
    authorized_until: int | None = None
    refunded: int = 0
    is_disputed: bool = False
    taxes: tuple[TaxPart, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """How the saving of a method ended; ``method`` is set once it is saved."""

    reference: str
    state: PaymentState
    is_live: bool
    setup_id: str | None
    payer: str | None
    method: SavedMethod | None = None


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """A refund at the gateway; ``reversal_id`` is our reference, None for one made there by hand."""

    reference: str
    payment: str
    state: RefundState
    amount: Money
    is_live: bool
    reversal_id: str | None = None
    failure: str | None = None
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """The payer's bank asks for money back. ``is_withdrawn``: it has been taken from our balance.

    ``evidence`` is what is staged or submitted at the gateway: its own names of the fields, and their texts.
    """

    reference: str
    payment: str
    state: DisputeState
    amount: Money
    is_live: bool
    reason: str
    is_withdrawn: bool = False
    evidence_due_by: int | None = None
    created_at: int = 0
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WarningFacts:
    """An early fraud warning: the payer told their bank; refund before it becomes a dispute."""

    reference: str
    payment: str
    kind: str
    is_actionable: bool
    is_live: bool
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class PaymentReversals:
    """All that took, or may take, money of one payment back, oldest first."""

    refunds: tuple[RefundFacts, ...] = ()
    disputes: tuple[DisputeFacts, ...] = ()
    warnings: tuple[WarningFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """A creator's account at the gateway: whether money may be sent there, and what is still asked of them."""

    reference: str
    creator_id: str | None
    may_receive: bool
    may_pay_out: bool
    missing: tuple[str, ...] = ()
    country: str | None = None
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class TransferFacts:
    reference: str
    account: str
    amount: Money
    reversed_minor: int
    is_live: bool
    transfer_id: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutFacts:
    reference: str
    state: PayoutState
    amount: Money
    is_live: bool
    payout_id: str | None = None
    failure: str | None = None
    arrives_at: int | None = None


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """One movement of the gateway's balance, in the **settlement** currency.

    ``amount_minor`` (signed) less ``fee_minor`` is what the balance moved by. ``presented`` is the same in the
    currency that was charged; ``exchange_rate`` a decimal as text, settlement units for one presented.
    ``source`` is the gateway's id of the refund, dispute, payout … behind it, ``payment`` of the payment.
    """

    id: str
    kind: BalanceKind
    type: str
    amount_minor: int
    fee_minor: int
    currency: str
    created_at: int
    source: str | None = None
    payment: str | None = None
    presented: Money | None = None
    exchange_rate: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """Where a gateway posts its events; ``version`` is that of its API they are written in, None for its own choice."""

    url: str
    is_enabled: bool
    version: str | None


@dataclass(frozen=True, slots=True)
class StandingFacts:
    """How a gateway sees us: the mode of our keys, the API version of its answer and the one we ask for, and where it
    posts events (None: our key may not know)."""

    is_live: bool
    version: str
    wanted_version: str
    endpoints: tuple[EndpointFacts, ...] | None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A verified webhook: a hint to look something up, never a fact by itself.

    ``reference`` names what it is about, in the words of ``subject`` (a payment's is its checkout);
    ``payment`` the gateway's id of the money, ``purchase_id`` our own reference, where the event has them.
    ``setup_id`` is our reference of the saving of a method. ``is_decline``: a payer's bank said no to one attempt, to
    pay or to save what pays later. ``note`` says what is odd about it (written in another
    version of the gateway's API), for the operator.
    """

    id: str
    type: str
    account: str
    is_live: bool
    reference: str | None
    purchase_id: str | None
    subject: Subject = Subject.OTHER
    payment: str | None = None
    is_decline: bool = False
    note: str | None = None
    setup_id: str | None = None
