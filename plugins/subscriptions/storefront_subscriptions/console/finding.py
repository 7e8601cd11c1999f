"""Finding subscriptions: by what somebody has at hand, how they stand, and what a figure of analytics is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from storefront.core.analytics.generations import find_current
from storefront.core.clock import DAY_MS
from storefront.core.operating.pages import read_page
from storefront.core.services import Services
from storefront.core.tables import analytics_members, customers
from storefront_subscriptions.intervals import Interval
from storefront_subscriptions.monthly import monthly
from storefront_subscriptions.rows import (
    ACTIVE,
    CANCELED,
    INCOMPLETE,
    INCOMPLETE_EXPIRED,
    PAID,
    PAST_DUE,
    PAUSED,
    TRIALING,
    UNPAID,
)
from storefront_subscriptions.tables import invoices, subscriptions

PAYING, JOINED, LEFT = "paying", "joined", "left"
STANDINGS: Mapping[str, str] = {
    PAYING: "Paying",
    "trialing": "On trial",
    "past_due": "Past due",
    "paused": "Paused",
    "waiting": "Not begun",
    "ended": "Ended",
    JOINED: "Joined",
    LEFT: "Left",
}
"""What can be asked for: how a subscription stands, or (the last two) what its customer did in a time."""
_STATES: Mapping[str, tuple[str, ...]] = {
    "trialing": (TRIALING,),
    "past_due": (PAST_DUE, UNPAID),
    "paused": (PAUSED,),
    "waiting": (INCOMPLETE,),
    "ended": (CANCELED, INCOMPLETE_EXPIRED),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What subscriptions are looked for; all that is given must hold. Times in business ms, ``until`` exclusive.

    ``text`` is a subscription's or customer's id, ours or the game's. A time counts where ``standing`` is ``joined``.
    """

    text: str = ""
    standing: str | None = None
    tier: str | None = None
    currency: str | None = None
    since: int | None = None
    until: int | None = None


async def find_subscriptions(services: Services, wanted: Wanted, *, limit: int, after: str | None) -> dict[str, Any]:
    """Return a page of subscriptions, newest first: ``{"data", "next"}``; rows, each with its ``customer``'s name."""
    named = customers.c.external_id.label("customer")
    statement = select(subscriptions, named).join(customers, customers.c.id == subscriptions.c.customer_id)
    statement = await _narrowed(services, statement, wanted)
    by = (subscriptions.c.created_at, subscriptions.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=dict)


async def sums_of(services: Services, wanted: Wanted) -> dict[str, tuple[int, int]]:
    """Return ``currency -> (how many of what is wanted pay, what they come to a month)``, all pages together.

    Each is rounded by itself, as it is shown: so the lines of all pages add up to this.
    """
    price = (subscriptions.c.price * subscriptions.c.seats).label("price")
    columns = (subscriptions.c.currency, subscriptions.c.interval, price)
    statement = select(*columns, func.count().label("many")).where(is_paying()).group_by(*columns)
    statement = await _narrowed(services, statement, wanted)
    found: dict[str, tuple[int, int]] = {}
    for row in await services.reader.scan(statement):
        many, amount = found.get(row["currency"], (0, 0))
        each = monthly(row["price"], Interval.parse(row["interval"]))
        found[row["currency"]] = (many + row["many"], amount + row["many"] * each)
    return found


def is_paying() -> ColumnElement[bool]:
    """Return what holds of subscriptions that come to something a month: as ``monthly.recurring`` says, in SQL."""
    return and_(
        subscriptions.c.billing_state.in_((ACTIVE, PAST_DUE)),
        subscriptions.c.period >= 0,
        subscriptions.c.price > 0,
    )


async def _narrowed(services: Services, statement: Select[Any], wanted: Wanted) -> Select[Any]:
    return statement.where(*await conditions_of(services, wanted))


async def conditions_of(services: Services, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what must hold of subscriptions that are looked for."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        conditions.append(await _named(services, wanted.text))
    if wanted.tier is not None:
        conditions.append(subscriptions.c.sku == wanted.tier)
    if wanted.currency is not None:
        conditions.append(subscriptions.c.currency == wanted.currency)
    if wanted.standing == PAYING:
        conditions.append(is_paying())
    elif wanted.standing == JOINED:
        conditions.append(await _of_joined(services, wanted))
    elif wanted.standing is not None:
        conditions.append(subscriptions.c.billing_state.in_(_STATES[wanted.standing]))
    return conditions


async def _named(services: Services, text: str) -> ColumnElement[bool]:
    customer_id = await services.customers.find(text)
    return or_(subscriptions.c.id == text, subscriptions.c.customer_id == (customer_id or text))


async def _of_joined(services: Services, wanted: Wanted) -> ColumnElement[bool]:
    """Return what holds of all that customers have paid for who paid for the first time in a time."""
    generation = await find_current(services.reader)
    joined = select(analytics_members.c.customer_id).where(
        analytics_members.c.generation == (-1 if generation is None else generation.number),
        analytics_members.c.joined_day.is_not(None),
    )
    if wanted.since is not None:
        joined = joined.where(analytics_members.c.joined_day * DAY_MS >= wanted.since)
    if wanted.until is not None:
        joined = joined.where(analytics_members.c.joined_day * DAY_MS < wanted.until)
    paid = exists().where(
        invoices.c.subscription_id == subscriptions.c.id,
        invoices.c.state == PAID,
        invoices.c.period >= 0,
        invoices.c.price > 0,
    )
    return and_(subscriptions.c.customer_id.in_(joined), paid)
