"""The life of a reversal at a gateway: what it asks for is set aside, then taken for good, or given back.

Refunds, disputes and early warnings go the same way. A reversal's state is moved by what the gateway says of it,
never by a guess, and every move is one commit: money, goods, the reversal, the purchase and the event.

    nothing ──► holding (pending, open) ──► taking (completed, lost)
                     └──► nothing (failed, canceled, won, closed) ◄──┘

The two legs of money stand in the row (``facts.legs``), so that each is booked once and can be booked back: what the
gateway took from our balance, and what that costs the purchase.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.accounts import Account, clearing, disputes, issuance, losses, revenue, unapplied
from storefront.core.clock import MINUTE_MS
from storefront.core.commit.freezes import demand_of
from storefront.core.commit.outcome import Answer, Outcome, Stale, Taken
from storefront.core.commit.plan import (
    Change,
    Claim,
    Demand,
    Freeze,
    FromResults,
    IdempotencyKey,
    Insert,
    MissingOf,
    Owe,
    Plan,
    TakeFrozen,
    Transfer,
    Unfreeze,
)
from storefront.core.demands import Wanted, taken_of, want_back
from storefront.core.errors import Unavailable
from storefront.core.giving_again import give_again_goods
from storefront.core.ids import new_id
from storefront.core.privileged import record_action
from storefront.core.purchasing import Status, event_payload, move_status, read_payment, read_purchase
from storefront.core.reading import Query, Row
from storefront.core.refunds import DISPUTE, HOLDING, TAKING, Strategy, read_reversals, refund_json, taken_back
from storefront.core.reversing import RefundTooLarge
from storefront.core.services import Services
from storefront.core.settlement import add_alarm
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

REVERSAL = Query(select(reversals).where(reversals.c.id == bindparam("id")))
BY_GATEWAY_REF = Query(
    select(reversals).where(
        reversals.c.gateway == bindparam("gateway"), reversals.c.gateway_ref == bindparam("reference")
    )
)
_FREEZE = Query(select(freezes).where(freezes.c.id == bindparam("id")))
_REFUNDED, _WITHDRAWN, _LOST = "refunded", "withdrawn", "lost"

log = structlog.get_logger("storefront.reversals")


@dataclass(frozen=True, slots=True)
class Told:
    """What a gateway says of a reversal, in our words: its state, and whether its money has left our balance."""

    state: str
    gateway_ref: str | None = None
    is_withdrawn: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A reversal that is about to be written: why, how much, and what to do about goods that are gone."""

    cause: str
    amount: int
    strategy: Strategy
    actor: str
    reason: str
    quantity: int | None = None
    in_proportion: bool = False
    at_most_left: bool = False
    claim: str | None = None
    idempotency: IdempotencyKey | None = None


def legs_of(cause: str, told: Told) -> frozenset[str]:
    """Return which movements of money are true when a reversal stands like this."""
    if cause != DISPUTE:
        return frozenset({_REFUNDED} if told.state in TAKING else ())
    if told.state in TAKING:
        return frozenset({_WITHDRAWN, _LOST})
    return frozenset({_WITHDRAWN} if told.state in HOLDING and told.is_withdrawn else ())


async def begin(services: Services, purchase_id: str, begins: Beginning, told: Told) -> str | Outcome:
    """Write a reversal as it stands, and do what that means; return its id, or the outcome of a replayed key.

    Raises:
        Taken: somebody else has written the same (``claim``); the error names the reversal.
        RefundTooLarge: with ``at_most_left``, other reversals have left less than that.
    """
    for _ in range(TIMES_DECIDED):
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
        )
        if begins.at_most_left and begins.amount > wanted.left:
            raise RefundTooLarge(left={"amount": wanted.left, "currency": payment["currency"]})
        row = _row(services, purchase, payment, begins, wanted, told)
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
        moving = _Moving(services, plan, purchase, payment, row, demand=wanted.demand, left=wanted.left)
        await moving.move(None, told)
        plan.add(Insert("reversals", (row["id"],), purchase["customer_id"], moving.row_after))
        if told.state in HOLDING:
            now = services.clock.now()
            plan.schedule("reversal.sweep", anchor=row["customer_id"], unique_key=f"reversal:{row['id']}",
                          due_at=now + MINUTE_MS, now=now, payload={"reversal_id": row["id"]})  # fmt: skip
        _record_begun(services, plan, row, begins)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        except Taken as taken:
            if taken.key == begins.claim:
                raise
            continue
        return outcome if outcome.is_replay else str(row["id"])
    raise Unavailable("Too much is changing at once; try again.")


