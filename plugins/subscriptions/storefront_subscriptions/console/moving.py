"""Whose recurring revenue moved in a time, and by how much: what the movements of analytics are made of.

Roll-ups count movements and name nobody. The same events are read again, customer by customer, by the same rule.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import and_, or_, select

from storefront.core.analytics.members import Member
from storefront.core.analytics.metrics import CHURN, CONTRACTION, EXPANSION, NEW, REACTIVATION, RECURRING, Told
from storefront.core.errors import FieldError, Invalid
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import customers, events
from storefront.core.tables_service import IS_BESIDE_SALES
from storefront_subscriptions.rolling import STANDING_EVENTS, standing_of
from storefront_subscriptions.tables import subscriptions

MOVEMENTS: Mapping[str, str] = {
    NEW: "New",
    EXPANSION: "More",
    REACTIVATION: "Came back",
    CONTRACTION: "Less",
    CHURN: "Left",
}
AT_ONCE, MOST_READ = 200, 2_000
"""How many events are looked at at once, and for one page at most: a rare movement's page may be shorter."""


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much a subscription's amount a month moved (smallest units of ``currency``), when (business ms)."""

    subscription: str
    at: int
    currency: str
    amount: int


async def find_moved(
    services: Services,
    *,
    movement: str | None,
    currency: str | None,
    since: int,
    until: int,
    limit: int,
    after: str | None,
) -> tuple[list[tuple[Moved, Row]], str | None]:
    """Return what moved in a time, newest first, each with its subscription's row, and where the next page begins.

    ``movement``: one of ``MOVEMENTS``, or any.

    Raises:
        Invalid: ``after`` is no place in such a list.
    """
    found: list[Moved] = []
    known: dict[str, Mapping[int, Sequence[Moved]]] = {}
    read, place, is_whole = 0, _place(after), False
    while len(found) < limit and read < MOST_READ and not is_whole:
        rows = await services.reader.scan(_events(since, until, place).limit(AT_ONCE))
        is_whole = len(rows) < AT_ONCE
        for at, row in enumerate(rows, start=1):
            anchor, place = row["anchor"], (row["occurred_at"], row["id"])
            if anchor not in known:
                known[anchor] = await _movements_of(services, anchor, movement, currency)
            found.extend(known[anchor].get(row["sequence"], ()))
            if len(found) >= limit:
                is_whole = is_whole and at == len(rows)
                break
        read += len(rows)
    following = None if is_whole or place is None else f"{place[0]}~{place[1]}"
    return await _with_rows(services, found), following


def _place(after: str | None) -> tuple[int, str] | None:
    if after is None:
        return None
    at, _, last = after.partition("~")
    if not (at.isascii() and at.isdigit() and len(at) < 19 and last):
        message = "is not a cursor of this list"
        raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", message)])
    return int(at), last


def _events(since: int, until: int, place: tuple[int, str] | None) -> Any:
    at, name = events.c.occurred_at, events.c.id
    statement = select(events.c.anchor, events.c.sequence, events.c.id, events.c.subject, at).where(
        IS_BESIDE_SALES, events.c.type.in_(STANDING_EVENTS), at >= since, at < until
    )
    if place is not None:
        statement = statement.where(or_(at < place[0], and_(at == place[0], name < place[1])))
    return statement.order_by(at.desc(), name.desc())


async def _with_rows(services: Services, found: Sequence[Moved]) -> list[tuple[Moved, Row]]:
    """Put the subscriptions' rows beside what moved, with their customers' names."""
    ids = {moved.subscription for moved in found}
    statement = (
        select(subscriptions, customers.c.external_id.label("customer"))
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .where(subscriptions.c.id.in_(ids))
    )
    rows = {row["id"]: row for row in await services.reader.scan(statement)} if ids else {}
    return [(moved, rows[moved.subscription]) for moved in found]


async def _movements_of(
    services: Services, customer_id: str, movement: str | None, currency: str | None
) -> Mapping[int, Sequence[Moved]]:
    """Return what moved of a customer, by the sequence of the event that told it; one commit is one movement."""
    statement = (
        select(events)
        .where(events.c.anchor == customer_id, events.c.type.in_(STANDING_EVENTS))
        .order_by(events.c.sequence)
    )
    member, found = Member(), defaultdict[int, list[Moved]](list)
    for _, rows in groupby(await services.reader.scan(statement), key=lambda row: row["commit_no"]):
        before, moved = member.totals(), dict[tuple[str, str], tuple[int, Row]]()
        for row in rows:
            standing = standing_of(Told(row["type"], row["subject"], msgspec.json.decode(row["payload"])))
            if standing is None:
                continue
            was = member.standing.get(standing.subject, (standing.asset, 0))
            member.take(standing)
            for asset, amount in ((was[0], -was[1]), (standing.asset, standing.monthly)):
                so_far, _ = moved.get((standing.subject, asset), (0, row))
                moved[standing.subject, asset] = (so_far + amount, row)
        kinds = {key.asset: key.kind for key, _ in member.movements(before, 0) if key.metric == RECURRING}
        for (subject, asset), (amount, row) in moved.items():
            if amount and asset in kinds and movement in (None, kinds[asset]) and currency in (None, asset):
                found[row["sequence"]].append(Moved(subject, row["occurred_at"], asset, amount))
    return found
