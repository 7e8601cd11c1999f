"""Refunds, and all else that takes money of a payment back: disputes and early fraud warnings."""

from typing import Any, Literal

import msgspec

from storefront.core.gateways import (
    PaymentReversals,
    RefundFacts,
    RefundRequest,
    RefundState,
    WarningFacts,
)
from storefront.core.gateways.stripe.amounts import from_stripe, refund_step, to_stripe
from storefront.core.gateways.stripe.client import StripeAccount, options
from storefront.core.gateways.stripe.disputes import DISPUTES, Dispute

REFUNDS = "refunds"
WARNINGS = "radar.early_fraud_warnings"

_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELED,
}
_REASONS = {"duplicate": "duplicate", "fraudulent": "fraudulent"}


class Refund(msgspec.Struct, tag_field="object", tag="refund"):
    id: str
    amount: int
    created: int
    currency: str
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    charge: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None
    payment_intent: str | None = None

    def as_facts(self, *, is_live: bool) -> RefundFacts:
        """Return the facts; a refund does not say of which mode it is, so the key does."""
        return RefundFacts(
            reference=self.id,
            payment=self.payment_intent or self.charge or "",
            state=_STATES[self.status],
            amount=from_stripe(self.amount, self.currency),
            is_live=is_live,
            reversal_id=(self.metadata or {}).get("reversal_id"),
            failure=self.failure_reason if self.status in ("failed", "canceled") else None,
            created_at=self.created * 1000,
        )


class FraudWarning(msgspec.Struct, tag_field="object", tag="radar.early_fraud_warning"):
    """An early fraud warning of a card network."""

    id: str
    actionable: bool
    charge: str
    created: int
    fraud_type: str
    livemode: bool
    payment_intent: str | None = None

    def as_facts(self) -> WarningFacts:
        return WarningFacts(
            reference=self.id,
            payment=self.payment_intent or self.charge,
            kind=self.fraud_type,
            is_actionable=self.actionable,
            is_live=self.livemode,
            created_at=self.created * 1000,
        )


class RefundCalls(StripeAccount):
    """Giving money back, and who else took it."""

    def refund_step(self, currency: str) -> int:
        return refund_step(currency)

    async def refund(self, request: RefundRequest) -> RefundFacts:
        """Give money back; a refund that Stripe knows already is not made again.

        Stripe forgets keys after a day, so it is asked first: a server may have been away for longer.
        """
        known = [
            refund
            for refund in await self._refunds(request.payment)
            if (refund.metadata or {}).get("reversal_id") == request.reversal_id
        ]
        if known:
            return known[0].as_facts(is_live=self._is_live)
        parameters: Any = {
            "payment_intent": request.payment,
            "amount": to_stripe(request.amount),
            "reason": _REASONS.get(request.cause, "requested_by_customer"),
            "metadata": {"reversal_id": request.reversal_id, "purchase_id": request.purchase_id},
        }
        refund = await self._write(
            REFUNDS,
            Refund,
            lambda client: client.v1.refunds.create_async(parameters, options(f"refund:{request.reversal_id}")),
        )
        return refund.as_facts(is_live=self._is_live)

    async def look_up_refund(self, reference: str) -> RefundFacts:
        refund = await self._read(REFUNDS, Refund, lambda client: client.v1.refunds.retrieve_async(reference))
        return refund.as_facts(is_live=self._is_live)

    async def reversals(self, payment: str) -> PaymentReversals:
        """Return every refund, dispute and warning of a payment intent, oldest first."""
        refunds = await self._refunds(payment)
        disputes = await self._read_all(
            DISPUTES,
            Dispute,
            lambda client, page: client.v1.disputes.list_async(page),
            {"payment_intent": payment},
        )
        warnings = await self._read_all(
            WARNINGS,
            FraudWarning,
            lambda client, page: client.v1.radar.early_fraud_warnings.list_async(page),
            {"payment_intent": payment},
        )
        return PaymentReversals(
            refunds=tuple(refund.as_facts(is_live=self._is_live) for refund in reversed(refunds)),
            disputes=tuple(dispute.as_facts() for dispute in reversed(disputes)),
            warnings=tuple(warning.as_facts() for warning in reversed(warnings)),
        )

    async def _refunds(self, payment: str) -> list[Refund]:
        return await self._read_all(
            REFUNDS,
            Refund,
            lambda client, page: client.v1.refunds.list_async(page),
            {"payment_intent": payment},
        )