async def advance(
    services: Services, reversal_id: str, told: Told, *, key: IdempotencyKey | None = None
) -> tuple[Row, Answer | None]:
    """Move a reversal to where its gateway says it is; nothing happens twice, and nothing goes back.

    With ``key`` the answer of the operation that began it is stored in the same commit.
    """
    for _ in range(TIMES_DECIDED):
        row = await need_reversal(services, reversal_id)
        purchase = await read_purchase(services, row["purchase_id"])
        payment = await read_payment(services, row["purchase_id"])
        assert payment is not None, "only purchases through a gateway are reversed here"
        is_new = told.state in NEXT[row["state"]]
        if told.state != row["state"] and not is_new:
            log.info("reversal_stays", reversal=reversal_id, state=row["state"], told=told.state)
            told = Told(row["state"], row["gateway_ref"], _is_withdrawn(row))
        plan = Plan(actor=f"gateway:{row['gateway']}", anchors={row["customer_id"]}, idempotency=key,
                    object_id=reversal_id)  # fmt: skip
        frozen = await services.reader.first(_FREEZE, id=reversal_id)
        demand = Demand(purchase["entry_id"]) if frozen is None else demand_of(frozen)
        left = await _left(services, payment, besides=reversal_id)
        moving = _Moving(services, plan, purchase, payment, dict(row), demand=demand, left=left)
        changed = await moving.move(row, told)
        if not changed and key is None:
            return row, None
        if key is not None:
            after, name = moving.row_after, await services.customers.external_id(row["customer_id"])
            plan.answer = lambda outcome, after=after, name=name: _answer(after, name, outcome)
        try:
            outcome = await services.engine.commit(plan)
        except Stale:
            continue
        return await need_reversal(services, reversal_id), outcome.answer
    raise Unavailable("Too much is changing at once; try again.")


async def need_reversal(services: Services, reversal_id: str) -> Row:
    row = await services.reader.first(REVERSAL, id=reversal_id)
    assert row is not None, "a reversal is never removed"
    return row


async def _left(services: Services, payment: Row, *, besides: str) -> int:
    """Return what of a payment's money no other reversal has taken, minor units."""
    rows = await read_reversals(services.reader, payment["purchase_id"])
    others = sum(row["amount"] for row in rows if row["state"] in TAKING and row["id"] != besides)
    return int(payment["received_amount"]) - others


def _is_withdrawn(row: Row) -> bool:
    return _WITHDRAWN in msgspec.json.decode(row["facts"]).get("legs", ())


