"""The money of one move of a reversal: what the gateway took from our balance, and what that costs the purchase.

Its legs stand in the row (``facts.legs``), so that each is booked once and can be booked back.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.accounts import Account, clearing, disputes, losses, revenue, tax, unapplied
from storefront.core.alarms import add_alarm
from storefront.core.commit.plan import Plan, Transfer
from storefront.core.kinds import BackStage, MoneyBack, SharesMoney
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.refunds import DISPUTE, HOLDING, TAKING
from storefront.core.services import Services
from storefront.core.taxes import tax_beside

_UNAPPLIED = frozenset({Status.PAID, Status.CANCELED, Status.IN_REVIEW, Status.REJECTED})
REFUNDED, WITHDRAWN, LOST = "refunded", "withdrawn", "lost"


def legs_of(cause: str, state: str, *, is_withdrawn: bool) -> frozenset[str]:
    """Return which movements of money are true when a reversal stands like this."""
    if cause != DISPUTE:
        return frozenset({REFUNDED} if state in TAKING else ())
    if state in TAKING:
        return frozenset({WITHDRAWN, LOST})
    return frozenset({WITHDRAWN} if state in HOLDING and is_withdrawn else ())


def is_unapplied(purchase: Row) -> bool:
    """Tell whether a purchase's money is with the customer: its goods are owed, or will never be given."""
    return purchase["status"] in _UNAPPLIED


def ask_others(
    services: Services, plan: Plan, purchase: Row, reversal: Mapping[str, Any], state: str, *, others: Sequence[Row]
) -> None:
    """Let a purchase's kind ask back what it passed on of its money, while that is the shop's to give back.

    What a reversal lets go, the purchase's ``others`` may ask for in the same commit.
    """
    kind = services.kind_as(purchase["kind"], SharesMoney)
    if kind is None or is_unapplied(purchase):
        return
    stage, now = _stage_of(state), services.clock.now()
    kind.money_back(plan, MoneyBack(purchase, reversal["id"], reversal["amount"], stage, now))
    if stage is BackStage.NONE:
        for one in others:
            if (other := _stage_of(one["state"])) is not BackStage.NONE:
                kind.money_back(plan, MoneyBack(purchase, one["id"], one["amount"], other, now, is_again=True))


def _stage_of(state: str) -> BackStage:
    return BackStage.TAKEN if state in TAKING else BackStage.HELD if state in HOLDING else BackStage.NONE


@dataclass(frozen=True, slots=True)
class MoneyMove:
    """The money of one move of a reversal, being written into a plan.

    ``left``: what was received for the purchase and not given back by ``others``, its other reversals (minor units).
    """

    services: Services
    plan: Plan
    purchase: Row
    payment: Row
    row: Mapping[str, Any]
    others: Sequence[Row]
    left: int

    def book(self, booked: frozenset[str], wanted: frozenset[str], facts: dict[str, Any], *, is_anew: bool) -> bool:
        """Book the legs that have become true, and book back those that are true no more.

        Return whether money moves in the entry that reverses the purchase's own. ``facts`` are added to.

        ``is_anew``: the purchase's entry was reversed once, and that was booked back as a fact of its own; so is this.
        """
        forward, back = wanted - booked, booked - wanted
        reversing = forward & {REFUNDED, LOST}
        label = "money" if is_anew else "entry"
        if reversing:
            facts["over"] = max(0, self.row["amount"] - max(0, self.left))
            facts["tax"] = self._tax_of(self.row["amount"] - facts["over"])
            facts["anew"] = is_anew
            facts["reversed"] = facts.get("reversed", False) or not is_anew
        over = facts.get("over", 0)
        for leg in sorted(forward):
            destination = self._accounts(leg)[1]
            if leg in reversing:
                self._return_earned(label, destination, self.row["amount"] - over, facts["tax"])
                self._add("money", losses(self.row["currency"]), destination, over)
            else:
                self._add("money", self._accounts(leg)[0], destination, self.row["amount"])
        for leg in sorted(back):
            source, destination = self._accounts(leg)
            if leg in (REFUNDED, LOST):
                self._earn_again(destination, self.row["amount"] - over, facts)
                self._add("money", destination, losses(self.row["currency"]), over)
                facts["undone"] = facts.get("undone", False) or facts.get("reversed", False)
            else:
                self._add("money", destination, source, self.row["amount"])
        if over and reversing:
            add_alarm(self.services, self.plan, "reversed_more_than_received", self.row["id"], {"over": over})
        return bool(reversing) and not is_anew and self.row["amount"] > over

    def _tax_of(self, amount: int) -> dict[str, int]:
        """Return what of an amount is tax, by jurisdiction, beside what other reversals have given back of it."""
        if is_unapplied(self.purchase):
            return {}
        taking = [(row["amount"], msgspec.json.decode(row["facts"])) for row in self.others if row["state"] in TAKING]
        returned: Counter[str] = Counter()
        for _, facts in taking:
            returned.update(facts.get("tax", {}))
        before = sum(reversed_minor - facts.get("over", 0) for reversed_minor, facts in taking)
        return tax_beside(self.purchase, amount, before=before, returned=returned)

    def _return_earned(self, label: str, destination: Account, amount: int, taxes: Mapping[str, int]) -> None:
        """Give back what the purchase earned, its tax to each jurisdiction's account."""
        for jurisdiction, share in taxes.items():
            self._add(label, tax(jurisdiction, self.row["currency"]), destination, share)
        self._add(label, self._earned(), destination, amount - sum(taxes.values()))

    def _earn_again(self, source: Account, amount: int, facts: Mapping[str, Any]) -> None:
        """Book back what ``_return_earned`` booked."""
        taxes: Mapping[str, int] = facts.get("tax", {})
        for jurisdiction, share in taxes.items():
            self._add("money", source, tax(jurisdiction, self.row["currency"]), share)
        self._add("money", source, self._earned(), amount - sum(taxes.values()))

    def _add(self, label: str, source: Account, destination: Account, amount: int) -> None:
        if amount:
            self.plan.add(Transfer(label, source, destination, amount, self.row["customer_id"]))

    def _accounts(self, leg: str) -> tuple[Account, Account]:
        currency = self.row["currency"]
        cleared = clearing(self.payment["gateway"], currency)
        if leg == WITHDRAWN:
            return disputes(currency), cleared
        return self._earned(), cleared if leg == REFUNDED else disputes(currency)

    def _earned(self) -> Account:
        """Return where the purchase's money lies: with the customer while its goods are owed, else it is revenue."""
        if is_unapplied(self.purchase):
            return unapplied(self.row["customer_id"], self.row["currency"])
        return revenue(self.row["currency"])
