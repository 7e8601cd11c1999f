"""What a refund of a wallet purchase is, as steps of a plan: value into the lots it came from, goods back, told."""

from typing import Any

import msgspec

from storefront.core.accounts import issuance, sink
from storefront.core.commit.plan import Change, Claim, EndEntitlement, Insert, Plan, Restore, TakeBack, TakeItem
from storefront.core.ids import new_id
from storefront.core.privileged import record_action
from storefront.core.promos.restoring import see_to_codes
from storefront.core.purchasing import event_payload
from storefront.core.reading import Row
from storefront.core.refunds import refund_json
from storefront.core.reversing import Decision
from storefront.core.services import Services


def wallet_refund_row(
    purchase: Row, decision: Decision, *, reason: str, actor: str, now: int, cause: str = "refund"
) -> dict[str, Any]:
    """Return the row of a refund that is done with the commit that writes it."""
    return {
        "id": new_id("rev"),
        "purchase_id": purchase["id"],
        "number": decision.number,
        "customer_id": purchase["customer_id"],
        "cause": cause,
        "amount": decision.amount,
        "currency": purchase["currency"],
        "state": "completed",
        "taken_back": msgspec.json.encode(decision.taken).decode(),
        "reason": reason,
        "actor": actor,
        "entry_id": None,
        "created_at": now,
        "closed_at": now,
        "gateway": None,
        "gateway_ref": None,
        "facts": "{}",
        "updated_at": now,
    }


def add_wallet_refund(
    plan: Plan, services: Services, purchase: Row, decision: Decision, row: dict[str, Any], *, label: str = "entry"
) -> None:
    """Add a refund to a plan; ``row`` learns the entry (``label`` in the plan), if any value moves."""
    customer_id, now = purchase["customer_id"], services.clock.now()
    plan.add(Claim(f"refund:{purchase['id']}:{decision.number}", row["id"]))
    expect = {name: purchase[name] for name in ("status", "refunded", "updated_at")}
    changes = {"refunded": decision.becomes, "updated_at": now}
    plan.add(Change("purchases", (purchase["id"],), customer_id, expect, changes))
    _move_value(plan, purchase, decision, row, label)
    for item in decision.taken.items:
        if item.taken:
            plan.add(TakeItem(customer_id, item.sku, item.taken, row["id"], cause="taken_back"))
    for key in decision.taken.entitlements:
        plan.add(EndEntitlement(customer_id, key, purchase["id"]))
    plan.add(Insert("reversals", (row["id"],), customer_id, row))
    see_to_codes(plan, purchase, decision.becomes, now)
    record_action(
        plan,
        "purchase.refunded",
        actor=row["actor"],
        about=row["id"],
        facts={"purchase": purchase["id"], "reason": row["reason"]},
        now=now,
        wall=services.clock.wall(),
    )
    payload = {**event_payload(purchase), "refunded": decision.becomes, "refund": refund_json(row)}
    plan.emit("purchase.refunded", anchor=customer_id, subject=purchase["id"], payload=payload)


def _move_value(plan: Plan, purchase: Row, decision: Decision, row: dict[str, Any], label: str) -> None:
    customer_id, original = purchase["customer_id"], purchase["entry_id"]
    if decision.amount == 0 and not any(found.told.taken for found in decision.credits):
        return
    assert original is not None, "value that moved has an entry"
    row["entry_id"] = plan.entry("refund", about=row["id"], anchor=customer_id, reverses=original, label=label)
    if decision.amount:
        asset = purchase["currency"]
        plan.add(Restore(label, original, customer_id, asset, decision.amount, sink(asset), decision.draws))
    for found in decision.credits:
        if found.told.taken:
            asset, amount = found.told.asset, found.told.taken
            plan.add(TakeBack(label, original, customer_id, asset, amount, issuance(asset), found.parts, found.at_most))
