"""One move of one reversal, written into a plan: its money, its goods, what its purchase says of it, and the event."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.accounts import issuance
from storefront.core.alarms import add_alarm
from storefront.core.clawing_back import find_unused
from storefront.core.commit.freezes import demand_of, freeze_name
from storefront.core.commit.plan import (
    Change,
    Demand,
    Freeze,
    FromResults,
    LotPart,
    Plan,
    TakeBack,
    TakeFrozen,
    Unfreeze,
    WalletDemand,
)
from storefront.core.demands import joined, set_aside_by, taken_of
from storefront.core.following import ENTRY as ELSEWHERE
from storefront.core.following import (
    elsewhere_id,
    freeze_elsewhere,
    has_moved,
    let_owe,
    take_elsewhere,
    unfreeze_elsewhere,
)
from storefront.core.giving_again import give_again_goods
from storefront.core.limit_restoring import follow_reversal
from storefront.core.opened import Opened, claim_opened
from storefront.core.opened_moves import (
    OpenedAside,
    aside_anew,
    freeze_opened,
    opened_freezes,
    set_aside_of_opened,
    take_opened,
    unfreeze_opened,
)
from storefront.core.passed_on import Elsewhere
from storefront.core.promoting import see_to_promotions
from storefront.core.purchasing import Status, move_status, parties_of, receiver_of
from storefront.core.reading import Query, Row
from storefront.core.receiving import owe_again, reject_received
from storefront.core.refunds import (
    CLAWING,
    DISPUTE,
    HOLDING,
    TAKING,
    Strategy,
    TakenBack,
    dispute_of,
    read_reversals,
    refunded_of,
    taken_back,
    was_undone,
)
from storefront.core.reversal_events import tell_move
from storefront.core.reversal_money import MoneyMove, ask_others, legs_of
from storefront.core.reviews import Decision, Ruling, close_review, need_review
from storefront.core.services import Services
from storefront.core.tables import freezes
from storefront.core.wallet_refunds import add_wallet_refund, tell_recipient, wallet_refund_row

FROZEN = "frozen"
MONEY_BACK = "refunded"
_FREEZE = Query(select(freezes).where(freezes.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class Told:
    """What a gateway says of a reversal, in our words: its state, and whether its money has left our balance."""

    state: str
    gateway_ref: str | None = None
    is_withdrawn: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Moving:
    """One move of one reversal, being written into a plan."""

    services: Services
    plan: Plan
    purchase: Row
    payment: Row
    row: dict[str, Any]
    demand: Demand
    left: int
    set_aside: Mapping[str, int] = field(default_factory=dict)
    elsewhere: tuple[Elsewhere, ...] = ()
    opened: Sequence[Opened] = ()
    opened_aside: tuple[OpenedAside, ...] = ()
    entry_id: str = ""
    row_after: dict[str, Any] = field(default_factory=dict)
    others: list[Row] = field(default_factory=list)

    async def move(self, before: Row | None, told: Told) -> bool:
        """Add all that the move from ``before`` (None: a new reversal) to ``told`` means; tell if it is anything."""
        facts = msgspec.json.decode(self.row["facts"])
        booked = frozenset(facts.get("legs", ()))
        wanted = legs_of(self.row["cause"], told.state, is_withdrawn=told.is_withdrawn)
        state = None if before is None else before["state"]
        if before is not None and (state, booked, before["gateway_ref"]) == (told.state, wanted, told.gateway_ref):
            return False
        now = self.services.clock.now()
        found = await read_reversals(self.services.reader, self.purchase["id"])
        self.others = [one for one in found if one["id"] != self.row["id"]]
        facts = {**facts, **told.facts, "legs": sorted(wanted)}
        self.row_after = {
            **self.row,
            "state": told.state,
            "gateway_ref": told.gateway_ref or self.row["gateway_ref"],
            "updated_at": now,
            "closed_at": None if told.state in HOLDING or told.state == "warning" else now,
        }
        self._name_anchors()
        self._open_entries()
        is_anew = any(was_undone(row) for row in found)
        money = MoneyMove(
            self.services, self.plan, self.purchase, self.payment, self.row, others=self.others, left=self.left
        )
        if money.book(booked, wanted, facts, is_anew=is_anew):
            self.row_after["entry_id"] = self.entry_id
        ask_others(self.services, self.plan, self.purchase, self.row, told.state, others=self.others)
        await self._goods(state, told.state, facts)
        await self._limits(before, told.state, facts)
        self.row_after["facts"] = msgspec.json.encode(facts).decode()
        if before is not None:
            names = ("state", "gateway_ref", "updated_at", "closed_at", "facts", "taken_back", "entry_id")
            expect = {"state": before["state"], "updated_at": before["updated_at"], "facts": before["facts"]}
            changes = {name: self.row_after[name] for name in names}
            self.plan.add(Change("reversals", (self.row["id"],), self.row["customer_id"], expect, changes))
        if state != told.state:
            await self._purchase(told, now)
        return True

    async def claim_anew(self, before: Row) -> None:
        """Let a reversal that waits set aside what it wants now, instead of what it has set aside."""
        receiver_id, facts = receiver_of(self.purchase), msgspec.json.decode(before["facts"])
        name = freeze_id(before["id"], facts)
        frozen = await self.services.reader.first(_FREEZE, id=name)
        if frozen is not None:
            self.plan.add(Unfreeze(name, receiver_id, demand_of(frozen)))
        thawed = await set_aside_elsewhere(self.services, before["id"], facts)
        self.plan.anchors |= {one.customer_id for one in thawed}
        unfreeze_elsewhere(self.plan, thawed, name)
        unfreeze_opened(
            self.plan, await set_aside_of_opened(self.services, name, taken_back(before), receiver_id), receiver_id
        )
        await self._claim(before, facts)

    async def claim_more(self, before: Row, kept: TakenBack) -> None:
        """Let a reversal that has taken take more, beside what it has; ``kept`` is what its row goes on to say."""
        # Its money has reversed the entry: that is told once.
        self.demand = replace(self.demand, original=None)
        await self._claim(before, msgspec.json.decode(before["facts"]), kept=kept)

    async def _claim(self, before: Row, facts: dict[str, Any], *, kept: TakenBack | None = None) -> None:
        now, purchase = self.services.clock.now(), self.purchase
        self.row_after = {**self.row, "updated_at": now}
        self._name_anchors()
        self._open_entries()
        await self._goods(None, before["state"], facts)
        if kept is not None:
            self.row_after["taken_back"] = _with_kept(kept, self.row_after["taken_back"])
        await self._limits(before, before["state"], facts)
        seen = {name: purchase[name] for name in ("status", "refunded", "dispute", "updated_at")}
        self.plan.add(Change("purchases", (purchase["id"],), purchase["customer_id"], seen, {"updated_at": now}))
        self.row_after["facts"] = msgspec.json.encode(facts).decode()
        names = ("updated_at", "facts", "taken_back")
        expect = {"state": before["state"], "updated_at": before["updated_at"], "facts": before["facts"]}
        self.plan.add(
            Change("reversals", (self.row["id"],), self.row["customer_id"], expect,
                   {name: self.row_after[name] for name in names})
        )  # fmt: skip

    def _name_anchors(self) -> None:
        """Name who may gain or lose by it: the buyer, a gift's recipient, and to whom its currency was passed on."""
        self.plan.anchors |= parties_of(self.purchase) | {one.customer_id for one in self.elsewhere}

    def _open_entries(self) -> None:
        """Open the entry that reverses the purchase's own, and one for what reverses nothing; unused ones vanish."""
        cause, about, anchor = self.row["cause"], self.row["id"], self.row["customer_id"]
        kind, original = "dispute.lost" if cause == DISPUTE else "refund", self.purchase["entry_id"]
        self.entry_id = self.plan.entry(kind, about=about, anchor=anchor, reverses=original)
        self.plan.entry(f"{cause}.money", about=about, anchor=anchor, label="money")
        self.plan.entry(f"{cause}.followed", about=about, anchor=anchor, label=ELSEWHERE)

    async def _goods(self, before: str | None, after: str, facts: dict[str, Any]) -> None:
        """Set goods aside, take them, or give them back; what is set aside anew is another freeze (``facts``)."""
        was_held, was_taken = before in HOLDING, before in TAKING
        reversal_id, receiver_id = self.row["id"], receiver_of(self.purchase)
        demand = self.demand
        is_new = not was_held and not was_taken
        is_begun = is_new and (after in HOLDING or after in TAKING)
        if is_begun:
            facts["freezes"] = facts.get("freezes", 0) + 1  # also of nothing: an older freeze is not this one's
            facts.pop("elsewhere", None)  # those of that older one
            claim_opened(self.plan, self.opened, reversal_id)
        if not (demand.wallets or demand.items or demand.rights or self.is_of_opened):
            return
        if is_begun:
            name = freeze_id(reversal_id, facts)
            self.plan.add(Freeze(name, receiver_id, demand))
            freeze_elsewhere(self.plan, self.elsewhere, name, facts)
            self.opened_aside = freeze_opened(self.plan, aside_anew(name, self.opened), receiver_id)
            is_new, was_held = False, True
            self._tell_recipient("gift.frozen")
        if was_held and after in TAKING:
            await self._take(facts, "entry" if demand.original is not None else "money")
            self._tell_recipient("gift.taken_back")
        elif was_held and after not in HOLDING and not is_new:
            self.plan.add(Unfreeze(freeze_id(reversal_id, facts), receiver_id, demand))
            unfreeze_elsewhere(self.plan, self.elsewhere, freeze_id(reversal_id, facts))
            unfreeze_opened(self.plan, self.opened_aside, receiver_id)
            self._tell_recipient("gift.released")
        elif was_taken and after not in TAKING:
            of_opened = await opened_freezes(self.services, reversal_id, receiver_id) if self.is_of_opened else ()
            frozen_as = (*freeze_ids(reversal_id, facts), *of_opened)
            await give_again_goods(
                self.services, self.plan, self.purchase, self.row, demand=demand, freeze_ids=frozen_as
            )
            told = taken_back(self.row)
            kept = msgspec.structs.replace(told, items=(), credits=(), entitlements=(), elsewhere=(), receiver_owes={})
            self.row_after["taken_back"] = msgspec.json.encode(kept).decode()
            self._tell_recipient("gift.given_again")

    @property
    def is_of_opened(self) -> bool:
        """Whether used items were asked for as what they became."""
        return bool(taken_back(self.row).openings)

    def _tell_recipient(self, event: str) -> None:
        if self.purchase["recipient_id"] is not None:
            tell_recipient(self.plan, self.purchase, event)

    async def _limits(self, before: Row | None, state: str, facts: dict[str, Any]) -> None:
        after = {**self.row, "state": state}
        await follow_reversal(self.services, self.plan, self.purchase, before=before, after=after, facts=facts)

    async def _take(self, facts: Mapping[str, Any], entry: str) -> None:
        """Take what is set aside, and what the missing part bought; of the rest, currency may be owed."""
        told, demand, reversal_id = taken_back(self.row), self.demand, self.row["id"]
        receiver_id, config = receiver_of(self.purchase), self.services.config.purchases
        terms = (config.debt_repay_percent, config.debt_blocks_spending)
        whose = (self.row["customer_id"], receiver_id)
        undone, most = dict[str, str | None](), dict[str, int]()
        for wanted in demand.wallets:
            label, worth = await self._undo(wanted, demand.original)
            undone[wanted.asset] = label
            if label is not None:
                most[wanted.asset] = wanted.demanded - worth - self._there_elsewhere(wanted.asset)
        # A demand on what the purchase gave is met under the entry that reverses the purchase's own.
        frozen_as = freeze_id(reversal_id, facts)
        self.plan.add(TakeFrozen(entry, frozen_as, receiver_id, demand, FROZEN, about=reversal_id, most=most))
        owners = take_elsewhere(self.plan, self.elsewhere, frozen_as, about=reversal_id)
        others = tuple(label for label, _ in owners)
        labels = {asset: others if label is None else (label, *others) for asset, label in undone.items()}
        for wanted in demand.wallets if told.strategy == Strategy.DEBT else ():
            less = labels[wanted.asset]
            let_owe(self.plan, entry, wanted, missing_of=FROZEN, less=less, whose=whose, terms=terms)

        aside = freeze_opened(self.plan, self.opened_aside, receiver_id)
        opened = take_opened(self.services, self.plan, aside, about=reversal_id, strategy=told.strategy, whose=whose)

        def render(results: Mapping[str, Any]) -> str:
            back = taken_of(told, demand, results, labels, opened, owners=owners, whose=whose)
            return msgspec.json.encode(back).decode()

        self.row_after["taken_back"] = FromResults(render)
        earlier = self.row_after["entry_id"]
        if entry == "entry" and earlier != self.entry_id:
            # Its money is booked elsewhere; the entry that reverses is its own all the same, if any goods are in it.
            reversing = (FROZEN, *(label for label in undone.values() if label is not None))
            self.row_after["entry_id"] = FromResults(
                lambda results: self.entry_id if has_moved(results, reversing, demand) else earlier
            )

    def _there_elsewhere(self, asset: str) -> int:
        return sum(one.there.get(asset, 0) for one in self.elsewhere)

    async def _undo(self, wanted: WalletDemand, original: str | None) -> tuple[str | None, int]:
        """Undo unused purchases that the missing part of a demand paid for, and take their value.

        Return the step's label (None: there are none), and what they are worth.

        Only for what a payer's bank takes back: a refund that we choose to make takes no other purchase apart.
        """
        missing = wanted.demanded - self.set_aside.get(wanted.asset, 0) - self._there_elsewhere(wanted.asset)
        if self.row["cause"] not in CLAWING or missing <= 0 or original is None:
            return None, 0
        customer_id, now = receiver_of(self.purchase), self.services.clock.now()
        found = await find_unused(self.services, customer_id, wanted, missing)
        for number, one in enumerate(found):
            reason = clawed_back_for(self.row["id"])
            row = wallet_refund_row(
                one.purchase, one.decision, reason=reason, actor=self.plan.actor, now=now, cause="clawback"
            )
            label = f"undone:{wanted.asset}:{number}"
            add_wallet_refund(self.plan, self.services, one.purchase, one.decision, row, label=label)
        if not found:
            return None, 0
        label, returned = f"back:{wanted.asset}", Counter[str]()
        for part in (part for one in found for part in one.parts):
            returned[part.lot_id] += part.amount
        parts = tuple(LotPart(lot_id, amount) for lot_id, amount in returned.items())
        self.plan.add(
            TakeBack("entry", original, customer_id, wanted.asset, returned.total(), issuance(wanted.asset), parts,
                     wanted.at_most, is_partial=True, label=label)
        )  # fmt: skip
        return label, returned.total()

    async def _purchase(self, told: Told, now: int) -> None:
        """Say on the purchase what its reversals make of it, and tell the world."""
        purchase, row = self.purchase, self.row
        all_rows = [*self.others, {**row, "state": told.state}]
        changes: dict[str, Any] = {
            "refunded": refunded_of(self.payment, all_rows),
            "dispute": dispute_of(all_rows),
            "updated_at": now,
        }
        if changes["refunded"] == "full" and purchase["payment_state"] == "received":
            changes["payment_state"] = "refunded"
        elif purchase["payment_state"] == "refunded" and changes["refunded"] != "full":
            changes["payment_state"] = "received"
        expect = {name: purchase[name] for name in ("status", "refunded", "dispute", "updated_at")}
        if purchase["status"] == Status.PAID and changes["refunded"] == "full":
            move_status(self.plan, purchase, Status.CANCELED, reason=MONEY_BACK, **changes)
        elif (
            purchase["status"] == Status.CANCELED and purchase["reason"] == MONEY_BACK and changes["refunded"] != "full"
        ):
            # The money did not go back after all: the goods are owed again.
            move_status(self.plan, purchase, Status.PAID, reason="refund_failed", **changes)
        elif purchase["status"] == Status.IN_REVIEW and changes["refunded"] == "full":
            # It went back at the gateway, by hand or because of a warning: there is nothing left to decide.
            review = await need_review(self.services, purchase["id"])
            close_review(
                self.plan, review, now=now, ruling=Ruling(Decision.REJECTED, self.plan.actor, "its money went back")
            )
            await reject_received(self.services, self.plan, purchase, to=Status.REJECTED, reason=MONEY_BACK, **changes)
        else:
            self.plan.add(Change("purchases", (purchase["id"],), purchase["customer_id"], expect, changes))
        if told.state not in HOLDING | TAKING and changes["refunded"] != "full":
            if purchase["status"] == Status.PAID or purchase["reason"] == MONEY_BACK:
                await owe_again(self.services, self.plan, purchase)
            elif purchase["status"] in (Status.REJECTED, Status.CANCELED):
                add_alarm(self.services, self.plan, "money_not_given_back", purchase["id"], {"reversal": row["id"]})
        await see_to_promotions(self.services, self.plan, purchase, changes)
        tell_move(self.plan, {**purchase, **changes}, row, told.state)


