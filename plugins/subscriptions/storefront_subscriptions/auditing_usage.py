"""What ``audit verify --deep`` checks of usage that tiers bill (S12), from the meters' hours and the rows of lines."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from storefront.core.audit import Check, Violation
from storefront.core.clock import DAY_MS
from storefront.core.config.model_usage import PICO, Charge
from storefront.core.tables import usage_windows
from storefront_subscriptions.auditing import each
from storefront_subscriptions.auditing_prices import Catalogs
from storefront_subscriptions.tables import carries, changes, invoices, subscriptions, usage
from storefront_subscriptions.usage_followers import FOLLOWERS, NAMES, earliest
from storefront_subscriptions.usage_segments import Segment, asked_until, segments_of
from storefront_subscriptions.usage_terms import charges_of

NAME = "S12"
LATEST_DAYS = 366
"""No event may be later than a year (``metering.late_days``); then all that was metered is billed."""


def usage_adds_up(connection: Connection) -> Iterator[Violation]:
    """S12: what was metered is billed or pending: each hour once, by its tier's prices, on its own invoice."""
    yield from _stand_on_their_invoices(connection)
    yield from _is_owed_as_carried(connection)
    yield from _hours_are_charged_once(connection)
    yield from _was_had_without_being_paid(connection)
    catalogs = Catalogs(connection)
    has_usage = select(usage.c.id).where(usage.c.subscription_id == invoices.c.subscription_id).exists()
    had = select(usage_windows.c.meter).where(usage_windows.c.customer_id == invoices.c.customer_id).exists()
    statement = (
        select(invoices)
        .where(or_(has_usage, had))
        .order_by(invoices.c.subscription_id, invoices.c.period, invoices.c.created_at)
    )
    for subscription, rows in groupby(each(connection, statement), key=lambda row: row.subscription_id):
        yield from _of_subscription(connection, catalogs, subscription, list(rows))


def _stand_on_their_invoices(connection: Connection) -> Iterator[Violation]:
    """An invoice asks for exactly the lines of usage that name it."""
    asked = select(usage.c.invoice_id, func.sum(usage.c.amount).label("amount")).where(usage.c.kind != "owed")
    named = asked.group_by(usage.c.invoice_id).subquery()
    statement = (
        select(invoices.c.id, invoices.c.usage, named.c.amount)
        .join(named, named.c.invoice_id == invoices.c.id, isouter=True)
        .where(func.coalesce(named.c.amount, 0) != invoices.c.usage)
    )
    for row in each(connection, statement):
        message = f"invoice {row.id} asks {row.usage} for usage, its lines come to {row.amount}"
        yield Violation(NAME, (row.id,), message)


def _is_owed_as_carried(connection: Connection) -> Iterator[Violation]:
    """What is owed when a subscription ends, and what comes late after that, is carried, to the unit."""
    of = (usage.c.subscription_id, usage.c.customer_id, usage.c.currency)
    owed = select(*of, func.sum(usage.c.amount).label("amount")).where(usage.c.kind == "owed").group_by(*of).subquery()
    about = owed.c.subscription_id + ":" + owed.c.currency
    moved = and_(carries.c.customer_id == owed.c.customer_id, carries.c.cause == "kept",
                 or_(carries.c.about == about, carries.c.about.startswith(about + ":")))  # fmt: skip
    statement = (
        select(owed, func.sum(carries.c.amount).label("carried"))
        .join(carries, moved, isouter=True)
        .group_by(*owed.c)
        .having(owed.c.amount != func.coalesce(func.sum(carries.c.amount), 0))
    )
    for row in each(connection, statement):
        message = f"subscription {row.subscription_id} left {row.amount} of usage, of which {row.carried} is carried"
        yield Violation(NAME, (row.subscription_id,), message)


def _hours_are_charged_once(connection: Connection) -> Iterator[Violation]:
    """No hour of a customer's meter is charged by two subscriptions of a family."""
    of = (usage.c.customer_id, subscriptions.c.family, usage.c.meter)
    bills = or_(usage.c.kind == "owed", invoices.c.state.not_in(("void", "uncollectible")))
    statement = (
        select(*of, usage.c.id, usage.c.subscription_id, usage.c.starts_at, usage.c.ends_at)
        .join(invoices, invoices.c.id == usage.c.invoice_id)
        .join(subscriptions, subscriptions.c.id == usage.c.subscription_id)
        .where(bills)
        .order_by(*of, usage.c.starts_at, usage.c.id)
    )
    for _, lines in groupby(each(connection, statement), key=lambda line: tuple(line[:3])):
        ends: dict[str, int] = {}
        for line in lines:
            others = [one for one, end in ends.items() if one != line.subscription_id and end > line.starts_at]
            if others:
                yield _violation(line, f"is of hours that {others[0]} charges too")
            ends[line.subscription_id] = max(line.ends_at, ends.get(line.subscription_id, 0))


def _was_had_without_being_paid(connection: Connection) -> Iterator[Violation]:
    """An invoice says until when its period was had by grace exactly where it is closed and was not paid."""
    is_closed = invoices.c.state.in_(("void", "uncollectible"))
    wrong = or_(and_(is_closed, invoices.c.had_until.is_(None)), and_(~is_closed, invoices.c.had_until.is_not(None)))
    for row in each(connection, select(invoices.c.id, invoices.c.state).where(wrong)):
        yield Violation(NAME, (row.id,), f"invoice {row.id} is {row.state}, and its period's grace does not fit that")


