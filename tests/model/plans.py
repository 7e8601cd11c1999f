"""The plans that ask the real engine for an operation: what a use case would have decided."""

import hashlib
import json
from functools import singledispatch
from typing import Any

import msgspec

from storefront.core.accounts import Account, clearing, issuance, revenue, sink, unapplied
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import (
    CaptureHold,
    Change,
    Claim,
    Demand,
    Deposit,
    Freeze,
    GrantItem,
    IdempotencyKey,
    Insert,
    LapseWallet,
    LotPart,
    LotsOf,
    LotTerms,
    MissingOf,
    OpenEntry,
    Otherwise,
    Owe,
    PlaceHold,
    Plan,
    ReleaseHold,
    Restore,
    Spend,
    TakeBack,
    TakeFrozen,
    TakeItem,
    Transfer,
    Unfreeze,
    WalletDemand,
)
from storefront.core.converting import Rate, add_conversion
from storefront.core.privileged import record_action
from storefront.core.purchasing import event_payload
from storefront.core.refunds import refund_json

from .bookkeeper import Bookkeeper
from .operations import (
    CATALOG,
    COINS,
    GEMS,
    GOAL_GEMS,
    PROMO_GEMS,
    PROMO_LIMIT,
    TALLY_GOAL,
    TALLY_LIMIT,
    USD,
    Asked,
    Buy,
    Capture,
    ChargeBack,
    Consume,
    Convert,
    Credit,
    Dispute,
    Lapse,
    Lose,
    Move,
    Operation,
    Pack,
    Place,
    Redeem,
    Refund,
    Release,
    Reverse,
    Split,
    Tally,
    Win,
)

ACTOR = "key_model"
CATALOG_VERSION = "cat_model"
PAID = clearing("sandbox", USD)
PARTIES = {
    "platform": revenue(USD),
    "creator": Account("creator:cre_luna", "payable", USD),
    "tax": Account("tax:DE", "due", USD),
}
PURCHASE: dict[str, Any] = {
    "kind": "item", "status": "completed", "refunded": "none", "dispute": "none", "pay_with": "wallet",
    "payment_state": "none", "catalog_version": CATALOG_VERSION, "lines": "[]", "reserved": "[]", "details": "{}",
    "metadata": "{}", "reason": None, "expires_at": None, "auto_top_up": None, "bill": None, "recipient_id": None,
}  # fmt: skip


def catalog_document() -> str:
    """Return the catalog as the books store it, for the audit to compute prices and limits again."""
    offers = {}
    for sku, offer in CATALOG.items():
        limits = [{"per": "customer", "window": "lifetime", "count": offer.per_customer}] if offer.per_customer else []
        limits += [{"per": "global", "window": "lifetime", "count": offer.for_all}] if offer.for_all else []
        offers[sku] = {"prices": {offer.asset: offer.price}, "limits": limits}
    return json.dumps({"offers": offers})


def plan_for(asked: Asked, known: Bookkeeper) -> Plan:
    """Decide what is asked by what is ``known`` now."""
    plan = Plan(actor=ACTOR, answer=_answer)
    if asked.key is not None:
        fingerprint = hashlib.sha256(asked.body.encode()).digest()
        plan.idempotency = IdempotencyKey(asked.caller, "POST /v1/model", asked.key, fingerprint)
    _decide(asked.operation, plan, known)
    return plan


def _answer(outcome: Outcome) -> Answer:
    told = {"versions": outcome.versions, "changed": outcome.changed, "results": outcome.results}
    return Answer(201, msgspec.json.encode(told))


@singledispatch
def _decide(operation: Operation, plan: Plan, known: Bookkeeper) -> None:
    raise TypeError(f"no plan is known for {operation}")


@_decide.register
def _credit(operation: Credit, plan: Plan, known: Bookkeeper) -> None:
    customer = operation.customer
    plan.anchors |= {customer}
    plan.entry("test.credit", about="gift", anchor=customer)
    is_paid = operation.payment is not None
    terms = LotTerms(
        source="purchased" if is_paid else "granted",
        payment=operation.payment,
        cost_amount=None if operation.unit_cost is None else operation.unit_cost * operation.amount,
        cost_currency=None if operation.unit_cost is None else USD,
        priority=operation.priority,
        expires_at=operation.expires_at,
    )
    plan.add(Deposit("entry", customer, operation.asset, operation.amount, issuance(operation.asset), terms))


