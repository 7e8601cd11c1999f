"""The second half of the book: what is given by hand, refunded and converted, all of it cleo's.

She is given 100 stars and a charm that opens the vault, buys three hats for 30 and a cap for 10 (which grants
vip), brings back one hat and the cap, and turns 25 stars into 17 coins: 55 stars, 17 coins, two hats.
"""

import json
from typing import Any

from storefront.core.accounts import sink
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.plan import (
    Change,
    EndEntitlement,
    GrantEntitlement,
    GrantItem,
    Insert,
    LotPart,
    LotsOf,
    OpenEntry,
    Plan,
    Restore,
    Spend,
    TakeItem,
)
from storefront.core.converting import Rate, add_conversion
from storefront.core.granting import add_grant
from storefront.core.privileged import record_action
from storefront.core.purchasing import event_payload
from storefront.core.refunds import refund_json

CLEO = "cus_cleo"


async def write_given_back(engine: CommitEngine, purchase: dict[str, Any], now: int) -> None:
    """Write it; ``purchase`` holds the columns that all purchases of the book share."""
    plan = _plan()
    add_grant(plan, customer_id=CLEO, asset="stars", amount=100, reason="a prize", actor="key_1", now=now)
    await engine.commit(plan)
    await engine.commit(_charm(now))
    for sku, quantity, total, back in (("hat", 3, 30, 10), ("cap", 1, 10, 10)):
        outcome = await engine.commit(_bought(sku, quantity, total, purchase))
        [[lot_id, _]] = outcome.results["lots:spend"]
        row = _purchase_row(sku, quantity, total, purchase)
        await engine.commit(_refunded(row, LotPart(lot_id, total), back, "full" if back == total else "part", now))
    plan = _plan()
    add_conversion(plan, customer_id=CLEO, amount=25, rate=Rate("stars", "coins", 7, 10), about="swap")
    await engine.commit(plan)


def _plan() -> Plan:
    return Plan(actor="key_1", anchors={CLEO})


def _charm(now: int) -> Plan:
    plan = _plan()
    row = {"id": "grant_charm", "customer_id": CLEO, "asset": None, "amount": None, "sku": "charm", "quantity": 1,
           "reason": "a prize", "actor": "key_1", "entry_id": None, "expires_at": None, "created_at": now}  # fmt: skip
    plan.add(Insert("grants", ("grant_charm",), CLEO, row))
    plan.add(GrantItem(CLEO, "charm", 1, "grant_charm"))
    plan.add(GrantEntitlement(CLEO, "vault", True, "grant", "grant_charm", sku="charm"))
    told = {"sku": "charm", "quantity": 1, "reason": "a prize"}
    record_action(plan, "grant.made", actor="key_1", about="grant_charm", facts=told, now=now, wall=now)
    payload = {"id": "grant_charm", "customer_id": CLEO, **told}
    plan.emit("grant.made", anchor=CLEO, subject="grant_charm", payload=payload)
    return plan


def _bought(sku: str, quantity: int, total: int, purchase: dict[str, Any]) -> Plan:
    plan = _plan()
    plan.add(OpenEntry("entry", f"ent_{sku}", "purchase.settled", f"pur_{sku}", CLEO))
    plan.add(Spend("entry", CLEO, "stars", total, sink("stars")))
    plan.add(GrantItem(CLEO, sku, quantity, f"pur_{sku}", bought_with=LotsOf("spend")))
    if sku == "cap":
        plan.add(GrantEntitlement(CLEO, "vip", True, "purchase", "pur_cap", sku="cap"))
    row = _purchase_row(sku, quantity, total, purchase)
    plan.add(Insert("purchases", (f"pur_{sku}",), CLEO, row))
    plan.emit("purchase.completed", anchor=CLEO, subject=f"pur_{sku}", payload=event_payload(row))
    return plan


def _purchase_row(sku: str, quantity: int, total: int, purchase: dict[str, Any]) -> dict[str, Any]:
    return {**purchase, "id": f"pur_{sku}", "customer_id": CLEO, "sku": sku, "quantity": quantity, "total": total,
            "currency": "stars", "entry_id": f"ent_{sku}"}  # fmt: skip


def _refunded(purchase: dict[str, Any], draw: LotPart, amount: int, refunded: str, now: int) -> Plan:
    plan, sku = _plan(), purchase["sku"]
    about = f"rev_{sku}"
    plan.add(Change("purchases", (f"pur_{sku}",), CLEO, {"refunded": "none"}, {"refunded": refunded}))
    plan.add(OpenEntry("entry", f"ent_back_{sku}", "refund", about, CLEO, reverses=f"ent_{sku}"))
    plan.add(Restore("entry", f"ent_{sku}", CLEO, "stars", amount, sink("stars"), (draw,)))
    plan.add(TakeItem(CLEO, sku, 1, about, cause="taken_back"))
    if sku == "cap":
        plan.add(EndEntitlement(CLEO, "vip", "pur_cap"))
    item = {"sku": sku, "demanded": 1, "taken": 1, "written_off": 0}
    told = {"strategy": "fail", "quantity": 1, "items": [item], "credits": [],
            "entitlements": ["vip"] if sku == "cap" else []}  # fmt: skip
    row = {"id": about, "purchase_id": f"pur_{sku}", "number": 1, "customer_id": CLEO, "cause": "refund",
           "amount": amount, "currency": "stars", "state": "completed", "taken_back": json.dumps(told),
           "reason": "a mistake", "actor": "key_1", "entry_id": f"ent_back_{sku}", "created_at": now,
           "closed_at": now, "gateway": None, "gateway_ref": None, "facts": "{}", "updated_at": now}  # fmt: skip
    plan.add(Insert("reversals", (about,), CLEO, row))
    facts = {"purchase": f"pur_{sku}", "reason": "a mistake"}
    record_action(plan, "purchase.refunded", actor="key_1", about=about, facts=facts, now=now, wall=now)
    payload = {**event_payload(purchase), "refunded": refunded, "refund": refund_json(row)}
    plan.emit("purchase.refunded", anchor=CLEO, subject=f"pur_{sku}", payload=payload)
    return plan