def _of_subscription(
    connection: Connection, catalogs: Catalogs, subscription: str, asked: list[Row[Any]]
) -> Iterator[Violation]:
    done = and_(changes.c.subscription_id == subscription, changes.c.state == "done", changes.c.timing == "now")
    at_once = select(changes).where(done).order_by(changes.c.closed_at, changes.c.id)
    made = [dict(row) for row in connection.execute(at_once).mappings()]
    every = [dict(row._mapping) for row in asked]
    agreed = {(one["sku"], one["catalog_version"]) for one in (*every, *made)}
    tiers = {(sku, version): charges_of(catalogs.version(version).offers.get(sku)) for sku, version in agreed}
    states = {one["id"]: one["state"] for one in every}
    lines = select(usage).where(usage.c.subscription_id == subscription).order_by(usage.c.starts_at, usage.c.number)
    rows = list(connection.execute(lines))
    newest = max(row.created_at for row in asked)
    asked_for = asked_until(every, made)
    known = set()
    named = subscriptions.c.id == subscription
    of = dict(connection.execute(select(subscriptions).where(named)).mappings().one())
    ended_at, access_until = of["ended_at"], of["access_until"]
    over = None if ended_at is None else access_until
    followed = {} if ended_at is None else _followed(connection, catalogs, of)
    until = max([newest, ended_at or 0, access_until or 0, *(row.created_at for row in rows)])
    for segment in segments_of(every, made, tiers, until, over=over):
        for feature, charge in segment.charges.items():
            meter = catalogs.version(segment.catalog_version).meters[charge.meter].key
            kept = segment.until(followed.get(meter))
            if kept is None:
                continue
            mine = [row for row in rows if (row.feature, row.starts_at) == (feature, kept.start)]
            known |= {row.id for row in mine}
            metered = _metered(connection, asked[0].customer_id, meter, kept)
            yield from _of_segment(
                kept, charge, metered, mine, states, is_closed=_is_closed(segment, asked_for.get(charge.asset, 0))
            )
    for row in rows:
        if row.id not in known:
            yield _violation(row, "is of hours that no tier of its subscription charges")


def _followed(connection: Connection, catalogs: Catalogs, of: Mapping[str, Any]) -> Mapping[str, int]:
    """Return by meter from when on a newer plan of the family charges for it."""
    named = {name: of[name] for name in NAMES}
    found = []
    for row in (one for statement in FOLLOWERS for one in connection.execute(statement, named)):
        catalog = catalogs.version(row.catalog_version)
        for charge in charges_of(catalog.offers.get(row.sku)).values():
            found.append((catalog.meters[charge.meter].key, int(row.at)))
    return earliest(found)


def _is_closed(segment: Segment, newest: int) -> bool:
    """Tell whether nothing can have come for it any more when the newest invoice that asks for usage was written."""
    return segment.end + LATEST_DAYS * DAY_MS <= newest


def _metered(connection: Connection, customer_id: str, meter: str, segment: Segment) -> int:
    inside = and_(usage_windows.c.customer_id == customer_id, usage_windows.c.meter == meter,
                  usage_windows.c.start >= segment.start, usage_windows.c.start < segment.end)  # fmt: skip
    hours = list(connection.execute(select(usage_windows).where(inside).order_by(usage_windows.c.start)))
    aggregation = meter.split(":")[1]
    if aggregation == "max":
        return max((int(row.quantity) for row in hours), default=0)
    if aggregation == "latest":
        return int(max(hours, key=lambda row: (row.latest_at or 0, row.start)).quantity) if hours else 0
    return sum(int(row.quantity) for row in hours)


def _of_segment(
    segment: Segment, charge: Charge, metered: int, rows: Sequence[Row[Any]], states: dict[str, str], *, is_closed: bool
) -> Iterator[Violation]:
    counted = [row for row in rows if row.kind == "owed" or states[row.invoice_id] not in ("void", "uncollectible")]
    billed = 0
    for number, row in enumerate(rows, 1):
        cost = segment.cost(charge, int(row.quantity))
        if row.number != number or int(row.cost) != cost or row.included != segment.included(charge):
            yield _violation(row, f"says {row.quantity} cost {row.cost}, its tier says {cost}")
        if row in counted:
            billed += row.amount
            if billed != round(Fraction(int(row.cost), PICO)):
                yield _violation(row, f"makes {billed} of what costs {row.cost} × 10^-12")
    last = int(counted[-1].quantity) if counted else 0
    only_grows = ":latest:" not in (rows[0].meter if rows else "")
    if last > metered and only_grows:
        yield _violation(counted[-1], f"bills {last} millionths, {metered} were metered")
    pending = round(Fraction(segment.cost(charge, metered), PICO)) - billed
    if is_closed and pending:
        about = f"{charge.feature} of period {segment.period} from {segment.start} on"
        yield Violation(NAME, (segment.sku, charge.feature), f"{about}: {pending} were metered and never billed")


def _violation(row: Row[Any], what: str) -> Violation:
    return Violation(NAME, (row.subscription_id, row.id), f"line {row.id} of usage {what}")


CHECKS: Sequence[Check] = (Check(NAME, "Usage that was metered is billed once or is pending", usage_adds_up),)
