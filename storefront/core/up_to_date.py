"""Bringing a purchase to where its payment is, whatever tells us to look: a webhook, the gateway's books, a sweep.

Nothing here depends on what was told before, or in which order: the gateway is asked for all that concerns the
payment, and every difference to our rows is one commit. So any webhooks, or none, end in the same state.
"""

import asyncio

import structlog
from sqlalchemy import bindparam, select

from storefront.core.alarms import raise_alarm
from storefront.core.asking_gateways import make_refund, told_of_dispute, told_of_refund
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.gateways import DisputeFacts, PaymentReversals, RefundFacts, Refunds, WarningFacts
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.reading import Query, Row
from storefront.core.refunds import DISPUTE, FRAUD_WARNING, Strategy, is_effective, read_reversals
from storefront.core.reversal_moves import Told
from storefront.core.services import Services
from storefront.core.settlement import settle
from storefront.core.tables import claims
from storefront.core.taking_back import BY_GATEWAY_REF, REVERSAL, Beginning, advance, begin
from storefront.core.topping_up import distrust

WARNED = "fraud_warning:"
"""Begins the claim of a warning that was told of; the claim is about the purchase."""
_TOLD_OF = frozenset({"received", "authorized"})
_CLAIM = Query(select(claims).where(claims.c.key == bindparam("key")))

log = structlog.get_logger("storefront.reversals")


async def bring_up_to_date(services: Services, purchase_id: str) -> None:
    """Settle a purchase, then bring in all that took, or may take, its money back. Safe at any time.

    Raises:
        GatewayFailed: the gateway did not answer; what was done so far stays.
    """
    await settle(services, purchase_id)
    name = f"reversals:{purchase_id}"
    earlier = services.settlements.get(name)
    if earlier is not None:
        await asyncio.wait([earlier])
    running = services.settlements.get(name)
    if running is None:
        running = asyncio.create_task(_bring_in_reversals(services, purchase_id), name=name)
        services.settlements[name] = running
        running.add_done_callback(lambda _: services.settlements.pop(name, None))
    await asyncio.shield(running)


async def _bring_in_reversals(services: Services, purchase_id: str) -> None:
    payment = await read_payment(services, purchase_id)
    if payment is None or payment["state"] not in _TOLD_OF or payment["gateway_payment"] is None:
        return
    gateway = services.gateway(payment["gateway"])
    if not isinstance(gateway, Refunds):
        return
    seen = {row["gateway_ref"]: row for row in await read_reversals(services.reader, purchase_id)}
    facts = await gateway.reversals(payment["gateway_payment"])
    for warning in facts.warnings:
        await _tell_of_warning(services, payment, warning)
    if payment["state"] != "received":
        return  # nothing was taken that could go back
    for refund in facts.refunds:
        await _bring_in_refund(services, payment, refund)
    for dispute in facts.disputes:
        await _bring_in_dispute(services, payment, dispute, seen.get(dispute.reference))
    for warning in facts.warnings:
        await _heed(services, payment, warning, facts)


async def _bring_in_refund(services: Services, payment: Row, facts: RefundFacts) -> None:
    """Move our refund to where it is; one that was made at the gateway by hand is written down as it stands."""
    told = told_of_refund(facts)
    known = await services.reader.first(BY_GATEWAY_REF, gateway=payment["gateway"], reference=facts.reference)
    if known is None and facts.reversal_id is not None:
        known = await services.reader.first(REVERSAL, id=facts.reversal_id)
        known = known if known is not None and known["purchase_id"] == payment["purchase_id"] else None
    if known is not None:
        await advance(services, known["id"], told)
        return
    begins = Beginning(
        cause="refund",
        amount=facts.amount.amount_minor,
        strategy=Strategy(services.config.purchases.refund_strategy),
        actor=f"gateway:{payment['gateway']}",
        reason="made at the gateway",
        claim=f"reversal:{payment['gateway']}:{facts.reference}",
    )
    await _begin_or_advance(services, payment, begins, told)


