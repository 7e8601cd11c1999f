"""Included credits as figures: what a tier grants on a clock of its own, what a change makes of that, what rolls over.

All of it is pure. The clock of a subscription's credits begins with its first period, or trial, and never moves: slot
*n* is computed from there (``intervals.py``), whatever is billed when. What a slot is worth follows from the tiers that
its time had, to the millisecond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storefront.core.config.model import Offer
from storefront_subscriptions.intervals import Interval, Period, period, period_at


@dataclass(frozen=True, slots=True)
class RollOver:
    """How much of what is left goes on for another slot: nothing below ``least``, no more than ``most``.

    With the new slot's grant it comes to no more than ``ceiling``. All in the smallest unit.
    """

    least: int = 0
    most: int | None = None
    ceiling: int | None = None

    def rolled(self, left: int, granted: int) -> int:
        """Return what of ``left`` goes on beside ``granted``."""
        if left < self.least:
            return 0
        bounds = [left]
        if self.most is not None:
            bounds.append(self.most)
        if self.ceiling is not None:
            bounds.append(self.ceiling - granted)
        return max(0, min(bounds))


class Clock(NamedTuple):
    """Which asset is granted how often: each has its slots."""

    asset: str
    every: str


@dataclass(frozen=True, slots=True)
class Included:
    """``amount`` of one seat for one slot, in the smallest unit."""

    amount: int
    roll_over: RollOver | None


def included_in(offer: Offer) -> dict[Clock, Included]:
    """Return what a tier grants, by its offer."""
    part: Mapping[str, Any] = offer.part
    found = {}
    for asset, one in part.get("credits", {}).items():
        rolls = one.get("roll_over")
        policy = None if rolls is None else RollOver(rolls.get("min", 0), rolls.get("max"), rolls.get("ceiling"))
        found[Clock(asset, one.get("every", "month"))] = Included(one["amount"], policy)
    return found


@dataclass(frozen=True, slots=True)
class Piece:
    """A tier from ``start`` on, paid until ``end``: ``purchase`` paid for it, ``invoice`` is of its period."""

    start: int
    end: int
    seats: int
    included: Mapping[Clock, Included]
    purchase: str
    invoice: str
    is_free: bool

    def amount(self, clock: Clock) -> int:
        one = self.included.get(clock)
        return 0 if one is None else one.amount * self.seats


def slots(pieces: Sequence[Piece], clock: Clock, since: int | None, now: int) -> list[Period]:
    """Return the slots of a clock that have begun, from the one that holds ``since`` on, or the first that is any."""
    interval = Interval.parse(clock.every)
    anchor = pieces[0].start
    first = next((piece.start for piece in pieces if piece.amount(clock)), None)
    if first is None:
        return []
    number = period_at(anchor, interval, first if since is None else since).n
    found = []
    while (slot := period(anchor, interval, number)).start <= now:
        found.append(slot)
        number += 1
    return found


def next_slot(pieces: Sequence[Piece], now: int) -> int | None:
    """Return when the next slot of what is granted now begins (business ms); None where nothing is."""
    clocks = [clock for clock in pieces[-1].included if pieces[-1].amount(clock)]
    found = [period_at(pieces[0].start, Interval.parse(clock.every), now).end for clock in clocks]
    return min(found, default=None)


def worth(slot: Period, clock: Clock, pieces: Sequence[Piece]) -> tuple[int, Piece | None]:
    """Return what a slot is to have granted by what is known, and the newest piece that grants it.

    What covers the slot's beginning grants all of it. A tier that takes its place within the slot has the rest of it,
    by the ratio of time. A beginning that nobody has paid for grants nothing.
    """
    covering = next((one for one in reversed(pieces) if one.start <= slot.start < one.end), None)
    inside = [one for one in pieces if slot.start < one.start < slot.end]
    spans = [(slot.start, 0 if covering is None else covering.amount(clock))]
    for piece in inside:
        if piece.amount(clock) != spans[-1][1]:
            spans.append((piece.start, piece.amount(clock)))
    ends = [*(start for start, _ in spans[1:]), slot.end]
    total = sum(amount * (end - start) // slot.total for (start, amount), end in zip(spans, ends, strict=True))
    return total, inside[-1] if inside else covering
