"""What a refund of a wallet purchase is, as steps of a plan: value into the lots it came from, goods back, told."""

from typing import Any

import msgspec

from storefront.core.accounts import issuance, sink
from storefront.core.commit.item_terms import terms_of
from storefront.core.commit.plan import Change, Claim, EndEntitlement, Insert, Plan, Restore, TakeBack, TakeItem
from storefront.core.ids import new_id
from storefront.core.kinds import BackStage, MoneyBack, SharesMoney
from storefront.core.limit_restoring import restorable, restore_limits
from storefront.core.opened import claim_opened, end_rights_of
from storefront.core.privileged import record_action
from storefront.core.promos.restoring import see_to_codes
from storefront.core.purchasing import event_payload, gift_payload, parties_of, receiver_of
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
    customer_id, receiver_id, now = purchase["customer_id"], receiver_of(purchase), services.clock.now()
    plan.anchors |= parties_of(purchase)
    plan.add(Claim(f"refund:{purchase['id']}:{decision.number}", row["id"]))
    expect = {name: purchase[name] for name in ("status", "refunded", "updated_at")}
    changes = {"refunded": decision.becomes, "updated_at": now}
    plan.add(Change("purchases", (purchase["id"],), customer_id, expect, changes))
    _move_value(plan, purchase, decision, row, label)
    for item in decision.taken.items:
        if item.taken:
            terms = terms_of(decision.terms, item.sku)
            plan.add(TakeItem(receiver_id, item.sku, item.taken, row["id"], cause="taken_back", terms=terms))
    if decision.offer is not None:
        restore_limits(plan, restorable(decision.offer, purchase, row["cause"]), decision.taken.quantity)
    for key in decision.taken.entitlements:
        plan.add(EndEntitlement(receiver_id, key, purchase["id"]))
    claim_opened(plan, decision.opened, row["id"])
    for opened in decision.opened:
        end_rights_of(plan, receiver_id, opened.became)
    plan.add(Insert("reversals", (row["id"],), customer_id, row))
    shares = services.kind_as(purchase["kind"], SharesMoney)
    if shares is not None:
        shares.money_back(plan, MoneyBack(purchase, row["id"], decision.amount, BackStage.TAKEN, now))
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
    told = {"refunded": decision.becomes, "dispute": purchase["dispute"], "refund": refund_json(row)}
    payload = {**event_payload(purchase), **told}
    plan.emit("purchase.refunded", anchor=customer_id, subject=purchase["id"], payload=payload)
    if purchase["recipient_id"] is not None and (decision.taken.quantity or decision.taken.lines):
        tell_recipient(plan, purchase, "gift.taken_back")


def tell_recipient(plan: Plan, purchase: Row, event: str) -> None:
    """Tell a gift's recipient what becomes of it; nothing of the money."""
    plan.emit(event, anchor=purchase["recipient_id"], subject=purchase["id"], payload=gift_payload(purchase))


def _move_value(plan: Plan, purchase: Row, decision: Decision, row: dict[str, Any], label: str) -> None:
    customer_id, original = purchase["customer_id"], purchase["entry_id"]
    _take_from_opened(plan, decision, row, receiver_of(purchase))
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
            to = issuance(asset)
            plan.add(TakeBack(label, original, receiver_of(purchase), asset, amount, to, found.parts, found.at_most))


def _take_from_opened(plan: Plan, decision: Decision, row: dict[str, Any], receiver_id: str) -> None:
    """Take the currency that used items became, each by an entry that reverses the one that gave it."""
    for opened in decision.opened:
        original = opened.became.entry_id
        if original is None or not any(given.there for given in opened.credits):
            continue
        label = f"{row['id']}:{opened.became.id}"
        plan.entry("opening.reversed", about=row["id"], anchor=row["customer_id"], reverses=original, label=label)
        for given in opened.credits:
            if given.there:
                asset, to = given.asset, issuance(given.asset)
                plan.add(TakeBack(label, original, receiver_id, asset, given.there, to, given.parts, given.amount))
