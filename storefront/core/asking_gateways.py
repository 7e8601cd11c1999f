"""Asking a gateway for refunds, and what it says of refunds and disputes, in our words."""

from collections.abc import Mapping

import structlog

from storefront.core.errors import NotFound
from storefront.core.gateways import (
    DisputeFacts,
    DisputeState,
    GatewayRefused,
    RefundFacts,
    RefundRequest,
    Refunds,
    RefundState,
)
from storefront.core.money import Money
from storefront.core.purchasing import read_payment
from storefront.core.reading import Row
from storefront.core.refunds import FRAUD_WARNING
from storefront.core.reversal_moves import Told
from storefront.core.services import Services

STATES: Mapping[RefundState, str] = {
    RefundState.PENDING: "pending",
    RefundState.SUCCEEDED: "completed",
    RefundState.FAILED: "failed",
    RefundState.CANCELED: "canceled",
}
DISPUTE_STATES: Mapping[DisputeState, str] = {
    DisputeState.WARNING: "warning",
    DisputeState.WARNING_CLOSED: "closed",
    DisputeState.PREVENTED: "closed",
    DisputeState.OPEN: "open",
    DisputeState.WON: "won",
    DisputeState.LOST: "lost",
}

log = structlog.get_logger("storefront.reversals")


async def make_refund(services: Services, row: Row) -> Told:
    """Ask the gateway for a refund, or how it stands; the same row always makes the same request.

    Raises:
        GatewayUnavailable, OutcomeUnknown: ask again later.
    """
    gateway = services.gateway(row["gateway"])
    assert isinstance(gateway, Refunds), "only gateways that give money back have refunds"
    if row["gateway_ref"] is not None:
        return told_of_refund(await gateway.look_up_refund(row["gateway_ref"]))
    payment = await read_payment(services, row["purchase_id"])
    assert payment is not None, "a refund at a gateway has a payment"
    assert payment["gateway_payment"] is not None, "what is refunded was received"
    request = RefundRequest(
        reversal_id=row["id"],
        purchase_id=row["purchase_id"],
        payment=payment["gateway_payment"],
        amount=Money(row["amount"], row["currency"]),
        cause="fraudulent" if row["cause"] == FRAUD_WARNING else "requested",
    )
    try:
        return told_of_refund(await gateway.refund(request))
    except (GatewayRefused, NotFound) as refused:
        log.error("refund_refused", reversal=row["id"], reason=refused.detail)
        return Told("failed", facts={"failure": refused.detail})


def told_of_refund(facts: RefundFacts) -> Told:
    """Return a gateway's refund in our words."""
    failure = {} if facts.failure is None else {"failure": facts.failure}
    return Told(STATES[facts.state], facts.reference, facts=failure)


def told_of_dispute(facts: DisputeFacts) -> Told:
    """Return a gateway's dispute in our words."""
    due = {} if facts.evidence_due_by is None else {"evidence_due_by": facts.evidence_due_by}
    return Told(DISPUTE_STATES[facts.state], facts.reference, facts.is_withdrawn, {"reason": facts.reason, **due})
