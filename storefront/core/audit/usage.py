"""U-usage: what was metered is what was billed, written off or is pending, recomputed from the hours that were counted.

Quantities and costs are integers as text, larger than SQL's: they are added up here, one customer's meter at a time.
"""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Select, and_, cast, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.column_types import TEXT
from storefront.core.commit.usage import USAGE, USAGE_CLOSE, USAGE_DRAIN
from storefront.core.commit.usage_steps import half_even
from storefront.core.config.model_usage import PICO, Aggregation
from storefront.core.tables import (
    entries,
    holds,
    jobs,
    transfers,
    usage_accounts,
    usage_lines,
    usage_periods,
    usage_windows,
)

NAME = "U-usage"
_OF_METER = ("customer_id", "meter")
_OF_CHARGE = ("customer_id", "charge")
_OF_PERIOD = ("customer_id", "meter", "charge", "start")


def usage_adds_up(connection: Connection) -> Iterator[Violation]:
    """U-usage: hours make up periods, periods what is metered, and that is billed, written off or pending."""
    yield from _periods(connection)
    yield from _accounts(connection)
    yield from _holds(connection)
    yield from _lines(connection)
    yield from _jobs(connection)


def _beside(
    connection: Connection, first: Select[Any], second: Select[Any], names: tuple[str, ...]
) -> Iterator[tuple[tuple[Any, ...], list[Row[Any]], list[Row[Any]]]]:
    """Yield (key, rows, rows) of two selects that are in the order of ``names``, a key that only one has too."""

    def grouped(statement: Select[Any]) -> Iterator[tuple[tuple[Any, ...], list[Row[Any]]]]:
        rows = groupby(each_row(connection, statement), key=lambda row: tuple(getattr(row, name) for name in names))
        return ((key, list(found)) for key, found in rows)

    left, right = grouped(first), grouped(second)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None, "one of both is there"
            yield one[0], one[1], []
            one = next(left, None)
        elif one is None or other[0] < one[0]:
            yield other[0], [], other[1]
            other = next(right, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(left, None), next(right, None)


@cache
def _select_periods() -> tuple[Select[Any], Select[Any]]:
    kept, hours = usage_periods.c, usage_windows.c
    first = select(usage_periods).order_by(kept.customer_id, kept.meter, kept.start)
    second = select(usage_windows).order_by(hours.customer_id, hours.meter, hours.start)
    return first, second


def _periods(connection: Connection) -> Iterator[Violation]:
    """A period's quantity and events are those of its hours."""
    first, second = _select_periods()
    for (customer_id, meter), periods, windows in _beside(connection, first, second, _OF_METER):
        aggregation = Aggregation(meter.split(":")[1])
        seen = 0
        for (start, ends_at), rows in groupby(periods, key=lambda row: (row.start, row.ends_at)):
            several = list(rows)
            inside = [one for one in windows if start <= one.start and (ends_at is None or one.start < ends_at)]
            seen += len(inside)
            said, so = _quantity(aggregation, several), _quantity(aggregation, inside)
            counted, events = sum(row.events for row in several), sum(row.events for row in inside)
            if (said, counted) != (so, events):
                message = (
                    f"{meter} of {customer_id} counted {said} millionths in {counted} events from {start} on, "
                    f"its hours say {so} in {events}"
                )
                yield Violation(NAME, (customer_id, meter), message)
        if seen != len(windows):
            message = f"{len(windows) - seen} hours of {meter} of {customer_id} belong to no period"
            yield Violation(NAME, (customer_id, meter), message)


def _quantity(aggregation: Aggregation, rows: list[Row[Any]]) -> int:
    if aggregation is Aggregation.MAX:
        return max((int(row.quantity) for row in rows), default=0)
    if aggregation is Aggregation.LATEST:
        return int(max(rows, key=lambda row: (row.latest_at or 0, row.start)).quantity) if rows else 0
    return sum(int(row.quantity) for row in rows)


@cache
def _select_accounts() -> tuple[Select[Any], Select[Any], Select[Any]]:
    moved = (
        select(entries.c.about, cast(func.sum(transfers.c.amount), BigInteger).label("moved"))
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .where(entries.c.kind == "usage.drained")
        .group_by(entries.c.about)
        .subquery("moved")
    )
    first = (
        select(usage_accounts, func.coalesce(moved.c.moved, 0).label("moved"))
        .join(moved, moved.c.about == usage_accounts.c.id, isouter=True)
        .order_by(usage_accounts.c.customer_id, usage_accounts.c.charge)
    )
    kept = usage_periods.c
    second = (
        select(kept.customer_id, kept.charge, kept.cost)
        .where(kept.charge.startswith("prepaid:", autoescape=True))
        .order_by(kept.customer_id, kept.charge)
    )
    known = select(usage_accounts.c.id)
    stray = select(entries.c.id).where(entries.c.kind == "usage.drained", entries.c.about.not_in(known))
    return first, second, stray


def _accounts(connection: Connection) -> Iterator[Violation]:
    """What is metered is the cost of the periods; what is billed is what entries moved; nothing is below zero."""
    first, second, stray = _select_accounts()
    for (customer_id, charge), accounts, periods in _beside(connection, first, second, _OF_CHARGE):
        cost = sum(int(row.cost) for row in periods)
        if not accounts:
            if cost:
                yield Violation(NAME, (customer_id,), f"{charge} of {customer_id} cost {cost}, but has no account")
            continue
        yield from _account(accounts[0], cost)
    for row in each_row(connection, stray):
        yield Violation(NAME, (row.id,), f"entry {row.id} billed usage of no account")


def _account(row: Row[Any], cost: int) -> Iterator[Violation]:
    metered, billed, unbilled = int(row.metered), int(row.billed), int(row.unbilled)
    pending = metered - billed - unbilled
    found = {
        f"metered {metered}, its periods cost {cost}": metered != cost,
        f"billed {billed}, its entries moved {int(row.moved)} units": billed != int(row.moved) * PICO,
        f"metered {metered}, billed {billed} and wrote off {unbilled}": pending < 0 or billed < 0 or unbilled < 0,
    }
    for fault in (fault for fault, is_so in found.items() if is_so):
        yield Violation(NAME, (row.id,), f"usage account {row.id} ({row.charge} of {row.customer_id}) {fault}")


@cache
def _select_holds() -> tuple[Select[Any], Select[Any]]:
    is_its = and_(
        holds.c.id == usage_accounts.c.hold_id,
        holds.c.customer_id == usage_accounts.c.customer_id,
        holds.c.asset == usage_accounts.c.asset,
        holds.c.actor == USAGE,
        holds.c.state == "open",
    )
    statement = select(usage_accounts, func.coalesce(holds.c.amount, 0).label("held")).join(holds, is_its, isouter=True)
    named = select(usage_accounts.c.hold_id).where(usage_accounts.c.hold_id.is_not(None))
    stray = select(holds.c.id).where(holds.c.actor == USAGE, holds.c.state == "open", holds.c.id.not_in(named))
    return statement, stray


def _holds(connection: Connection) -> Iterator[Violation]:
    """What is pending is set aside by the account's own hold: no more, and less by no whole unit, but what is owed."""
    statement, stray = _select_holds()
    for row in each_row(connection, statement):
        pending = int(row.metered) - int(row.billed) - int(row.unbilled)
        held = int(row.held)
        if held > -(-pending // PICO) or (not row.is_owed and pending - held * PICO >= PICO):
            message = f"usage account {row.id} has {pending} × 10^-12 {row.asset} pending, and {held} set aside for it"
            yield Violation(NAME, (row.id,), message)
    for row in each_row(connection, stray):
        yield Violation(NAME, (row.id,), f"hold {row.id} sets aside for usage, but no usage account names it")


@cache
def _select_lines() -> tuple[Select[Any], Select[Any]]:
    kept, lines = usage_periods.c, usage_lines.c
    first = (
        select(usage_periods)
        .where(kept.charge.startswith("postpaid:", autoescape=True))
        .order_by(*(kept[name] for name in _OF_PERIOD))
    )
    second = select(usage_lines).order_by(*(lines[name] for name in _OF_PERIOD))
    return first, second


def _lines(connection: Connection) -> Iterator[Violation]:
    """The lines of a period say what it says of them, and their amounts make up the cost, rounded once."""
    first, second = _select_lines()
    for key, periods, found in _beside(connection, first, second, _OF_PERIOD):
        period = periods[0] if periods else None
        lined, count = (int(period.lined), period.lines) if period is not None else (0, 0)
        cost, amount = sum(int(line.cost) for line in found), sum(line.amount for line in found)
        if (cost, len(found), amount) != (lined, count, half_even(lined)):
            message = (
                f"{len(found)} lines of {key[2]} of {key[0]} say {amount} for a cost of {cost}; "
                f"its period says {half_even(lined)} for {lined} on {count}"
            )
            yield Violation(NAME, (key[0], *(line.id for line in found)), message)


@cache
def _select_jobs() -> Select[Any]:
    drain = literal(f"job:{USAGE_DRAIN}:") + usage_accounts.c.id + literal(":") + cast(usage_accounts.c.drain_at, TEXT)
    return (
        select(usage_accounts.c.id)
        .join(jobs, jobs.c.id == drain, isouter=True)
        .where(usage_accounts.c.drain_at != 0, jobs.c.id.is_(None))
    )


def _jobs(connection: Connection) -> Iterator[Violation]:
    """Whatever is to be billed or written down later has its job, also one that was given up."""
    for row in each_row(connection, _select_jobs()):
        yield Violation(NAME, (row.id,), f"usage account {row.id} waits for a job that does not exist")
    kept = usage_periods.c
    parts = (kept.customer_id, kept.meter, kept.charge, cast(kept.start, TEXT), cast(kept.close_at, TEXT))
    name: Any = literal(f"job:{USAGE_CLOSE}")
    for part in parts:
        name = name + literal(":") + part
    unclosed = or_(kept.cost != kept.lined, kept.lines == 0)
    statement = (
        select(kept.customer_id, kept.charge, kept.start)
        .join(jobs, jobs.c.id == name, isouter=True)
        .where(kept.charge.startswith("postpaid:", autoescape=True), jobs.c.id.is_(None),
               or_(kept.close_at != 0, unclosed))
    )  # fmt: skip
    for row in each_row(connection, statement):
        message = f"the period of {row.charge} of {row.customer_id} from {row.start} on is never written down"
        yield Violation(NAME, (row.customer_id,), message)


CHECKS = (Check(NAME, "Usage that was metered is billed, written off or pending, exactly", usage_adds_up),)
