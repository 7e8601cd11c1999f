"""The life of a reversal at a gateway: what it asks for is set aside, then taken for good, or given back.

Refunds, disputes and early warnings go the same way. A reversal's state is moved by what the gateway says of it,
never by a guess, and every move is one commit: money, goods, the reversal, the purchase and the event.

    nothing ──► holding (pending, open) ──► taking (completed, lost)
                     └──► nothing (failed, canceled, won, closed) ◄──┘

``reversal_moves.py`` writes one move into a plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.auto_top_up_moves import note_distrusted
from storefront.core.bundle_refunds import RefundTooLarge
from storefront.core.claiming import claim_freed
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.freezes import demand_of
from storefront.core.commit.outcome import Answer, NotEnoughItems, Outcome, Stale, Taken
from storefront.core.commit.plan import Claim, Demand, FromResults, IdempotencyKey, Insert, Plan
from storefront.core.demands import Wanted, set_aside_by, want_back
from storefront.core.errors import Unavailable
from storefront.core.ids import new_id
from storefront.core.opened_moves import OpenedAside, opened_freezes, set_aside_of_opened
from storefront.core.privileged import record_action
from storefront.core.purchasing import read_payment, read_purchase, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.refunds import (
    CLAWING,
    DISPUTE,
    FRAUD_WARNING,
    HOLDING,
    TAKING,
    Strategy,
    TakenLine,
    is_effective,
    read_reversals,
    refund_json,
    taken_back,
)
from storefront.core.reversal_money import WITHDRAWN
from storefront.core.reversal_moves import Moving, Told, demand_taken, freeze_id, set_aside_elsewhere
from storefront.core.services import Services
from storefront.core.tables import freezes, reversals

TIMES_DECIDED = 40
NEXT: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"completed", "failed", "canceled"}),
    "completed": frozenset({"failed", "canceled"}),
    "warning": frozenset({"open", "won", "lost", "closed"}),
    "open": frozenset({"won", "lost", "closed"}),
    "closed": frozenset({"open", "won", "lost"}),
    "lost": frozenset({"won"}),
    "won": frozenset({"lost"}),
    "failed": frozenset(),
    "canceled": frozenset(),
}
"""Which states may follow which, with any number in between that nobody saw. ``won`` after ``lost`` is an appeal."""
REOPENED: Mapping[str, str] = {"won": "open"}
"""What may follow only if the gateway was asked since: an answer from before the end would open a dispute again. A
lost one that a bank looks at again stays lost until it is won: its money is away, and its goods stay taken."""

REVERSAL = Query(select(reversals).where(reversals.c.id == bindparam("id")))
BY_GATEWAY_REF = Query(
    select(reversals).where(
        reversals.c.gateway == bindparam("gateway"), reversals.c.gateway_ref == bindparam("reference")
    )
)
_FREEZE = Query(select(freezes).where(freezes.c.id == bindparam("id")))

log = structlog.get_logger("storefront.reversals")


class Overtaken(Exception):
    """Another reversal of the purchase was written since this one was decided: what it stands for is not left so."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """A reversal that is about to be written: why, how much, and what to do about goods that are gone.

    ``number`` is the one it was decided as, by those that were before it; None where the amount says
    what it asks.
    """

    cause: str
    amount: int
    strategy: Strategy
    actor: str
    reason: str
    quantity: int | None = None
    in_proportion: bool = False
    at_most_left: bool = False
    number: int | None = None
    claim: str | None = None
    lines: tuple[TakenLine, ...] = ()
    idempotency: IdempotencyKey | None = None


async def begin(services: Services, purchase_id: str, begins: Beginning, told: Told) -> str | Outcome:
    """Write a reversal as it stands, and do what that means; return its id, or the outcome of a replayed key.

    Raises:
        Taken: somebody else has written the same (``claim``); the error names the reversal.
        RefundTooLarge: with ``at_most_left``, other reversals have left less than that.
        Overtaken: with ``number``, another reversal has it; nothing was written.
    """
    for _ in range(TIMES_DECIDED):
        moving = await plan_beginning(services, purchase_id, begins, told)
        plan, row = moving.plan, moving.row
        if told.state in HOLDING:
            _ask_again_later(plan, row, services.clock.now())
        _record_begun(services, plan, row, begins)
        if begins.cause in (DISPUTE, FRAUD_WARNING):
            note_distrusted(plan, moving.purchase, begins.cause)
        try:
            outcome = await services.engine.commit(plan)
        except (Stale, NotEnoughItems):
            continue
        except Taken as taken:
            if taken.key == begins.claim:
                raise
            continue
        return outcome if outcome.is_replay else str(row["id"])
    raise Unavailable("Too much is changing at once; try again.")


async def plan_beginning(services: Services, purchase_id: str, begins: Beginning, told: Told) -> Moving:
    """Return the move by which a reversal begins, its plan complete but for what is done beside the books.

    Raises:
        RefundTooLarge, Overtaken: as ``begin`` does.
    """
    purchase = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    assert payment is not None, "only purchases through a gateway are reversed here"
    wanted = await want_back(
        services,
        purchase,
        received=payment["received_amount"],
        amount=begins.amount,
        quantity=begins.quantity,
        in_proportion=begins.in_proportion,
        follows=begins.cause in CLAWING,
        lines=begins.lines,
    )
    if begins.number not in (None, wanted.number):
        raise Overtaken
    if begins.at_most_left and begins.amount > wanted.left:
        raise RefundTooLarge(left={"amount": wanted.left, "currency": payment["currency"]})
    row = _row(purchase, payment, begins, wanted, services.clock.now())
    plan = Plan(
        actor=begins.actor,
        anchors={purchase["customer_id"]},
        idempotency=begins.idempotency,
        object_id=row["id"],
        is_answer_open=begins.idempotency is not None,
    )
    plan.add(Claim(f"refund:{purchase_id}:{wanted.number}", row["id"]))
    if begins.claim is not None:
        plan.add(Claim(begins.claim, row["id"]))
    moving = Moving(
        services, plan, purchase, payment, row, demand=wanted.demand, left=wanted.unreversed,
        set_aside=wanted.there, elsewhere=wanted.elsewhere, opened=wanted.opened,
    )  # fmt: skip
    await moving.move(None, told)
    plan.add(Insert("reversals", (row["id"],), purchase["customer_id"], moving.row_after))
    return moving


async def advance(
    services: Services,
    reversal_id: str,
    told: Told,
    *,
    key: IdempotencyKey | None = None,
    seen: Row | None = None,
) -> tuple[Row, Answer | None]:
    """Move a reversal to where its gateway says it is; nothing happens twice, and no old word takes it back.

    With ``key`` the answer of the operation that began it is stored in the same commit. ``seen`` is its row as it
    stood before the gateway was asked: only while it stands like that may ``told`` open again what was over.
    """
    for _ in range(TIMES_DECIDED):
        row = await need_reversal(services, reversal_id)
        purchase = await read_purchase(services, row["purchase_id"])
        payment = await read_payment(services, row["purchase_id"])
        assert payment is not None, "only purchases through a gateway are reversed here"
        follows = told.state == row["state"] or told.state in NEXT[row["state"]]
        if not follows and told.state == REOPENED.get(row["state"]):
            follows = seen is not None and _stand(seen) == _stand(row)
        if not follows:
            log.info("reversal_stays", reversal=reversal_id, state=row["state"], told=told.state)
        now_told = told if follows else Told(row["state"], row["gateway_ref"], _is_withdrawn(row))
        plan = Plan(actor=f"gateway:{row['gateway']}", anchors={row["customer_id"]}, idempotency=key,
                    object_id=reversal_id)  # fmt: skip
        moving = await moving_of(services, plan, purchase, payment, row=row, told=now_told)
        changed = await moving.move(row, now_told)
        if not changed and key is None:
            return row, None
        if now_told.state in HOLDING and row["state"] not in HOLDING:
            _ask_again_later(plan, row, services.clock.now())
        frees = changed and now_told.state not in HOLDING | TAKING and any(map(is_effective, moving.others))
        if frees:
            _claim_later(plan, row, services.clock.now())
        if key is not None:
            # A webhook or the sweep may have moved it there first: then it is told as it stands.
            after = moving.row_after if changed else row
            name = await services.customers.external_id(row["customer_id"])
            plan.answer = lambda outcome, after=after, name=name: _answer(after, name, outcome)
        try:
            outcome = await services.engine.commit(plan)
        except (Stale, Taken, NotEnoughItems):
            continue  # what was decided, or a purchase that was to be undone, has moved since
        if frees:
            await claim_freed(services, row["purchase_id"])
        return await need_reversal(services, reversal_id), outcome.answer
    raise Unavailable("Too much is changing at once; try again.")


def _ask_again_later(plan: Plan, row: Mapping[str, Any], now: int) -> None:
    """Make the job due that asks after a reversal for as long as it waits for its gateway."""
    plan.schedule("reversal.sweep", anchor=row["customer_id"], unique_key=f"reversal:{row['id']}",
                  due_at=now + MINUTE_MS, now=now, payload={"reversal_id": row["id"]})  # fmt: skip


def _stand(row: Row) -> tuple[Any, ...]:
    return row["state"], row["updated_at"], row["facts"]


def _claim_later(plan: Plan, row: Row, now: int) -> None:
    """Make the job due that claims what a reversal frees: whoever frees it may die before it is claimed."""
    name, due_at = row["purchase_id"], now + MINUTE_MS
    plan.schedule("reversal.claim", anchor=row["customer_id"], unique_key=f"claim:{name}", due_at=due_at, now=now,
                  payload={"purchase_id": name})  # fmt: skip


async def moving_of(services: Services, plan: Plan, purchase: Row, payment: Row, *, row: Row, told: Told) -> Moving:
    """Return the move of a reversal: what it asks back was decided when it began to hold or to take, last time."""
    effective = HOLDING | TAKING
    if row["state"] not in effective and told.state in effective:
        # An inquiry that became a dispute, or one that was won and is lost after all: what is there now is asked for.
        wanted = await want_back(
            services,
            purchase,
            received=payment["received_amount"],
            amount=row["amount"],
            quantity=None,
            in_proportion=row["cause"] == DISPUTE,
            follows=row["cause"] in CLAWING,
            besides=row["id"],
        )
        anew = {**row, "taken_back": msgspec.json.encode(wanted.told(taken_back(row).strategy)).decode()}
        demand = wanted.demand
        return Moving(
            services, plan, purchase, payment, anew, demand=demand, left=wanted.unreversed, set_aside=wanted.there,
            elsewhere=wanted.elsewhere, opened=wanted.opened,
        )  # fmt: skip
    facts = msgspec.json.decode(row["facts"])
    frozen = await services.reader.first(_FREEZE, id=freeze_id(row["id"], facts))
    demand = Demand(purchase["entry_id"]) if frozen is None else demand_of(frozen)
    told_taken = taken_back(row)
    if row["state"] in TAKING and (told_taken.items or told_taken.credits or told_taken.entitlements):
        demand = await demand_taken(services, row)
    left, receiver_id = await _left(services, payment, besides=row["id"]), receiver_of(purchase)
    aside = tuple[OpenedAside, ...]()
    if row["state"] in HOLDING:
        aside = await set_aside_of_opened(services, freeze_id(row["id"], facts), told_taken, receiver_id)
    return Moving(
        services, plan, purchase, payment, dict(row), demand=demand, left=left, set_aside=set_aside_by(frozen),
        elsewhere=await set_aside_elsewhere(services, row["id"], facts), opened_aside=aside,
    )  # fmt: skip


async def is_short(services: Services, reversal_id: str) -> bool:
    """Tell whether less could be set aside for a reversal than it asks for."""
    frozen = await services.reader.first(_FREEZE, id=reversal_id)
    if frozen is None:
        return False
    beside = await opened_freezes(services, reversal_id, frozen["customer_id"])
    return any([_lacks(frozen), *[_lacks(await services.reader.first(_FREEZE, id=name)) for name in beside]])


def _lacks(frozen: Row | None) -> bool:
    assert frozen is not None, "a freeze is never removed"
    demand, there = demand_of(frozen), set_aside_by(frozen)
    items = dict(msgspec.json.decode(frozen["items"]))
    return any(there.get(one.asset, 0) < one.demanded for one in demand.wallets) or any(
        items.get(sku, 0) < quantity for sku, quantity in demand.items.items()
    )


async def need_reversal(services: Services, reversal_id: str) -> Row:
    row = await services.reader.first(REVERSAL, id=reversal_id)
    assert row is not None, "a reversal is never removed"
    return row


async def _left(services: Services, payment: Row, *, besides: str) -> int:
    """Return what of a payment's money no other reversal has taken, minor units."""
    rows = await read_reversals(services.reader, payment["purchase_id"])
    others = sum(row["amount"] for row in rows if row["state"] in TAKING and row["id"] != besides)
    return int(payment["received_amount"] - others)


