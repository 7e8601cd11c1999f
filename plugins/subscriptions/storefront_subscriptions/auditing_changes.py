"""What ``audit verify --deep`` checks of changes of tier (S5), reckoned again from rows alone, by other arithmetic."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, func, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.tables import purchases
from storefront_subscriptions.auditing import asked_of, each
from storefront_subscriptions.intervals import Interval, period
from storefront_subscriptions.tables import carried, carries, changes, finals, invoices, pauses


class Span(msgspec.Struct, omit_defaults=True):
    start: int
    price: int
    charged: int
    credited: int = 0
    refunded: int = 0

    @property
    def paid(self) -> int:
        return self.charged - self.refunded

    def facts(self) -> tuple[int, int, int, int]:
        return self.start, self.price, self.charged, self.credited


def spans_in(text: str | None) -> list[Span]:
    return [] if text is None else msgspec.json.decode(text, type=list[Span])


def changes_cost_the_difference(connection: Connection) -> Iterator[Violation]:
    """S5: a change credits the rest of what was really paid and charges the rest of the new price, and no more."""
    whole_end = func.coalesce(invoices.c.uncut_end, invoices.c.period_end)
    same = and_(invoices.c.subscription_id == changes.c.subscription_id, invoices.c.period == changes.c.period)
    paused = and_(pauses.c.subscription_id == changes.c.subscription_id, pauses.c.period == changes.c.period)
    cut = select(pauses.c.id).where(paused, pauses.c.credit > 0).correlate(changes).exists()
    statement = (
        select(changes, invoices.c.period_start, whole_end.label("whole_end"), invoices.c.spans,
               *(invoices.c[name].label(f"billed_{name}") for name in ("anchor", "anchor_period", "interval")),
               cut.label("is_paused"))
        .join(invoices, same)
        .where(changes.c.before.is_not(None), changes.c.state == "done")
        .order_by(changes.c.subscription_id, changes.c.period, changes.c.closed_at, changes.c.id)
    )  # fmt: skip
    for _, rows in groupby(each(connection, statement), key=lambda row: (row.subscription_id, row.period)):
        yield from _of_period(list(rows))


def _of_period(made: list[Row[Any]]) -> Iterator[Violation]:
    begun: list[Span] | None = None
    paid_then: dict[int, int] = {}
    for row in made:
        before = spans_in(row.before)
        paid_then[len(before) - 1] = before[-1].paid
        if begun is not None and [one.facts() for one in before] != [one.facts() for one in begun]:
            yield Violation("S5", (row.id,), f"change {row.id} does not begin where the one before it ended")
        if begun is None and (len(before) != 1 or before[0].start != row.period_start):
            yield Violation("S5", (row.id,), f"change {row.id} is the first of its period, and knows of others")
        begun = spans_in(row.after)
        due = _due(row, before)
        if (row.credit, row.charge) != due:
            said = f"credits {row.credit} and charges {row.charge}"
            yield Violation("S5", (row.id,), f"change {row.id} {said}, the rest of its period is worth {due}")
        rest = row.charge - row.credit + row.returned - row.used - row.kept
        if rest != row.total or min(row.total, row.used, row.returned) < 0:
            yield Violation("S5", (row.id,), f"change {row.id} sold for {row.total}, its parts come to {rest}")
    last = made[-1]
    is_last = last.invoice_id is None and not last.is_paused  # a pause has credited the rest: see S10
    yield from never_net_credit(last.id, begun if is_last else None, spans_in(last.spans), paid_then)


def _due(row: Row[Any], before: Sequence[Span]) -> tuple[int, int]:
    """Return what a change is to credit and to charge: half to even, never more than was paid and not used up."""
    if row.money == "none":
        return 0, 0
    total, at, price = row.whole_end - whole_start(row), max(row.at, before[-1].start), row.price * row.seats
    charge = price if row.money == "full_new_period" else round(Fraction(price * (row.whole_end - at), total))
    return credit_due(before, at, row.whole_end, total), charge


def whole_start(row: Row[Any]) -> int:
    """Return where a period would have begun by its anchor: after a pause that kept it, before it really did."""
    if row.billed_anchor is None:
        return int(row.period_start)
    interval, number = Interval.parse(row.billed_interval), row.period - row.billed_anchor_period
    return period(row.billed_anchor, interval, number).start


def credit_due(before: Sequence[Span], at: int, whole_end: int, total: int) -> int:
    """Return what the rest of a period is worth at an instant, by its spans: no more than was paid and is left."""
    ends = [one.start for one in before[1:]] + [at]
    used = sum((_worth(one, end - one.start, total) for one, end in zip(before, ends, strict=True)), Fraction(0))
    left = sum(one.paid - one.credited for one in before) + (1 - 2 * used) // 2
    worth = round(_worth(before[-1], whole_end - at, total))
    return max(0, min(worth, before[-1].paid, left))


def _worth(span: Span, milliseconds: int, total: int) -> Fraction:
    share = Fraction(span.paid, span.charged) if span.refunded else Fraction(1)
    return Fraction(span.price * milliseconds, total) * share


def never_net_credit(
    change: str, after: Sequence[Span] | None, stored: Sequence[Span], paid_then: Mapping[int, int]
) -> Iterator[Violation]:
    """``paid_then``: by number of a span what was paid for it when a change credited its rest.

    What goes back of a purchase later, the next credits are less by; it makes none of the earlier ones too high.
    """
    if after is not None and [one.facts() for one in after] != [one.facts() for one in stored]:
        yield Violation("S5", (change,), f"change {change} left spans that its period does not have")
    paid = [paid_then.get(number, one.paid) for number, one in enumerate(stored)]
    if sum(one.credited for one in stored) > sum(paid):
        yield Violation("S5", (change,), f"the period of change {change} was credited more than was paid for it")
    for one, most in zip(stored, paid, strict=True):
        if not 0 <= one.credited <= most:
            message = f"in the period of change {change}, {one.credited} were credited for {most} that were paid"
            yield Violation("S5", (change,), message)


def carried_is_the_sum_of_its_movements(connection: Connection) -> Iterator[Violation]:
    """S5-carried: what the next invoice takes over is what changes kept, less what was taken of it, each once."""
    of = (carries.c.customer_id, carries.c.family, carries.c.currency)
    sums = select(*of, func.sum(carries.c.amount).label("due")).group_by(*of).subquery()
    same = and_(*(sums.c[name] == carried.c[name] for name in ("customer_id", "family", "currency")))
    statement = select(carried, sums.c.due).join(sums, same, isouter=True)
    for row in each(connection, statement.where(func.coalesce(sums.c.due, 0) != carried.c.amount)):
        message = f"{row.customer_id} carries {row.amount} {row.currency} in {row.family}, its movements say {row.due}"
        yield Violation("S5-carried", (row.customer_id, row.family), message)
    yield from _moved_for_a_cause(connection)


def _moved_for_a_cause(connection: Connection) -> Iterator[Violation]:
    """Every movement is the one that its change or invoice says, and each of those has made it."""
    unpaid, gone = ("void", "uncollectible"), ("failed", "replaced", "revoked", "dropped")
    wanted = (
        (changes, "kept", changes.c.kept, changes.c.state == "done"),
        (changes, "taken", changes.c.used, changes.c.before.is_not(None)),
        (changes, "given_back", -changes.c.used, and_(changes.c.before.is_not(None), changes.c.state.in_(gone))),
        (pauses, "kept", pauses.c.returned - pauses.c.credit, pauses.c.id.is_not(None)),
        (invoices, "taken", -invoices.c.carried, invoices.c.id.is_not(None)),
        (invoices, "given_back", invoices.c.carried, invoices.c.state.in_(unpaid)),
        (finals, "taken", -finals.c.total, finals.c.id.is_not(None)),
        (finals, "given_back", finals.c.total, finals.c.state == "owed"),
    )
    for table, cause, amount, holds in wanted:
        moved = and_(carries.c.about == table.c.id, carries.c.cause == cause)
        statement = select(table.c.id, amount.label("due"), carries.c.amount).join(carries, moved, isouter=True)
        wrong = or_(and_(holds, func.coalesce(carries.c.amount, 0) != amount), and_(~holds, carries.c.amount != 0))
        for row in each(connection, statement.where(wrong)):
            message = f"{row.id} should have moved {row.due} ({cause}) of what is carried, but moved {row.amount}"
            yield Violation("S5-carried", (row.id,), message)


def each_change_is_paid_once(connection: Connection) -> Iterator[Violation]:
    """S2-changes: a change within a period is done by one completed purchase of its amount; any other has none."""
    paid = select(purchases).where(purchases.c.bill.is_not(None), purchases.c.status == "completed").subquery()
    statement = (
        select(changes.c.id, changes.c.state, changes.c.total, changes.c.purchase_id,
               func.count(paid.c.id).label("times"), func.min(paid.c.id).label("purchase"),
               func.min(paid.c.lines).label("told"))
        .join(paid, paid.c.bill == changes.c.id, isouter=True)
        .where(changes.c.timing == "now", changes.c.invoice_id.is_(None))
        .group_by(changes.c.id, changes.c.state, changes.c.total, changes.c.purchase_id)
    )  # fmt: skip
    for row in each(connection, statement):
        if row.times != (row.state == "done"):
            yield Violation("S2-changes", (row.id,), f"change {row.id} is {row.state}, and was paid {row.times} times")
        elif row.times and (row.purchase != row.purchase_id or asked_of(row.told) != row.total):
            message = f"change {row.id} asks {row.purchase_id} for {row.total}, not what {row.purchase} paid"
            yield Violation("S2-changes", (row.id,), message)


CHECKS: Sequence[Check] = (
    Check("S2-changes", "Each change of tier is paid once, by a purchase of its amount", each_change_is_paid_once),
    Check("S5", "A change of tier costs the difference, and never leaves net credit", changes_cost_the_difference),
    Check("S5-carried", "What is carried to an invoice was kept before, once", carried_is_the_sum_of_its_movements),
)