@dataclass(slots=True)
class _Moving:
    """One move of one reversal, being written into a plan."""

    services: Services
    plan: Plan
    purchase: Row
    payment: Row
    row: dict[str, Any]
    demand: Demand
    left: int
    row_after: dict[str, Any] = field(default_factory=dict)

    async def move(self, before: Row | None, told: Told) -> bool:
        """Add all that the move from ``before`` (None: a new reversal) to ``told`` means; tell if it is anything."""
        facts = msgspec.json.decode(self.row["facts"])
        booked = frozenset(facts.get("legs", ()))
        wanted = legs_of(self.row["cause"], told)
        state = None if before is None else before["state"]
        if before is not None and (state, booked, before["gateway_ref"]) == (told.state, wanted, told.gateway_ref):
            return False
        now = self.services.clock.now()
        facts = {**facts, **told.facts, "legs": sorted(wanted)}
        self.row_after = {
            **self.row,
            "state": told.state,
            "gateway_ref": told.gateway_ref or self.row["gateway_ref"],
            "updated_at": now,
            "closed_at": None if told.state in HOLDING or told.state == "warning" else now,
        }
        self._money(booked, wanted, facts)
        await self._goods(state, told.state)
        self.row_after["facts"] = msgspec.json.encode(facts).decode()
        if before is not None:
            names = ("state", "gateway_ref", "updated_at", "closed_at", "facts", "taken_back", "entry_id")
            expect = {"state": before["state"], "updated_at": before["updated_at"], "facts": before["facts"]}
            changes = {name: self.row_after[name] for name in names}
            self.plan.add(Change("reversals", (self.row["id"],), self.row["customer_id"], expect, changes))
        if state != told.state:
            await self._purchase(told, now)
        return True

    def _money(self, booked: frozenset[str], wanted: frozenset[str], facts: dict[str, Any]) -> None:
        """Book the legs that have become true, and book back those that are true no more."""
        forward, back = wanted - booked, booked - wanted
        over = facts.setdefault("over", max(0, self.row["amount"] - max(0, self.left)) if forward else 0)
        reversing = forward & {_REFUNDED, _LOST}
        if self.purchase["entry_id"] is not None:
            entry_id = self.plan.entry(
                "refund" if self.row["cause"] != DISPUTE else "dispute.lost",
                about=self.row["id"],
                anchor=self.row["customer_id"],
                reverses=self.purchase["entry_id"],
            )
            if reversing:
                self.row_after["entry_id"] = entry_id
        self.plan.entry(
            f"{self.row['cause']}.money", about=self.row["id"], anchor=self.row["customer_id"], label="money"
        )
        for leg in sorted(forward):
            source, destination = self._accounts(leg)
            if leg in reversing:
                self._add("entry", source, destination, self.row["amount"] - over)
                self._add("money", losses(self.row["currency"]), destination, over)
            else:
                self._add("money", source, destination, self.row["amount"])
        for leg in sorted(back):
            source, destination = self._accounts(leg)
            less = over if leg in (_REFUNDED, _LOST) else 0
            self._add("money", destination, source, self.row["amount"] - less)
            self._add("money", destination, losses(self.row["currency"]), less)
        if over and forward:
            add_alarm(self.services, self.plan, "reversed_more_than_received", self.row["id"], {"over": over})

    def _add(self, label: str, source: Account, destination: Account, amount: int) -> None:
        if amount:
            self.plan.add(Transfer(label, source, destination, amount, self.row["customer_id"]))

    def _accounts(self, leg: str) -> tuple[Account, Account]:
        currency = self.row["currency"]
        cleared = clearing(self.payment["gateway"], currency)
        if leg == _WITHDRAWN:
            return disputes(currency), cleared
        return self._earned(), cleared if leg == _REFUNDED else disputes(currency)

    def _earned(self) -> Account:
        """Return where the purchase's money lies: with the customer while its goods are owed, else it is revenue."""
        if self.purchase["status"] in (Status.PAID, Status.CANCELED):
            return unapplied(self.row["customer_id"], self.row["currency"])
        return revenue(self.row["currency"])

    async def _goods(self, before: str | None, after: str) -> None:
        """Set goods aside, take them, or give them back."""
        was_held, was_taken = before in HOLDING, before in TAKING
        reversal_id, customer_id = self.row["id"], self.row["customer_id"]
        demand = self.demand
        if not (demand.wallets or demand.items or demand.rights):
            return
        is_new = not was_held and not was_taken
        if is_new and (after in HOLDING or after in TAKING):
            self.plan.add(Freeze(reversal_id, customer_id, demand))
            is_new, was_held = False, True
        if was_held and after in TAKING:
            self._take()
        elif was_held and after not in HOLDING and not is_new:
            self.plan.add(Unfreeze(reversal_id, customer_id, demand))
        elif was_taken and after not in TAKING:
            await give_again_goods(self.services, self.plan, self.purchase, self.row, demand)
            told = taken_back(self.row)
            kept = msgspec.structs.replace(told, items=(), credits=(), entitlements=())
            self.row_after["taken_back"] = msgspec.json.encode(kept).decode()

    def _take(self) -> None:
        """Take what is set aside; of what is gone, currency is owed if the strategy says so."""
        told, demand = taken_back(self.row), self.demand
        customer_id, label = self.row["customer_id"], "frozen"
        terms = self.services.config.purchases
        # Every demand on a wallet is met under the entry that reverses the purchase's own.
        self.plan.add(TakeFrozen("entry", self.row["id"], customer_id, demand, label))
        owes = told.strategy == Strategy.DEBT
        if owes:
            for wanted in demand.wallets:
                self.plan.add(
                    Owe("entry", customer_id, wanted.asset, MissingOf(label), terms.debt_repay_percent,
                        terms.debt_blocks_spending)
                )  # fmt: skip

        def render(results: Mapping[str, Any]) -> str:
            taken = results.get(f"taken:{label}", {})
            owed = results.get(f"missing:{label}", {}).get("wallets", {}) if owes else {}
            return msgspec.json.encode(taken_of(told, demand, taken, owed, taken.get("rights", ()))).decode()

        self.row_after["taken_back"] = FromResults(render)
        self.row_after["entry_id"] = self.row_after["entry_id"] or self._entry_id()

    def _entry_id(self) -> str | None:
        """Return the id of the reversing entry if anything moves under it."""
        found = [step for step in self.plan.list if getattr(step, "label", None) == "entry"]
        return found[0].entry_id if found and self.plan.moves_value("entry") else None  # type: ignore[union-attr]

    async def _purchase(self, told: Told, now: int) -> None:
        """Say on the purchase what its reversals make of it, and tell the world."""
        purchase, row = self.purchase, self.row
        others = [one for one in await read_reversals(self.services.reader, purchase["id"]) if one["id"] != row["id"]]
        all_rows = [*others, {**row, "state": told.state}]
        changes = {
            "refunded": _refunded(purchase, self.payment, all_rows),
            "dispute": _dispute(all_rows),
            "updated_at": now,
        }
        if changes["refunded"] == "full" and purchase["payment_state"] == "received":
            changes["payment_state"] = "refunded"
        elif purchase["payment_state"] == "refunded" and changes["refunded"] != "full":
            changes["payment_state"] = "received"
        expect = {name: purchase[name] for name in ("status", "refunded", "dispute", "updated_at")}
        if purchase["status"] == Status.PAID and changes["refunded"] == "full":
            move_status(self.plan, purchase, Status.CANCELED, reason="refunded", **changes)
        else:
            self.plan.add(Change("purchases", (purchase["id"],), purchase["customer_id"], expect, changes))
        name = f"purchase.{'dispute' if row['cause'] == DISPUTE else 'refund'}_{told.state}"
        if row["cause"] != DISPUTE and told.state == "completed":
            name = "purchase.refunded"
        shown = {name: row[name] for name in ("id", "cause", "amount", "currency")} | {"state": told.state}
        payload = {**event_payload({**purchase, **changes}), "refunded": changes["refunded"],
                   "dispute": changes["dispute"], "reversal": shown}  # fmt: skip
        self.plan.emit(name, anchor=purchase["customer_id"], subject=purchase["id"], payload=payload)


