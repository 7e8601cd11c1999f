"""The money of a change, reckoned from what was really paid: lines, what is bought now, what is carried on.

Nothing is written here. What was decided holds as long as the subscription's version, what is carried and the refunds
of its purchases are those that it was decided by; the commit looks at them again.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from storefront.core.catalog import Catalog, text_in
from storefront.core.money import Money
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_subscriptions.carrying import read_carried
from storefront_subscriptions.change_rules import Direction, Settling, Terms, Timing
from storefront_subscriptions.config import Settings
from storefront_subscriptions.gifts import refuse_while_given
from storefront_subscriptions.intervals import Interval, Period, period
from storefront_subscriptions.period_lines import chargeable
from storefront_subscriptions.proration import Change, change
from storefront_subscriptions.rows import (
    ACTIVE,
    OVER,
    PAID,
    PAUSED,
    TRIALING,
    Paused,
    PaymentDue,
    RenewalUnderWay,
    SubscriptionOver,
    need_invoice,
)
from storefront_subscriptions.spans import Span, read_spans, stored, whole_period
from storefront_subscriptions.targets import Target, Wanted, direction_of, find_target, find_terms


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of a change: ``charge``, ``credit``, ``used`` credit from before, or ``kept`` for the next invoice."""

    kind: str
    title: str
    amount: int


@dataclass(frozen=True, slots=True)
class Decided:
    """A change as it would be done. ``lines`` sum up to ``total``, which is bought now, before tax.

    ``kept`` is carried to the next invoice (credit if negative), ``returned`` goes back to the wallet's lots.
    ``claims`` are free as long as nothing more of what was paid has gone back.
    """

    row: Row
    invoice: Row
    target: Target
    direction: Direction
    terms: Terms
    at: int
    lines: tuple[ChangeLine, ...] = ()
    used: int = 0
    kept: int = 0
    returned: int = 0
    carried: int = 0
    before: tuple[Span, ...] = ()
    made: Change | None = None
    new_period: Period | None = None
    claims: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    def sum_of(self, kind: str) -> int:
        """Return what the lines of a kind come to, without a sign."""
        return abs(sum(line.amount for line in self.made.lines if line.kind == kind)) if self.made else 0

    def spans_after(self, purchase: str | None) -> list[Span]:
        """Return the spans to store once it is done; ``purchase`` paid for the new one."""
        assert self.made is not None, "a change at the period's end has no spans"
        before = () if self.new_period is not None else self.before
        return stored(self.made.spans, before, purchase)

    def digest(self) -> str:
        """Return what tells two decisions apart: all that a customer was shown of it."""
        shown: Any = [self.direction, self.terms.timing, self.terms.money, self.target.tier.sku, self.target.interval,
                      self.target.seats, self.target.currency, self.target.price, self.at, self.returned,
                      [[line.kind, line.amount] for line in self.lines]]  # fmt: skip
        return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()


async def decide(
    services: Services, settings: Settings, row: Row, wanted: Wanted, *, catalog: Catalog, at: int | None = None
) -> Decided:
    """Work out a change as of ``at`` (business ms; now if None); a catalog that is not the active one was pinned.

    Raises:
        SubscriptionOver, PaymentDue, RenewalUnderWay: it cannot be changed now.
        What ``find_target`` and ``find_terms`` raise.
    """
    invoice = await _present_invoice(services, row)
    target = find_target(services, row, wanted, catalog, is_pinned=at is not None)
    direction = direction_of(catalog, row, target)
    rule = settings.changes.rule(row["family"], direction, row["sku"], target.tier.sku)
    terms = find_terms(rule, row, target, wanted, direction)
    if terms.timing is Timing.PERIOD_END:
        return Decided(row, invoice, target, direction, terms, row["period_end"])
    found = services.clock.now() if at is None else at
    return await _settle(services, Decided(row, invoice, target, direction, terms, max(found, row["period_start"])))


async def _present_invoice(services: Services, row: Row) -> Row:
    if row["billing_state"] in OVER:
        raise SubscriptionOver(subscription=row["id"])
    if row["billing_state"] == PAUSED:
        raise Paused("Resume it first, then change it.", subscription=row["id"])
    if row["billing_state"] not in (ACTIVE, TRIALING):
        raise PaymentDue("Pay what is due first, then change it.", subscription=row["id"])
    invoice = await need_invoice(services, row["invoice_id"])
    if invoice["state"] != PAID or services.clock.now() >= row["period_end"]:
        raise RenewalUnderWay("Its next period is being paid for; try again in a moment.", subscription=row["id"])
    refuse_while_given(row, invoice)
    return invoice


async def _settle(services: Services, plan: Decided) -> Decided:
    """Reckon the lines, and who pays them: the customer now, the wallet's lots, or the next invoice."""
    row, target, money = plan.row, plan.target, plan.terms.money
    assert money is not None, "what happens now is settled somehow"
    spans, claims = await read_spans(services, plan.invoice)
    at = max(plan.at, spans[-1].start)
    new = None
    if money is Settling.FULL_NEW_PERIOD:
        first = period(at, Interval.parse(target.interval), 0)
        new = Period(row["period"] + 1, first.start, first.end)
    made = change(
        [span.paid() for span in spans],
        whole_period(plan.invoice),
        at,
        price=target.due,
        mode=money.value,
        new_period=new,
    )
    charge = sum(line.amount for line in made.lines if line.kind == "charge")
    now = sum(line.amount for line in made.lines if line.due == "now")
    later = made.net - now
    carried = await read_carried(services, row["customer_id"], row["family"], target.currency)
    used, returned = 0, 0
    if target.pay_with == WALLET:
        returned = -sum(line.amount for line in made.lines if line.due == "now" and line.kind == "credit")
        kept = later
    else:
        used = min(max(0, now), max(0, -carried))
        rest = now - used
        asked = max(0, rest)
        kept = later + rest - chargeable(services, target.pay_with, Money(asked, target.currency), price=target.due)
    agreed = await services.catalogs.version(row["catalog_version"])
    old_title = text_in(agreed.offer(row["sku"]).title, None, agreed.default_language) or row["sku"]
    lines = _lines(plan, old_title, credit=made.net - charge + returned, charge=charge, used=used, kept=kept)
    return Decided(row, plan.invoice, target, plan.direction, plan.terms, at, lines, used, kept, returned, carried,
                   tuple(spans), made, new, claims)  # fmt: skip


def _lines(plan: Decided, old_title: str, *, credit: int, charge: int, used: int, kept: int) -> tuple[ChangeLine, ...]:
    target = plan.target
    part = "" if plan.terms.money is Settling.FULL_NEW_PERIOD else ", rest of the period"
    lines = [ChangeLine("charge", f"{target.title}, {target.interval}{part}", charge)]
    if credit:
        lines.append(ChangeLine("credit", f"Unused time of {old_title}", credit))
    if used:
        lines.append(ChangeLine("used", "Credit", -used))
    if kept:
        lines.append(ChangeLine("kept", "Kept as credit" if kept < 0 else "Due with the next invoice", -kept))
    return tuple(lines)