def _is_withdrawn(row: Row) -> bool:
    return WITHDRAWN in msgspec.json.decode(row["facts"]).get("legs", ())


def _row(purchase: Row, payment: Row, begins: Beginning, wanted: Wanted, now: int) -> dict[str, Any]:
    """Return a reversal's row before it stands anywhere: the move to what was told fills in the rest."""
    return {
        "id": new_id("rev"),
        "purchase_id": purchase["id"],
        "number": wanted.number,
        "customer_id": purchase["customer_id"],
        "cause": begins.cause,
        "amount": begins.amount,
        "currency": payment["received_currency"] or payment["currency"],
        "state": "",
        "taken_back": msgspec.json.encode(wanted.told(str(begins.strategy))).decode(),
        "reason": begins.reason,
        "actor": begins.actor,
        "entry_id": None,
        "created_at": now,
        "closed_at": None,
        "gateway": payment["gateway"],
        "gateway_ref": None,
        "facts": "{}",
        "updated_at": now,
    }


def _record_begun(services: Services, plan: Plan, row: Mapping[str, Any], begins: Beginning) -> None:
    record_action(
        plan,
        "purchase.refunded" if begins.cause != DISPUTE else "purchase.disputed",
        actor=begins.actor,
        about=row["id"],
        facts={"purchase": row["purchase_id"], "reason": begins.reason},
        now=services.clock.now(),
        wall=services.clock.wall(),
    )


def _answer(row: Mapping[str, Any], external_id: str, outcome: Outcome) -> Answer:
    told = row["taken_back"]
    rendered = told.render(outcome.results) if isinstance(told, FromResults) else told
    customer = {"id": external_id, **outcome.customer_change(row["customer_id"])}
    status = 202 if row["state"] in HOLDING else 201
    return Answer(status, msgspec.json.encode({**refund_json({**row, "taken_back": rendered}), "customer": customer}))
