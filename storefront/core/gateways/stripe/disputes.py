"""Disputes: the payer's bank asks for money back, and what we say to it."""

from typing import Any, Literal

import msgspec

from storefront.core.gateways import DisputeFacts, DisputeState, EvidenceRequest
from storefront.core.gateways.stripe.amounts import from_stripe
from storefront.core.gateways.stripe.client import StripeAccount, key_of_this_call, options

DISPUTES = "disputes"

_STATES = {
    "warning_needs_response": DisputeState.WARNING,
    "warning_under_review": DisputeState.WARNING,
    "warning_closed": DisputeState.WARNING_CLOSED,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "appeal_under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    "prevented": DisputeState.PREVENTED,
}


class _Movement(msgspec.Struct):
    amount: int


class _EvidenceDetails(msgspec.Struct):
    due_by: int | None = None


class Dispute(msgspec.Struct, tag_field="object", tag="dispute"):
    id: str
    amount: int
    charge: str
    created: int
    currency: str
    livemode: bool
    reason: str
    status: Literal[
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
        "needs_response",
        "under_review",
        "appeal_needs_response",
        "appeal_under_review",
        "won",
        "lost",
        "prevented",
    ]
    balance_transactions: list[_Movement] = []
    evidence: dict[str, Any] = {}
    evidence_details: _EvidenceDetails | None = None
    payment_intent: str | None = None

    def as_facts(self) -> DisputeFacts:
        details = self.evidence_details
        due_by = None if details is None else details.due_by
        return DisputeFacts(
            reference=self.id,
            payment=self.payment_intent or self.charge,
            state=_STATES[self.status],
            amount=from_stripe(self.amount, self.currency),
            is_live=self.livemode,
            reason=self.reason,
            # Taken and given back are movements of opposite sign; what is left says where the money is.
            is_withdrawn=sum(movement.amount for movement in self.balance_transactions) < 0,
            evidence_due_by=None if due_by is None else due_by * 1000,
            created_at=self.created * 1000,
            evidence={name: text for name, text in self.evidence.items() if isinstance(text, str) and text},
        )


class DisputeCalls(StripeAccount):
    """Looking up, answering and giving up disputes."""

    async def look_up_dispute(self, reference: str) -> DisputeFacts:
        dispute = await self._read(DISPUTES, Dispute, lambda client: client.v1.disputes.retrieve_async(reference))
        return dispute.as_facts()

    async def answer_dispute(self, request: EvidenceRequest) -> DisputeFacts:
        """Stage or submit evidence. Stripe submits unless it is told not to, so it is always told."""
        parameters: Any = {"evidence": dict(request.texts), "submit": request.submits}
        key = key_of_this_call("evidence", request.dispute)
        dispute = await self._write(
            DISPUTES,
            Dispute,
            lambda client: client.v1.disputes.update_async(request.dispute, parameters, options(key)),
        )
        return dispute.as_facts()

    async def accept_dispute(self, reference: str) -> DisputeFacts:
        """Give a dispute up; one that is decided already is looked up instead."""
        known = await self.look_up_dispute(reference)
        if known.state not in (DisputeState.OPEN, DisputeState.WARNING):
            return known
        dispute = await self._write(
            DISPUTES,
            Dispute,
            lambda client: client.v1.disputes.close_async(reference, {}, options(f"accept:{reference}")),
        )
        return dispute.as_facts()
