"""The money of a change of tier inside a billing period, in whole smallest units and to the millisecond.

Pure arithmetic over what was paid for which span. Each line is rounded once, half to even. Rounding alone could be
farmed (change every minute and let each credit round up, or each charge down), so what is kept of a period is also
held against the exact price of what is used: however often a customer changes, the shop keeps that to within one unit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from storefront.core.errors import Invalid
from storefront_subscriptions.intervals import Period

Mode = Literal["charge_now", "next_invoice", "full_new_period", "none"]
Due = Literal["now", "next_invoice"]


class OutsidePeriod(Invalid):
    """A change at or after the end of the period: the next period must be billed first."""

    code = "outside_period"
    title = "The change does not lie in this billing period"


@dataclass(frozen=True, slots=True)
class PaidSpan:
    """What was paid for the time from ``start`` (UTC milliseconds) to the period's end, by one line.

    ``price`` is the tier's price for the whole period and ``charged`` what the line came to, both net of discounts;
    ``refunded`` is what was given back of it as a refund or lost to a dispute; ``credited`` what a later change
    credited. Amounts are in smallest units. ``is_owed`` says that the charge waits for the next invoice.
    """

    start: int
    price: int
    charged: int
    refunded: int = 0
    credited: int = 0
    is_owed: bool = False

    def __post_init__(self) -> None:
        assert min(self.price, self.charged, self.refunded, self.credited) >= 0
        assert self.refunded <= self.charged

    @property
    def paid(self) -> int:
        """What was really paid: the charge less its refunds."""
        return self.charged - self.refunded


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice: a credit (``amount`` < 0) or a charge (> 0), for ``[start, end)`` in UTC milliseconds."""

    kind: Literal["credit", "charge"]
    amount: int
    start: int
    end: int
    due: Due


@dataclass(frozen=True, slots=True)
class Change:
    """The lines of a change, and the spans to remember once they are paid: hand them to the next change."""

    lines: tuple[Line, ...]
    spans: tuple[PaidSpan, ...]

    @property
    def net(self) -> int:
        """What the lines come to: positive is to be paid, negative stays as credit."""
        return sum(line.amount for line in self.lines)


def opening(period: Period, price: int) -> tuple[PaidSpan, ...]:
    """Return the spans of a period that was paid as a whole: ``price`` net of discounts, 0 if it was free."""
    return (PaidSpan(period.start, price, price),)


def change(
    spans: Sequence[PaidSpan], period: Period, at: int, *, price: int, mode: Mode, new_period: Period | None = None
) -> Change:
    """Return the lines of a change to a tier at ``at`` (UTC milliseconds), and the spans after it.

    ``spans`` are this period's, oldest first, never empty; ``price`` is the new tier's, for a whole period (of
    ``new_period`` with ``full_new_period``, which begins at the change), net of discounts. Lines of 0 are left out.
    A clock that was set back changes nothing before the last change: the change counts from there.

    - ``charge_now``, ``next_invoice``: a credit for the rest of the old tier and a charge for the rest of the new one,
      a unit more where those before it were rounded down by more than one in all.
    - ``full_new_period``: that credit and the whole new price; the spans begin anew.
    - ``none``: no lines; what was paid stays what a later change may credit.

    A credit for a charge that is still owed is due where the charge is, so it never pays out what nobody paid.

    Raises:
        OutsidePeriod: if the change is not before the period's end.

    Source: spec, Change of tier; invariant S5.
    """
    assert price >= 0
    assert (new_period is not None) == (mode == "full_new_period")
    if at >= period.end:
        raise OutsidePeriod(at=at, period_end=period.end)
    last = spans[-1]
    at = max(at, last.start)
    if mode == "none":
        return Change((), tuple(spans))
    due: Due = "next_invoice" if mode == "next_invoice" else "now"
    credit = credit_for(spans, period, at)
    lines = [Line("credit", -credit, at, period.end, "next_invoice" if last.is_owed else due)]
    if new_period is not None:
        lines.append(Line("charge", price, new_period.start, new_period.end, due))
        after = opening(new_period, price)
    else:
        exact = Fraction(price * (period.end - at), period.total)
        kept, used = _kept_and_used(spans, period, at)
        charge = max(half_even(exact), math.ceil(used + exact - 1) - (kept - credit))
        lines.append(Line("charge", charge, at, period.end, due))
        new = PaidSpan(at, price, charge, is_owed=mode == "next_invoice")
        after = (*spans[:-1], replace(last, credited=credit), new)
    return Change(tuple(line for line in lines if line.amount), after)


def credit_for(spans: Sequence[PaidSpan], period: Period, at: int) -> int:
    """Return what the rest of the current span is worth at ``at``, in smallest units, never below 0.

    ``paid × remaining/total`` of the line that is being replaced, half to even; at most what was paid in the period and
    is neither credited nor used (the used part rounded half down, so that the cap never touches a single change).
    """
    worth = half_even(_worth(spans[-1], period, period.end - at))
    kept, used = _kept_and_used(spans, period, at)
    return max(0, min(worth, spans[-1].paid, kept - _half_down(used)))


def _kept_and_used(spans: Sequence[PaidSpan], period: Period, at: int) -> tuple[int, Fraction]:
    """Return what was paid in the period and not credited, and the exact price of what was used of it until ``at``."""
    ends = [span.start for span in spans[1:]] + [at]
    used = sum((_worth(span, period, end - span.start) for span, end in zip(spans, ends, strict=True)), Fraction(0))
    return sum(span.paid - span.credited for span in spans), used


def shrink(granted: int, remaining: int, total: int) -> int:
    """Return how many of the old tier's granted credits stay when ``remaining`` of ``total`` milliseconds are left.

    Rounded down: what is granted is free, so the fraction of a unit is lost rather than farmed by many changes.
    """
    assert granted >= 0
    assert 0 <= remaining <= total
    return granted * remaining // total


def half_even(value: Fraction) -> int:
    """Round to a whole number, halves to the even one."""
    return round(value)


def _half_down(value: Fraction) -> int:
    return -((1 - 2 * value) // 2)


def _worth(span: PaidSpan, period: Period, milliseconds: int) -> Fraction:
    """Return what some of a span's time is worth at what was really paid for it, exactly.

    It follows the price, not the rounded charge, so that one change cannot hand its rounding to the next.
    """
    worth = Fraction(span.price * milliseconds, period.total)
    return worth * Fraction(span.paid, span.charged) if span.refunded else worth