@_decide.register
def _buy(operation: Buy, plan: Plan, known: Bookkeeper) -> None:
    customer, sku, quantity = operation.customer, operation.sku, operation.quantity
    offer = CATALOG[sku]
    total = offer.price * quantity
    plan.anchors |= {customer, f"sku:{sku}"}
    plan.object_id = operation.purchase
    plan.add(
        OpenEntry("entry", operation.entry, "purchase.settled", operation.purchase, customer),
        Spend("entry", customer, offer.asset, total, sink(offer.asset)),
        GrantItem(customer, sku, quantity, operation.purchase, at_most=offer.most_owned, bought_with=LotsOf("spend")),
    )
    if offer.per_customer is not None:
        plan.count(f"limit:{sku}:{customer}:lifetime:0", anchor=customer, by=quantity, at_most=offer.per_customer)
    if offer.for_all is not None:
        plan.count(f"limit:{sku}:*:lifetime:0", anchor=f"sku:{sku}", by=quantity, at_most=offer.for_all)
    now = known.now
    row = {
        **PURCHASE, "id": operation.purchase, "customer_id": customer, "sku": sku, "quantity": quantity,
        "currency": offer.asset, "total": total, "entry_id": operation.entry, "created_at": now, "updated_at": now,
        "completed_at": now,
    }  # fmt: skip
    plan.add(Insert("purchases", (operation.purchase,), customer, row))
    plan.emit("purchase.completed", anchor=customer, subject=operation.purchase, payload=event_payload(row))
    if operation.notes:
        plan.on_refused.count(f"attempts:{customer}", anchor=customer)
        plan.on_refused.emit("test.refused", anchor=customer, subject=sku, payload={})


@_decide.register
def _consume(operation: Consume, plan: Plan, known: Bookkeeper) -> None:
    plan.anchors |= {operation.customer}
    plan.object_id = operation.consumption
    plan.add(TakeItem(operation.customer, operation.sku, operation.quantity, operation.consumption))
    told = {"id": operation.consumption, "customer_id": operation.customer, "sku": operation.sku}
    payload = {**told, "quantity": operation.quantity}
    plan.emit("item.consumed", anchor=operation.customer, subject=operation.consumption, payload=payload)


@_decide.register
def _refund(operation: Refund, plan: Plan, known: Bookkeeper) -> None:
    purchase, now = known.purchases[operation.purchase], known.now
    customer, asset, about = purchase.customer, purchase.asset, operation.reversal
    is_full = (
        purchase.given_back + operation.amount == purchase.total
        and purchase.taken_back + operation.quantity == purchase.quantity
    )
    plan.anchors |= {customer}
    plan.object_id = about
    plan.add(
        Claim(f"refund:{operation.purchase}:{operation.number}", about),
        Change("purchases", (operation.purchase,), customer, {"status": "completed"},
               {"refunded": "full" if is_full else "part", "updated_at": now}),
    )  # fmt: skip
    entry_id = None
    if operation.amount:
        entry_id = plan.entry("refund", about=about, anchor=customer, reverses=purchase.entry)
        draws = tuple(LotPart(known.lot_ids[number], amount) for number, amount in purchase.draws)
        plan.add(Restore("entry", purchase.entry, customer, asset, operation.amount, sink(asset), draws))
    items = []
    if operation.quantity:
        plan.add(TakeItem(customer, purchase.sku, operation.quantity, about, cause="taken_back"))
        taken = operation.quantity
        items.append({"sku": purchase.sku, "demanded": taken, "taken": taken, "written_off": 0})
    told = {"strategy": "fail", "quantity": operation.quantity, "items": items, "credits": [], "entitlements": []}
    row = {
        "id": about, "purchase_id": operation.purchase, "number": operation.number, "customer_id": customer,
        "cause": "refund", "amount": operation.amount, "currency": asset, "state": "completed",
        "taken_back": json.dumps(told), "reason": "a mistake", "actor": ACTOR, "entry_id": entry_id,
        "created_at": now, "closed_at": now, "gateway": None, "gateway_ref": None, "facts": "{}", "updated_at": now,
    }  # fmt: skip
    plan.add(Insert("reversals", (about,), customer, row))
    record_action(plan, "purchase.refunded", actor=ACTOR, about=about, now=now, wall=now,
                  facts={"purchase": operation.purchase, "reason": "a mistake"})  # fmt: skip
    bought = {**PURCHASE, "id": operation.purchase, "customer_id": customer, "sku": purchase.sku,
              "quantity": purchase.quantity, "total": purchase.total, "currency": asset}  # fmt: skip
    payload = {**event_payload(bought), "refund": refund_json(row)}
    plan.emit("purchase.refunded", anchor=customer, subject=operation.purchase, payload=payload)


