"""What a tester orders to happen to a payment: disputes, warnings, reviews, and how refunds and debits end."""

from __future__ import annotations

from typing import Literal

import msgspec

from storefront.sandbox import attempts, disputes, fraud_warnings, refunds, reviews
from storefront.sandbox.bank_accounts import REFUSED
from storefront.sandbox.cards import Decline, find_card
from storefront.sandbox.dispute_objects import REASONS
from storefront.sandbox.due import unschedule
from storefront.sandbox.errors import invalid
from storefront.sandbox.params import missing
from storefront.sandbox.payment_methods import account_of, years_ahead
from storefront.sandbox.payments import Plastic, pay_late
from storefront.sandbox.store import Body
from storefront.sandbox.world import World


class Dispute(msgspec.Struct, forbid_unknown_fields=True):
    """A new dispute of a payment, or (with ``dispute``) the next status of one."""

    charge: str | None = None
    payment_intent: str | None = None
    dispute: str | None = None
    status: str = "needs_response"
    reason: str = "fraudulent"
    amount: int | None = None

    def apply(self, world: World) -> Body:
        """Open it or move it; answers the dispute."""
        _one_of("status", self.status, disputes.STATUSES)
        if self.dispute is not None:
            return disputes.move(world, world.get("dispute", self.dispute, param="dispute"), self.status)
        _one_of("reason", self.reason, REASONS)
        charge = _charge(world, self.charge, self.payment_intent)
        return disputes.open_dispute(world, charge, reason=self.reason, status=self.status, amount=self.amount)


class EarlyFraudWarning(msgspec.Struct, forbid_unknown_fields=True):
    """A warning of a payment."""

    charge: str | None = None
    payment_intent: str | None = None
    fraud_type: str = "made_with_stolen_card"

    def apply(self, world: World) -> Body:
        """Answers the warning."""
        _one_of("fraud_type", self.fraud_type, fraud_warnings.FRAUD_TYPES)
        charge = _charge(world, self.charge, self.payment_intent)
        return fraud_warnings.warn(world, charge, fraud_type=self.fraud_type)


class Review(msgspec.Struct, forbid_unknown_fields=True):
    """A payment set aside, or (with ``review``) the end of that."""

    charge: str | None = None
    payment_intent: str | None = None
    reason: Literal["rule", "manual"] = "rule"
    review: str | None = None
    closed_reason: Literal["approved", "refunded", "refunded_as_fraud", "disputed", "redacted"] = "approved"

    def apply(self, world: World) -> Body:
        """Answers the review."""
        if self.review is not None:
            return reviews.close(world, world.get("review", self.review, param="review"), self.closed_reason)
        return reviews.open_review(world, _charge(world, self.charge, self.payment_intent), reason=self.reason)


class RefundEnd(msgspec.Struct, forbid_unknown_fields=True):
    """How a refund goes on, now."""

    refund: str
    status: Literal["succeeded", "failed", "pending", "requires_action"]
    failure_reason: str = "expired_or_canceled_card"

    def apply(self, world: World) -> Body:
        """Answers the refund."""
        _one_of("failure_reason", self.failure_reason, refunds.FAILURE_REASONS)
        refund = world.get("refund", self.refund, param="refund")
        unschedule(world, "refund_ends", refund["id"])
        return refunds.end(world, refund, self.status, reason=self.failure_reason)


class DebitEnd(msgspec.Struct, forbid_unknown_fields=True):
    """How a debit under way ends, now; without ``status`` as its account has it."""

    charge: str | None = None
    payment_intent: str | None = None
    status: Literal["succeeded", "failed"] | None = None

    def apply(self, world: World) -> Body:
        """Answers the charge."""
        charge = _charge(world, self.charge, self.payment_intent)
        if charge["status"] != "pending":
            raise invalid(f"Charge {charge['id']} is not under way: it has {charge['status']}.", param="charge")
        unschedule(world, "debit_arrives", charge["id"])
        attempts.finish_debit(world, charge["id"], decline=self._decline(world, charge))
        return world.get("charge", charge["id"])

    def _decline(self, world: World, charge: Body) -> Decline | None:
        if self.status == "succeeded":
            return None
        method = world.get("payment_method", charge["payment_method"])
        own = account_of(world, method).decline
        return own or (REFUSED if self.status == "failed" else None)


class LatePayment(msgspec.Struct, forbid_unknown_fields=True):
    """An expired session that is paid all the same."""

    session: str
    card_number: str = "4242424242424242"

    def apply(self, world: World) -> Body:
        """Answers the session."""
        card = find_card(self.card_number)
        if card is None:
            raise invalid("card_number must be one of Stripe's test cards", param="card_number")
        pay_late(world, self.session, Plastic(card, years_ahead(world)))
        return world.get("checkout.session", self.session)


class CardTurn(msgspec.Struct, forbid_unknown_fields=True):
    """What a saved card's bank does from now on: as it does with one of the test cards (lost, stolen, expired …)."""

    payment_method: str
    card_number: str

    def apply(self, world: World) -> Body:
        """Answers the method, which looks as before."""
        if self.payment_method.startswith("pmt_"):  # a shop makes these ids; nobody tells a gateway of them
            whose = "payment_method must be the gateway's own id (pm_…): `storefront customers show` tells both"
            raise invalid(whose, param="payment_method")
        method = world.get("payment_method", self.payment_method, param="payment_method")
        if method["type"] != "card" or find_card(self.card_number) is None:
            raise invalid("card_number must be one of Stripe's test cards, payment_method a card", param="card_number")
        hidden = {**world.records.hidden(method["id"]), "number": self.card_number}
        world.records.save(method, hidden=hidden)
        return method


Fate = Dispute | EarlyFraudWarning | Review | RefundEnd | DebitEnd | LatePayment | CardTurn


def _charge(world: World, charge: str | None, intent: str | None) -> Body:
    if charge is not None:
        return world.get("charge", charge, param="charge")
    if intent is None:
        raise missing("charge")
    found = world.get("payment_intent", intent, param="payment_intent")
    if found["latest_charge"] is None:
        raise invalid(f"PaymentIntent {intent} has no charge.", param="payment_intent")
    return world.get("charge", found["latest_charge"])


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise invalid(f"{name} must be one of {', '.join(choices)}", param=name)
