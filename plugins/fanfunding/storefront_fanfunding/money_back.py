"""A tip's money goes back, or may: its creator's part of it is set aside, taken for good, or given back.

    none ──► held ──► taken
      ◄───────┘         │        what is held is exactly what is given back, or taken
      ◄─────────────────┘        what was taken comes back if a refund fails at last, or a dispute is won on appeal

Of a share the tip's own reserve gives first, then what the creator could be paid; what is no longer there they owe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from storefront.core.accounts import Account
from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Change, Emit, Insert, Key, Late, Plan, Step, Steps, Transfer
from storefront.core.kinds import BackStage, MoneyBack
from storefront_fanfunding.accounts import (
    debt,
    earned_by_shop,
    money_anchor,
    payable,
    queue_anchor,
    receivable,
    reserve,
)
from storefront_fanfunding.passbook import Entry, Purse, add_line
from storefront_fanfunding.rows import (
    PAID,
    REFUNDED,
    RELEASE,
    REVERSALS,
    TIPS,
    release_key,
    reversal_key,
    tip_key,
    value_of,
)
from storefront_fanfunding.settling import event_payload

TAKE_BACK = "take_back"
_ENTRIES = {BackStage.HELD: "tip.frozen", BackStage.TAKEN: "tip.reversed", BackStage.NONE: "tip.given_back"}
_EVENTS = {BackStage.HELD: "tip.frozen", BackStage.TAKEN: "tip.refunded", BackStage.NONE: "tip.restored"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One move of one reversal of a tip; ``label`` is that of the entry for what it moves."""

    tip_id: str
    creator_id: str
    customer_id: str
    reversal_id: str
    currency: str
    amount: int
    stage: BackStage
    is_again: bool
    entry_id: str = ""

    @property
    def label(self) -> str:
        return f"tip:{self.reversal_id}"

    @property
    def tip(self) -> Key:
        return tip_key(self.tip_id, self.customer_id)

    @property
    def reversal(self) -> Key:
        return reversal_key(self.reversal_id, self.customer_id)

    @property
    def payable(self) -> Account:
        return payable(self.creator_id, self.currency)

    @property
    def debt(self) -> Account:
        return debt(self.creator_id, self.currency)

    @property
    def purse(self) -> Purse:
        return Purse(self.creator_id, self.currency)

    @property
    def entry(self) -> Entry:
        return Entry(self.entry_id, _ENTRIES[self.stage], self.tip_id)


def add_money_back(plan: Plan, move: MoneyBack) -> None:
    """Add to the plan of a reversal's move what it means for the tip's creator."""
    details = msgspec.json.decode(move.purchase["details"])
    if "tip" not in details:
        return
    customer_id = move.purchase["customer_id"]
    asked = Asked(
        details["tip"], details["creator_id"], customer_id, move.reversal_id, move.purchase["currency"], move.amount,
        move.stage, move.is_again,
    )  # fmt: skip
    plan.anchors |= {money_anchor(asked.creator_id), queue_anchor(asked.creator_id)}
    entry_id = plan.entry(_ENTRIES[asked.stage], about=asked.tip_id, anchor=customer_id, label=asked.label)
    job = Key("jobs", (f"job:{release_key(asked.tip_id)}",), customer_id)
    reads = (asked.tip, asked.reversal, *asked.purse.reads, job)
    plan.add(Late(f"fanfunding.{TAKE_BACK}", reads, {"asked": replace(asked, entry_id=entry_id)}))


@dataclass(frozen=True, slots=True)
class Stand:
    """How a tip and one reversal of it stand, while a move is worked out; the numbers are their rows'."""

    reserved: int
    back_amount: int
    returned: int
    back_earned: int
    payable: int
    debt: int
    stage: str = "none"
    amount: int = 0
    wanted: int = 0
    from_reserve: int = 0
    from_payable: int = 0
    owed: int = 0