@_decide.register
def _pack(operation: Pack, plan: Plan, known: Bookkeeper) -> None:
    customer = operation.customer
    plan.anchors |= {customer}
    terms = LotTerms(payment=f"pay_{operation.entry}", cost_amount=operation.cents, cost_currency=USD)
    plan.add(
        OpenEntry("entry", operation.entry, "test.pack", operation.entry, customer),
        Transfer("entry", PAID, revenue(USD), operation.cents, customer),
        Deposit("entry", customer, GEMS, operation.gems, issuance(GEMS), terms),
    )


@_decide.register
def _charge_back(operation: ChargeBack, plan: Plan, known: Bookkeeper) -> None:
    pack = known.packs[operation.pack]
    customer = pack.customer
    plan.anchors |= {customer}
    plan.add(Claim(f"chargeback:{operation.pack}:{operation.number}", "bank"))
    plan.entry("test.chargeback", about=operation.pack, anchor=customer, reverses=operation.pack)
    part = LotPart(known.lot_ids[pack.lot], pack.gems)
    taking = TakeBack("entry", operation.pack, customer, GEMS, operation.gems, issuance(GEMS), (part,), pack.gems)
    plan.add(taking)
    if operation.number == 1:
        plan.add(Transfer("entry", revenue(USD), PAID, pack.cents, customer))


@_decide.register
def _dispute(operation: Dispute, plan: Plan, known: Bookkeeper) -> None:
    customer = known.packs[operation.pack].customer
    plan.anchors |= {customer}
    plan.add(Freeze(operation.freeze, customer, _demand(known, operation.pack, operation.gems, operation.potions)))


def _demand(known: Bookkeeper, name: str, gems: int, potions: int) -> Demand:
    pack = known.packs[name]
    wanted = WalletDemand(GEMS, (LotPart(known.lot_ids[pack.lot], gems),), pack.gems, pack.swallowed)
    return Demand(name, (wanted,), {"potion": potions} if potions else {})


def _demand_of(known: Bookkeeper, freeze: str) -> tuple[str, Demand]:
    frozen = known.freezes[freeze]
    return frozen.customer, _demand(known, frozen.pack, frozen.demanded, frozen.potions_demanded)


@_decide.register
def _win(operation: Win, plan: Plan, known: Bookkeeper) -> None:
    customer, demand = _demand_of(known, operation.freeze)
    plan.anchors |= {customer}
    plan.add(Claim(f"freeze:{operation.freeze}", "won"), Unfreeze(operation.freeze, customer, demand))


@_decide.register
def _lose(operation: Lose, plan: Plan, known: Bookkeeper) -> None:
    customer, demand = _demand_of(known, operation.freeze)
    plan.anchors |= {customer}
    plan.add(
        Claim(f"freeze:{operation.freeze}", "lost"),
        OpenEntry("entry", operation.entry, "test.lost", operation.freeze, customer, reverses=demand.original),
        TakeFrozen("entry", operation.freeze, customer, demand),
        Owe("entry", customer, GEMS, MissingOf("frozen"), operation.repay_percent, operation.blocks),
    )


