"""A creator's statements: one line for each entry that moves what they can be paid or what they owe.

Lines are written in the entry's own commit, under the creator's money anchor, so they are numbered without a gap, each
says how the two accounts stand after it, and each lies between exactly two payouts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront.core.commit.apply import LateView
from storefront.core.commit.plan import Count, Insert, Key, Steps
from storefront.core.commit.reads import account_key
from storefront_fanfunding.accounts import debt, money_anchor, payable
from storefront_fanfunding.rows import value_of

LINES = "fanfunding_lines"


@dataclass(frozen=True, slots=True)
class Purse:
    """One creator's money in one currency, as keys of rows."""

    creator_id: str
    currency: str

    @property
    def anchor(self) -> str:
        return money_anchor(self.creator_id)

    @property
    def payable(self) -> Key:
        return account_key(payable(self.creator_id, self.currency), self.anchor)

    @property
    def debt(self) -> Key:
        return account_key(debt(self.creator_id, self.currency), self.anchor)

    @property
    def lines(self) -> Key:
        """What counts the lines."""
        return self._counter("lines")

    @property
    def stated(self) -> Key:
        """What tells the line of the last payout, up to which all is told by statements."""
        return self._counter("stated")

    @property
    def reads(self) -> tuple[Key, ...]:
        """Name the rows that a line needs."""
        return self.payable, self.debt, self.lines

    def _counter(self, noun: str) -> Key:
        return Key("counters", (f"fanfunding:{noun}:{self.creator_id}:{self.currency}",), self.anchor)


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry that a line is about, as the plan opens it."""

    entry_id: str
    kind: str
    about: str


def add_line(view: LateView, steps: Steps, purse: Purse, entry: Entry, *, amount: int, owed: int = 0) -> None:
    """Add the line of an entry that moves ``payable`` by ``amount`` and ``debt`` by ``owed``; none if by nothing."""
    if not amount and not owed:
        return
    row = _line(view, purse, entry, amount, owed)
    key = (purse.creator_id, purse.currency, row["sequence"])
    steps.add(Count(str(purse.lines.id[0]), purse.anchor, 1), Insert(LINES, key, purse.anchor, row))


def next_line(view: LateView, purse: Purse) -> int:
    """Return the number that the next line will have."""
    return value_of(view.row(purse.lines)) + 1


def _line(view: LateView, purse: Purse, entry: Entry, amount: int, owed: int) -> Mapping[str, Any]:
    return {
        "creator_id": purse.creator_id,
        "currency": purse.currency,
        "sequence": next_line(view, purse),
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "about": entry.about,
        "amount": amount,
        "owed": owed,
        "balance": value_of(view.row(purse.payable), "balance") + amount,
        "debt": value_of(view.row(purse.debt), "balance") + owed,
        "created_at": view.moment.now,
    }
