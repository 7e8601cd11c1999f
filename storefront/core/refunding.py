"""Refunds of wallet purchases: decide → plan → commit. Value goes back, goods come back, in one commit.

Each refund of a purchase has a number that is claimed once, so of two that were decided by the same books one
decides again; and each reversal is counted against the entry it reverses, inside the commit.
"""

from typing import Any

import msgspec

from storefront.core.bundle_refunds import named_by
from storefront.core.commit.outcome import Answer, InsufficientFunds, NotEnoughItems, Outcome, Stale, Taken
from storefront.core.commit.plan import Plan
from storefront.core.errors import Unavailable
from storefront.core.gateway_refunds import refund_at_gateway
from storefront.core.idempotency import answered_before
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Row
from storefront.core.refunds import RefundRequest, refund_json
from storefront.core.reversing import Decision, decide
from storefront.core.services import Services
from storefront.core.wallet_refunds import add_wallet_refund, wallet_refund_row

OPERATION = "POST /v1/purchases/{id}/refunds"
TIMES_DECIDED = 40


async def refund(services: Services, wanted: RefundRequest) -> tuple[Answer, bool]:
    """Refund a purchase, once per idempotency key; return the answer and whether it is a replay.

    A dry run answers 200 with what would be done, and writes nothing. What a gateway was paid goes back through it.

    Raises:
        NotFound: there is no such purchase.
        NotRefundable, AlreadyRefunded, RefundTooLarge, GoodsUsed: nothing was written.
        GatewayFailed, RefundFailed: as ``gateway_refunds`` says.
    """
    purchase = await read_purchase(services, wanted.purchase_id)
    if purchase["pay_with"] in services.gateways:
        return await refund_at_gateway(services, wanted)
    return await answered_before(services.reader, wanted.idempotency, _refund(services, wanted))


async def _refund(services: Services, wanted: RefundRequest) -> tuple[Answer, bool]:
    for _ in range(TIMES_DECIDED):
        purchase = await read_purchase(services, wanted.purchase_id)
        lines, quantity = named_by(purchase, wanted)
        decision = await decide(
            services, purchase, amount=wanted.amount, quantity=quantity, lines=lines, strategy=wanted.strategy
        )
        row = _row(services, wanted, purchase, decision)
        if wanted.is_dry_run:
            return Answer(200, msgspec.json.encode(refund_json(row, is_dry_run=True))), False
        plan = _plan(services, wanted, purchase, decision, row)
        external_id = await services.customers.external_id(purchase["customer_id"])
        plan.answer = lambda outcome, row=row, name=external_id: _answer(row, name, outcome)
        try:
            outcome = await services.engine.commit(plan)
        except (Stale, Taken, NotEnoughItems, InsufficientFunds):
            # Another refund, or a use of the goods, was first: what is there now decides.
            continue
        assert outcome.answer is not None
        return outcome.answer, outcome.is_replay
    raise Unavailable("Too much is changing at once; try again.")


def _plan(services: Services, wanted: RefundRequest, purchase: Row, decision: Decision, row: dict[str, Any]) -> Plan:
    """Plan a refund; ``row`` learns the entry, if any value moves."""
    plan = Plan(
        actor=wanted.idempotency.caller,
        anchors={purchase["customer_id"]},
        idempotency=wanted.idempotency,
        object_id=row["id"],
    )
    add_wallet_refund(plan, services, purchase, decision, row)
    return plan


def _row(services: Services, wanted: RefundRequest, purchase: Row, decision: Decision) -> dict[str, Any]:
    return wallet_refund_row(
        purchase, decision, reason=wanted.reason, actor=wanted.idempotency.caller, now=services.clock.now()
    )


def _answer(row: Row, external_id: str, outcome: Outcome) -> Answer:
    customer = {"id": external_id, **outcome.customer_change(row["customer_id"])}
    return Answer(201, msgspec.json.encode({**refund_json(row), "customer": customer}))