@dataclass(slots=True)
class Move:
    """Works out one move: ``stand`` changes, ``transfers`` grow."""

    asked: Asked
    tip: Mapping[str, Any]
    stand: Stand
    transfers: list[Transfer] = field(default_factory=list)

    def go(self, to: BackStage) -> None:
        """Bring the reversal from where it stands to another stage."""
        before, has_more = self.stand.stage, self._has_more_to_ask()
        if before == to and (before == "none" or not has_more):
            return
        if before == "taken":
            self._give_again()
        elif before == "held" and (to is BackStage.NONE or has_more):
            self._give_back()
        if to is BackStage.HELD:
            self._hold()
        elif to is BackStage.TAKEN:
            if self.stand.stage != "held":
                self._hold(takes=True)
            self._take()

    def _has_more_to_ask(self) -> bool:
        """Tell whether another reversal, which is over, has left money that this one could not ask for then."""
        stand = self.stand
        room = int(self.tip["total"]) - stand.back_amount + stand.amount
        return min(self.asked.amount, room) > stand.amount

    def _hold(self, *, takes: bool = False) -> None:
        """Set the creator's part aside: what the tip still has in reserve, then what they could be paid.

        One that ``takes`` at once leaves the latter where it is.
        """
        stand, amount = self.stand, min(self.asked.amount, self.tip["total"] - self.stand.back_amount)
        wanted = max(0, self._part(stand.back_amount + amount) - stand.back_earned)
        there = min(wanted, stand.reserved)
        more = 0 if takes else min(wanted - there, stand.payable)
        self._move(self.asked.payable, self._reserve(), more)
        self.stand = replace(
            stand, stage="held", amount=amount, wanted=wanted, from_reserve=there, from_payable=more,
            reserved=stand.reserved - there, payable=stand.payable - more,
            back_amount=stand.back_amount + amount, back_earned=stand.back_earned + wanted,
        )  # fmt: skip

    def _take(self) -> None:
        """Take what is set aside, then what the creator could be paid; the rest they owe."""
        stand, shop = self.stand, self._shop()
        self._move(self._reserve(), shop, stand.from_reserve + stand.from_payable)
        missing = stand.wanted - stand.from_reserve - stand.from_payable
        more = min(missing, stand.payable)
        self._move(self.asked.payable, shop, more)
        self._move(receivable(self.asked.currency), self.asked.debt, missing - more)
        self.stand = replace(
            stand, stage="taken", from_payable=stand.from_payable + more, owed=missing - more,
            payable=stand.payable - more, debt=stand.debt + missing - more, returned=stand.returned + stand.amount,
        )  # fmt: skip

    def _give_back(self) -> None:
        """Give back exactly what was set aside, to where it was."""
        stand = self.stand
        self._move(self._reserve(), self.asked.payable, stand.from_payable)
        self._over(reserved=stand.from_reserve, payable=stand.from_payable)

    def _give_again(self) -> None:
        """Give back what was taken; what is still owed of it is struck off, what was paid of that is given back."""
        stand, shop = self.stand, self._shop()
        struck = min(stand.owed, stand.debt)
        paid = stand.from_payable + stand.owed - struck
        self._move(shop, self._reserve(), stand.from_reserve)
        self._move(shop, self.asked.payable, paid)
        self._move(self.asked.debt, receivable(self.asked.currency), struck)
        self._over(reserved=stand.from_reserve, payable=paid, struck=struck, returned=stand.amount)

    def _over(self, *, reserved: int, payable: int, struck: int = 0, returned: int = 0) -> None:
        stand = self.stand
        self.stand = replace(
            stand, stage="none", amount=0, wanted=0, from_reserve=0, from_payable=0, owed=0,
            reserved=stand.reserved + reserved, payable=stand.payable + payable, debt=stand.debt - struck,
            back_amount=stand.back_amount - stand.amount, back_earned=stand.back_earned - stand.wanted,
            returned=stand.returned - returned,
        )  # fmt: skip

    def _part(self, amount: int) -> int:
        """Return the creator's part of so much of the tip, rounded down; of all of it all."""
        part: int = self.tip["earned"] * amount // self.tip["total"]
        return part

    def _move(self, source: Account, to: Account, amount: int) -> None:
        if amount:
            anchor = money_anchor(self.asked.creator_id)
            self.transfers.append(Transfer(self.asked.label, source, to, amount, anchor))

    def _reserve(self) -> Account:
        return reserve(self.asked.creator_id, self.asked.currency)

    def _shop(self) -> Account:
        return earned_by_shop(self.asked.currency)


def take_back(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: bring what a reversal wants of a creator to where the reversal stands. Told twice, it is done once."""
    asked: Asked = facts["asked"]
    tip, row = view.row(asked.tip), view.row(asked.reversal)
    if tip is None or tip["state"] not in (PAID, REFUNDED):
        return ()
    kept = {} if row is None else {name: row[name] for name in _OF_REVERSAL}
    stand = Stand(
        **{name: tip[name] for name in _OF_TIP},
        payable=value_of(view.row(asked.purse.payable), "balance"),
        debt=value_of(view.row(asked.purse.debt), "balance"),
        **kept,
    )
    move = Move(asked, tip, stand)
    move.go(BackStage(stand.stage) if asked.is_again else asked.stage)
    if move.stand == stand:
        return ()
    steps = Steps()
    steps.add(*move.transfers)
    moved, owed = move.stand.payable - stand.payable, move.stand.debt - stand.debt
    add_line(view, steps, asked.purse, asked.entry, amount=moved, owed=owed)
    return _written(steps, asked, tip, row, stand=move.stand, now=view.moment.now)


_OF_TIP = ("reserved", "back_amount", "returned", "back_earned")
_OF_REVERSAL = ("stage", "amount", "wanted", "from_reserve", "from_payable", "owed")


def _written(
    steps: Steps, asked: Asked, tip: Mapping[str, Any], row: Mapping[str, Any] | None, *, stand: Stand, now: int
) -> Sequence[Step]:
    """Add to a move's transfers what else writes it: the two rows, the event, and a release that is due anew."""
    customer_id = asked.customer_id
    changes = {name: getattr(stand, name) for name in _OF_TIP} | {"updated_at": now}
    changes["state"] = REFUNDED if stand.returned >= tip["total"] else PAID
    steps.add(Change(TIPS, (asked.tip_id,), customer_id, {"updated_at": tip["updated_at"]}, changes))
    told = {name: getattr(stand, name) for name in _OF_REVERSAL} | {"updated_at": now}
    if row is None:
        begun = {"id": asked.reversal_id, "tip_id": asked.tip_id, "customer_id": customer_id, "created_at": now, **told}
        steps.add(Insert(REVERSALS, (asked.reversal_id,), customer_id, begun))
    else:
        steps.add(Change(REVERSALS, (asked.reversal_id,), customer_id, {"stage": row["stage"]}, told))
    if stand.reserved > tip["reserved"]:
        due = max(now, tip["release_at"])
        steps.schedule(RELEASE, anchor=customer_id, unique_key=release_key(asked.tip_id), due_at=due, now=now,
                       payload={"tip": asked.tip_id})  # fmt: skip
    event = _EVENTS[BackStage(stand.stage)]
    steps.add(Emit(queue_anchor(asked.creator_id), event, asked.tip_id,
                   {**event_payload({**tip, **changes}), "reversal_id": asked.reversal_id}))  # fmt: skip
    return steps.list