async def _bring_in_dispute(services: Services, payment: Row, facts: DisputeFacts, seen: Row | None) -> None:
    """Move a dispute to where it is; ``seen`` is our row of it from before the gateway was asked."""
    told = told_of_dispute(facts)
    known = await services.reader.first(BY_GATEWAY_REF, gateway=payment["gateway"], reference=facts.reference)
    if known is not None:
        await advance(services, known["id"], told, seen=seen)
        return
    begins = Beginning(
        cause=DISPUTE,
        amount=facts.amount.amount_minor,
        strategy=Strategy(services.config.purchases.dispute_strategy),
        actor=f"gateway:{payment['gateway']}",
        reason=facts.reason,
        in_proportion=True,
        claim=f"reversal:{payment['gateway']}:{facts.reference}",
    )
    await _begin_or_advance(services, payment, begins, told)


async def _begin_or_advance(services: Services, payment: Row, begins: Beginning, told: Told) -> None:
    try:
        await begin(services, payment["purchase_id"], begins, told)
    except Taken as taken:
        # Another process wrote it at this very moment.
        await advance(services, taken.holder, told)


async def _tell_of_warning(services: Services, payment: Row, facts: WarningFacts) -> None:
    """Tell everybody who follows events of an early fraud warning, once, whatever is done about it."""
    claim = f"{WARNED}{payment['gateway']}:{facts.reference}"
    if await services.reader.first(_CLAIM, key=claim) is not None:
        return
    purchase = await read_purchase(services, payment["purchase_id"])
    anchor = purchase["customer_id"]
    plan = Plan(actor=f"gateway:{payment['gateway']}", anchors={anchor})
    plan.add(Claim(claim, purchase["id"]))
    told = {
        "purchase": purchase["id"],
        "customer_id": anchor,
        "sku": purchase["sku"],
        "total": {"amount": purchase["total"], "currency": purchase["currency"]},
        "gateway": payment["gateway"],
        "warning": facts.reference,
        "kind": facts.kind,
        "is_actionable": facts.is_actionable,
    }
    plan.emit("payment.fraud_warning", anchor=anchor, subject=purchase["id"], payload=told)
    try:
        await services.engine.commit(plan)
    except Taken:
        log.info("warning_told_before", purchase=purchase["id"])  # by another process, at this very moment


async def _heed(services: Services, payment: Row, facts: WarningFacts, told: PaymentReversals) -> None:
    """Answer an early fraud warning as the configuration says: give the money back before it is disputed."""
    if services.config.purchases.early_fraud_warnings != "refund" or told.disputes:
        await distrust(services, payment["purchase_id"], FRAUD_WARNING)
        await raise_alarm(services, "early_fraud_warning", payment["purchase_id"], {"warning": facts.reference})
        return
    rows = await read_reversals(services.reader, payment["purchase_id"])
    left = payment["received_amount"] - sum(row["amount"] for row in rows if is_effective(row))
    claim = f"warning:{payment['gateway']}:{facts.reference}"
    known = next((row for row in rows if row["cause"] == FRAUD_WARNING), None)
    if known is None and left > 0:
        begins = Beginning(
            cause=FRAUD_WARNING,
            amount=left,
            strategy=Strategy(services.config.purchases.dispute_strategy),
            actor=f"gateway:{payment['gateway']}",
            reason=f"early fraud warning: {facts.kind}",
            claim=claim,
        )
        try:
            begun = await begin(services, payment["purchase_id"], begins, Told("pending"))
        except Taken as taken:
            begun = taken.holder
        assert isinstance(begun, str), "there is no key that could be replayed"
        known = await services.reader.first(REVERSAL, id=begun)
    elif known is not None and known["state"] == "failed":
        await raise_alarm(services, "early_fraud_warning", payment["purchase_id"], {"warning": facts.reference})
    if known is not None and known["state"] == "pending":
        await advance(services, known["id"], await make_refund(services, known))