@_decide.register
def _place(operation: Place, plan: Plan, known: Bookkeeper) -> None:
    plan.anchors |= {operation.customer}
    plan.object_id = operation.hold
    expires_at = operation.expires_at
    plan.add(PlaceHold(operation.hold, operation.customer, operation.asset, operation.amount, expires_at, "auction"))


@_decide.register
def _capture(operation: Capture, plan: Plan, known: Bookkeeper) -> None:
    customer, asset = operation.customer, operation.asset
    plan.anchors |= {customer}
    plan.entry("hold.captured", about=operation.hold, anchor=customer)
    plan.add(CaptureHold("entry", operation.hold, customer, asset, sink(asset), operation.amount))


@_decide.register
def _release(operation: Release, plan: Plan, known: Bookkeeper) -> None:
    plan.anchors |= {operation.customer}
    plan.add(ReleaseHold(operation.hold, operation.customer, operation.asset))


@_decide.register
def _lapse(operation: Lapse, plan: Plan, known: Bookkeeper) -> None:
    plan.anchors |= {operation.customer}
    plan.add(LapseWallet(operation.customer, operation.asset))


@_decide.register
def _move(operation: Move, plan: Plan, known: Bookkeeper) -> None:
    customer = operation.customer
    plan.anchors |= {customer}
    plan.add(OpenEntry("entry", operation.entry, "test.move", operation.entry, customer))
    own = unapplied(customer, USD)
    source, to = (PAID, own) if operation.is_in else (own, revenue(USD))
    plan.add(Transfer("entry", source, to, operation.amount, customer))


@_decide.register
def _reverse(operation: Reverse, plan: Plan, known: Bookkeeper) -> None:
    customer, moved = operation.customer, known.moved[operation.original]
    plan.anchors |= {customer}
    plan.add(
        Claim(f"reversal:{operation.original}", operation.entry),
        OpenEntry("entry", operation.entry, "test.reversed", operation.original, customer, operation.original),
    )
    own = unapplied(customer, USD)
    source, to = (own, PAID) if moved.is_in else (revenue(USD), own)
    plan.add(Transfer("entry", source, to, moved.amount, customer))


@_decide.register
def _redeem(operation: Redeem, plan: Plan, known: Bookkeeper) -> None:
    customer = operation.customer
    plan.anchors |= {customer, "promo:SPRING"}
    plan.entry("test.promo", about="SPRING", anchor=customer)
    terms = LotTerms(source="gift", priority=1)
    plan.add(Deposit("entry", customer, GEMS, PROMO_GEMS, issuance(GEMS), terms))
    plan.count("promo:SPRING", anchor="promo:SPRING", at_most=PROMO_LIMIT)
    plan.count(f"promo:SPRING:{customer}", anchor=customer, at_most=2)


@_decide.register
def _tally(operation: Tally, plan: Plan, known: Bookkeeper) -> None:
    customer = operation.customer
    plan.anchors |= {customer, "tally"}
    plan.entry("test.goal", about="tally", anchor=customer)
    prize = Deposit("entry", customer, GEMS, GOAL_GEMS, issuance(GEMS), LotTerms(source="gift", priority=1))
    plan.count(
        "tally",
        anchor="tally",
        by=operation.by,
        at_most=TALLY_LIMIT,
        otherwise=Otherwise(operation.otherwise),
        on_cross=[(TALLY_GOAL, [prize])],
    )


@_decide.register
def _convert(operation: Convert, plan: Plan, known: Bookkeeper) -> None:
    customer, asset = operation.customer, operation.asset
    plan.anchors |= {customer}
    rate = Rate(asset, COINS if asset == GEMS else GEMS, operation.numerator, operation.denominator)
    add_conversion(
        plan, customer_id=customer, amount=operation.amount, rate=rate, about="swap", expires_at=operation.expires_at
    )


@_decide.register
def _split(operation: Split, plan: Plan, known: Bookkeeper) -> None:
    weights = {"platform": operation.platform, "creator": operation.creator, "tax": operation.tax}
    plan.anchors |= {"shop"}
    plan.entry("test.split", about="tip", anchor="shop")
    parties = {name: (PARTIES[name], weight) for name, weight in weights.items()}
    plan.split(operation.amount, parties, source=PAID, anchor="shop")