def _refunded(purchase: Row, payment: Row, rows: list[Mapping[str, Any]]) -> str:
    done = [row for row in rows if row["cause"] != DISPUTE and row["state"] in TAKING]
    if not done:
        return "none"
    is_all = sum(row["amount"] for row in done) >= payment["received_amount"]
    return "full" if is_all else "part"


def _dispute(rows: list[Mapping[str, Any]]) -> str:
    """Return what a purchase says of its disputes: a lost one stays lost, an open one is told before a won one."""
    states = {row["state"] for row in rows if row["cause"] == DISPUTE}
    return next((state for state in ("lost", "open", "won") if state in states), "none")


def _row(services: Services, purchase: Row, payment: Row, begins: Beginning, wanted: Wanted, told: Told) -> dict[str, Any]:
    now = services.clock.now()
    return {
        "id": new_id("rev"),
        "purchase_id": purchase["id"],
        "number": wanted.number,
        "customer_id": purchase["customer_id"],
        "cause": begins.cause,
        "amount": begins.amount,
        "currency": payment["received_currency"] or payment["currency"],
        "state": told.state,
        "taken_back": msgspec.json.encode(wanted.told(str(begins.strategy))).decode(),
        "reason": begins.reason,
        "actor": begins.actor,
        "entry_id": None,
        "created_at": now,
        "closed_at": None,
        "gateway": payment["gateway"],
        "gateway_ref": told.gateway_ref,
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