def freeze_id(reversal_id: str, facts: Mapping[str, Any]) -> str:
    """Name the freeze of a reversal: a dispute that was won, and is lost after all, sets goods aside a second time."""
    return freeze_name(reversal_id, facts.get("freezes", 1))


def freeze_ids(reversal_id: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Name all the freezes of a reversal, also such of nothing, which have no row; the oldest first."""
    return tuple(freeze_name(reversal_id, number) for number in range(1, facts.get("freezes", 1) + 1))


async def demand_taken(services: Services, row: Row) -> Demand:
    """Return all that a reversal has ever set aside, as one demand: what it took may have been claimed bit by bit."""
    whole = Demand(None)
    for name in freeze_ids(row["id"], msgspec.json.decode(row["facts"])):
        frozen = await services.reader.first(_FREEZE, id=name)
        demand = Demand(None) if frozen is None else demand_of(frozen)
        whole = replace(
            demand,
            wallets=(*whole.wallets, *demand.wallets),
            items={**whole.items, **demand.items},
            rights=(*whole.rights, *demand.rights),
            terms={**whole.terms, **demand.terms},
        )
    return whole


async def set_aside_elsewhere(services: Services, reversal_id: str, facts: Mapping[str, Any]) -> tuple[Elsewhere, ...]:
    """Return what a reversal has set aside in others' wallets, as its freezes there say."""
    found = []
    for number, customer_id in enumerate(facts.get("elsewhere", ())):
        frozen = await services.reader.first(_FREEZE, id=elsewhere_id(freeze_id(reversal_id, facts), number))
        assert frozen is not None, "a freeze is never removed"
        found.append(Elsewhere(customer_id, demand_of(frozen), set_aside_by(frozen)))
    return tuple(found)


def _with_kept(kept: TakenBack, text: str | FromResults) -> FromResults:
    """Return what a row says that took goods before, and takes more."""

    def render(results: Mapping[str, Any]) -> str:
        more = taken_back({"taken_back": text.render(results) if isinstance(text, FromResults) else text})
        return msgspec.json.encode(joined(kept, more)).decode()

    return FromResults(render)


def clawed_back_for(reversal_id: str) -> str:
    """Return the reason that stands in the reversals of purchases that were undone for another reversal."""
    return f"clawed back for {reversal_id}"
