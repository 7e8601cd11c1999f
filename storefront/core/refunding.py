"""Refunds of wallet purchases: decide → plan → commit. Value goes back, goods come back, in one commit.

Each refund of a purchase has a number that is claimed once, so of two that were decided by the same books one
decides again; and each reversal is counted against the entry it reverses, inside the commit.
"""

from typing import Any

import msgspec

from storefront.core.accounts import issuance, sink
from storefront.core.commit.outcome import Answer, InsufficientFunds, NotEnoughItems, Outcome, Stale, Taken
from storefront.core.commit.plan import (
    Change,
    Claim,
    EndEntitlement,
    Insert,
    Plan,
    Restore,
    TakeBack,
    TakeItem,
)
from storefront.core.errors import Unavailable
from storefront.core.gateway_refunds import refund_at_gateway
from storefront.core.idempotency import answered_before
from storefront.core.ids import new_id
from storefront.core.privileged import record_action
from storefront.core.purchasing import event_payload, read_purchase
from storefront.core.reading import Row
from storefront.core.refunds import RefundRequest, refund_json
from storefront.core.reversing import Decision, decide
from storefront.core.services import Services

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
        decision = await decide(
            services, purchase, amount=wanted.amount, quantity=wanted.quantity, strategy=wanted.strategy
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
    customer_id, now = purchase["customer_id"], services.clock.now()
    plan = Plan(
        actor=wanted.idempotency.caller,
        anchors={customer_id},
        idempotency=wanted.idempotency,
        object_id=row["id"],
    )
    plan.add(Claim(f"refund:{purchase['id']}:{decision.number}", row["id"]))
    expect = {name: purchase[name] for name in ("status", "refunded", "updated_at")}
    changes = {"refunded": decision.becomes, "updated_at": now}
    plan.add(Change("purchases", (purchase["id"],), customer_id, expect, changes))
    _move_value(plan, purchase, decision, row)
    for item in decision.taken.items:
        if item.taken:
            plan.add(TakeItem(customer_id, item.sku, item.taken, row["id"], cause="taken_back"))
    for key in decision.taken.entitlements:
        plan.add(EndEntitlement(customer_id, key, purchase["id"]))
    plan.add(Insert("reversals", (row["id"],), customer_id, row))
    record_action(
        plan,
        "purchase.refunded",
        actor=plan.actor,
        about=row["id"],
        facts={"purchase": purchase["id"], "reason": wanted.reason},
        now=now,
        wall=services.clock.wall(),
    )
    payload = {**event_payload(purchase), "refunded": decision.becomes, "refund": refund_json(row)}
    plan.emit("purchase.refunded", anchor=customer_id, subject=purchase["id"], payload=payload)
    return plan


def _move_value(plan: Plan, purchase: Row, decision: Decision, row: dict[str, Any]) -> None:
    customer_id, original = purchase["customer_id"], purchase["entry_id"]
    if decision.amount == 0 and not any(found.told.taken for found in decision.credits):
        return
    assert original is not None, "value that moved has an entry"
    row["entry_id"] = plan.entry("refund", about=row["id"], anchor=customer_id, reverses=original)
    if decision.amount:
        asset = purchase["currency"]
        plan.add(Restore("entry", original, customer_id, asset, decision.amount, sink(asset), decision.draws))
    for found in decision.credits:
        if found.told.taken:
            asset, amount = found.told.asset, found.told.taken
            plan.add(
                TakeBack("entry", original, customer_id, asset, amount, issuance(asset), found.parts, found.at_most)
            )


def _row(services: Services, wanted: RefundRequest, purchase: Row, decision: Decision) -> dict[str, Any]:
    now = services.clock.now()
    return {
        "id": new_id("rev"),
        "purchase_id": purchase["id"],
        "number": decision.number,
        "customer_id": purchase["customer_id"],
        "cause": "refund",
        "amount": decision.amount,
        "currency": purchase["currency"],
        "state": "completed",
        "taken_back": msgspec.json.encode(decision.taken).decode(),
        "reason": wanted.reason,
        "actor": wanted.idempotency.caller,
        "entry_id": None,
        "created_at": now,
        "closed_at": now,
        "gateway": None,
        "gateway_ref": None,
        "facts": "{}",
        "updated_at": now,
    }


def _answer(row: Row, external_id: str, outcome: Outcome) -> Answer:
    customer = {"id": external_id, **outcome.customer_change(row["customer_id"])}
    return Answer(201, msgspec.json.encode({**refund_json(row), "customer": customer}))
