"""What a payment gateway is to the shop: small protocols, one per capability, and a few ways to fail.

    GatewayFailed
    ├── Declined            the payer's side said no: ``kind`` soft (try again) or hard
    ├── ActionRequired      the payer must confirm; ``url`` says where, if it is known yet
    ├── GatewayUnavailable  nothing happened; the same call may be made again under the same key
    ├── OutcomeUnknown      it may have happened; ask later, or call again under the same key
    └── GatewayRefused      our request is wrong (a configuration or programming error); nothing happened

A gateway gets its section of the configuration, never reads the environment, and is built by the app.
Its exceptions are translated in its own file. Nothing here is called inside a database transaction.

``requests`` holds what is asked of a gateway, ``facts`` what it says, ``capabilities`` the protocols.
"""

from storefront.core.gateways.capabilities import (
    BalanceBook,
    Captures,
    Checkouts,
    CreatorAccounts,
    Disputes,
    EventLog,
    Gateway,
    OffSession,
    Payouts,
    Refunds,
    RefundsInSteps,
    RereadsEvents,
    SavesMethods,
    TellsStanding,
    UsageMeters,
    Webhooks,
)
from storefront.core.gateways.facts import (
    AccountFacts,
    BalanceKind,
    BalanceTransaction,
    Checkout,
    DisputeFacts,
    DisputeState,
    EndpointFacts,
    GatewayEvent,
    PaymentFacts,
    PaymentReversals,
    PaymentState,
    PayoutFacts,
    PayoutState,
    RefundFacts,
    RefundState,
    SavedMethod,
    SetupFacts,
    StandingFacts,
    Subject,
    TaxPart,
    TransferFacts,
    WarningFacts,
)
from storefront.core.gateways.failures import (
    ActionRequired,
    BadSignature,
    Declined,
    GatewayFailed,
    GatewayRefused,
    GatewayUnavailable,
    OutcomeUnknown,
)
from storefront.core.gateways.requests import (
    ChargeRequest,
    CheckoutRequest,
    EvidenceRequest,
    OnboardingRequest,
    PayoutRequest,
    RefundRequest,
    SetupRequest,
    TransferRequest,
    UsageRecord,
)

__all__ = [
    "AccountFacts",
    "ActionRequired",
    "BadSignature",
    "BalanceBook",
    "BalanceKind",
    "BalanceTransaction",
    "Captures",
    "ChargeRequest",
    "Checkout",
    "CheckoutRequest",
    "Checkouts",
    "CreatorAccounts",
    "Declined",
    "DisputeFacts",
    "DisputeState",
    "Disputes",
    "EndpointFacts",
    "EventLog",
    "EvidenceRequest",
    "Gateway",
    "GatewayEvent",
    "GatewayFailed",
    "GatewayRefused",
    "GatewayUnavailable",
    "OffSession",
    "OnboardingRequest",
    "OutcomeUnknown",
    "PaymentFacts",
    "PaymentReversals",
    "PaymentState",
    "PayoutFacts",
    "PayoutRequest",
    "PayoutState",
    "Payouts",
    "RefundFacts",
    "RefundRequest",
    "RefundState",
    "Refunds",
    "RefundsInSteps",
    "RereadsEvents",
    "SavedMethod",
    "SavesMethods",
    "SetupFacts",
    "SetupRequest",
    "StandingFacts",
    "Subject",
    "TaxPart",
    "TellsStanding",
    "TransferFacts",
    "TransferRequest",
    "UsageMeters",
    "UsageRecord",
    "WarningFacts",
    "Webhooks",
]
