"""What a gateway can do: one protocol per capability. The core looks for those that are there.

Calls that change something at the gateway are idempotent by the id of ours that their request carries: the
same request, however often it is made, has one effect and one answer. All may raise ``GatewayFailed``.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from storefront.core.gateways.facts import (
    AccountFacts,
    BalanceTransaction,
    Checkout,
    DisputeFacts,
    GatewayEvent,
    PaymentFacts,
    PaymentReversals,
    PayoutFacts,
    RefundFacts,
    SavedMethod,
    SetupFacts,
    StandingFacts,
    TransferFacts,
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
from storefront.core.money import Money


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
        """Ask where a checkout (or an off-session charge) stands; ``NotFound`` if the gateway never heard of it."""
        ...

    async def close_checkout(self, reference: str) -> PaymentFacts:
        """Make sure that nobody can pay this any more, and say how it ended: it may be paid."""
        ...


@runtime_checkable
class SavesMethods(Protocol):
    """A gateway that keeps payment methods for later."""

    async def make_payer(self, customer_id: str) -> str:
        """Return the gateway's id of this customer, made once."""
        ...

    async def open_setup(self, request: SetupRequest) -> Checkout: ...

    async def look_up_setup(self, reference: str) -> SetupFacts:
        """Ask how a setup stands, by the reference of its page or the one that an event about it carries."""
        ...

    async def saved_methods(self, payer: str) -> Sequence[SavedMethod]: ...

    async def forget_method(self, method: str) -> None:
        """Detach a method; one that is gone already is fine."""
        ...


@runtime_checkable
class ForgetsPayers(Protocol):
    """A gateway that can forget a customer altogether."""

    async def forget_payer(self, payer: str) -> None:
        """Delete the gateway's customer with all methods that are kept for it; one that is gone already is fine."""
        ...


@runtime_checkable
class OffSession(Protocol):
    """A gateway that charges a saved method while the payer is away."""

    async def charge(self, request: ChargeRequest) -> PaymentFacts:
        """Charge now.

        Raises:
            Declined: a definite no; its ``reference`` can be looked up.
            ActionRequired: the payer must confirm the same charge (``reference``) by ``confirm``.
        """
        ...

    async def confirm(self, reference: str, *, method: str | None, return_url: str) -> PaymentFacts:
        """Confirm a charge with the payer present; raises ``ActionRequired`` with the address of the bank's page."""
        ...


@runtime_checkable
class Captures(Protocol):
    """A gateway that can authorise first and take the money later."""

    async def capture(self, payment: str, amount: Money) -> PaymentFacts:
        """Take what was authorised, or a part (the rest is given back at once). Again: no second effect."""
        ...

    async def void(self, payment: str) -> PaymentFacts:
        """Give an authorisation back; one that is captured stays so, as the facts say."""
        ...


@runtime_checkable
class Refunds(Protocol):
    """A gateway that gives money back, and says who else took it back."""

    async def find_checkout(self, payment: str) -> str | None:
        """Return the reference that ``look_up`` takes for a payment of the gateway's, None if there is none."""
        ...

    async def refund(self, request: RefundRequest) -> RefundFacts: ...

    async def look_up_refund(self, reference: str) -> RefundFacts: ...

    async def reversals(self, payment: str) -> PaymentReversals:
        """Return every refund, dispute and warning of a payment, also those made at the gateway by hand."""
        ...


@runtime_checkable
class RefundsInSteps(Protocol):
    """A gateway that cannot give back every amount of every currency."""

    def refund_step(self, currency: str) -> int:
        """Return what a refund must be a whole multiple of, in minor units; 1 where any amount can be given back."""
        ...


@runtime_checkable
class Disputes(Protocol):
    async def look_up_dispute(self, reference: str) -> DisputeFacts: ...

    async def answer_dispute(self, request: EvidenceRequest) -> DisputeFacts: ...

    async def accept_dispute(self, reference: str) -> DisputeFacts:
        """Give a dispute up: it is lost."""
        ...


@runtime_checkable
class CreatorAccounts(Protocol):
    """A gateway that holds accounts of creators and moves money there."""

    async def onboard(self, request: OnboardingRequest) -> Checkout:
        """Return the creator's account (``reference``) and a page on which they tell the gateway who they are."""
        ...

    async def look_up_account(self, reference: str) -> AccountFacts: ...

    async def transfer(self, request: TransferRequest) -> TransferFacts: ...

    async def find_transfer(self, request: TransferRequest) -> TransferFacts | None:
        """Return what ``transfer`` has made of the same request; None: it has made nothing."""
        ...

    async def reverse_transfer(self, reversal_id: str, transfer: str, amount: Money) -> TransferFacts: ...

    async def look_up_transfer(self, reference: str) -> TransferFacts: ...


@runtime_checkable
class Payouts(Protocol):
    def can_pay_out(self, amount: Money) -> str | None:
        """Return None, or why this amount cannot be sent to a bank (some currencies go out in whole units only)."""
        ...

    async def pay_out(self, request: PayoutRequest) -> PayoutFacts: ...

    async def look_up_payout(self, reference: str, *, account: str | None = None) -> PayoutFacts: ...


@runtime_checkable
class BalanceBook(Protocol):
    """A gateway that shows its own books."""

    async def balance_page(self, *, after: str | None, since: int | None, at_most: int) -> Sequence[BalanceTransaction]:
        """Return the movements that follow ``after`` (an id), or those from ``since`` (ms) on, oldest first.

        Fewer than ``at_most`` means that there are no more now.
        """
        ...

    async def balances(self) -> Mapping[str, int]:
        """Return ``currency -> minor units`` (signed) of all that the gateway holds for us, pending included."""
        ...


@runtime_checkable
class EventLog(Protocol):
    """A gateway that can be asked what it told, for what never arrived."""

    async def events_page(
        self, *, after: str | None, since: int | None, at_most: int
    ) -> Sequence[tuple[GatewayEvent, bytes]]:
        """Return the events that follow ``after`` (an id), or those from ``since`` (ms) on, oldest first, as read and
        as written; fewer than ``at_most`` means that there are no more now. ``NotFound``: ``after`` is too old."""
        ...


@runtime_checkable
class UsageMeters(Protocol):
    """A gateway that bills usage."""

    async def report_usage(self, records: Sequence[UsageRecord]) -> None:
        """Report usage; the same identifier counts once. Raises for the first record that is refused."""
        ...


@runtime_checkable
class TellsStanding(Protocol):
    """A gateway that can be asked whether our keys are good, before anybody pays: ``storefront check --online``."""

    async def look_at_standing(self) -> StandingFacts:
        """Ask how we stand there; ``GatewayRefused``: it does not take our keys."""
        ...


@runtime_checkable
class Webhooks(Protocol):
    """A gateway that calls us."""

    def read_event(self, raw: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Check the signature over the raw bytes and read the event; raises ``BadSignature``."""
        ...


@runtime_checkable
class RereadsEvents(Protocol):
    """A gateway whose webhooks can be read again as they were stored, to process them once more."""

    def reread_event(self, raw: bytes) -> GatewayEvent:
        """Read an event whose signature was checked when it came in."""
        ...
