"""E5-events: what events tell of purchases, refunds, grants and holds is what the rows say.

The numbering of events is L4's; which status may follow which is E5's. ``wallet.lapsed`` and the
events of plugins are about entries that the seals prove, or about a plugin's own rows.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, Select, and_, case, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.owners import Owners
from storefront.core.audit.redactions import Redactions
from storefront.core.commit.usage import USAGE
from storefront.core.tables import customers, events, grants, holds, purchases, reversals

NAME = "E5-events"
_ROWS_AT_ONCE = 300
_STATUSES = ("pending", "in_review", "paid", "completed", "expired", "failed", "canceled", "rejected")
_OF_GRANT = ("customer_id", "reason", "asset", "amount", "sku", "quantity")
_OF_HOLD = ("customer_id", "asset", "amount")
_EVENT = (events.c.anchor, events.c.sequence, events.c.type, events.c.subject, events.c.payload)


class _Money(msgspec.Struct):
    amount: int
    currency: str


class _Refund(msgspec.Struct):
    id: str
    number: int
    amount: _Money
    reason: str | None


class _Purchase(msgspec.Struct):
    """A ``purchase.…`` event; only ``purchase.refunded`` has a refund."""

    id: str | UnsetType = UNSET
    customer_id: str | UnsetType = UNSET
    sku: str | UnsetType = UNSET
    quantity: int | UnsetType = UNSET
    status: str | UnsetType = UNSET
    total: _Money | UnsetType = UNSET
    refund: _Refund | UnsetType = UNSET


class _Granted(msgspec.Struct):
    """``grant.made``: what was not given is left out."""

    id: str
    customer_id: str
    reason: str
    asset: str | None = None
    amount: int | None = None
    sku: str | None = None
    quantity: int | None = None


class _Hold(msgspec.Struct):
    """A ``hold.…`` event; those of the first releases do not say why and until when."""

    id: str
    customer_id: str
    asset: str
    amount: int
    captured: int
    state: str
    reason: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET


class _Compared(NamedTuple):
    """By what an event and the books are compared."""

    owners: Owners
    redactions: Redactions

    def agree(self, name: str, said: object, is_so: object) -> bool:
        """Tell whether both say the same of who everybody is now."""
        same = self.owners.of(said) == self.owners.of(is_so)
        return same or self.redactions.excuse(name, said, is_so)


def events_tell_what_is_so(connection: Connection) -> Iterator[Violation]:
    """E5-events: ids, amounts, goods and reasons in events are those of the rows, and nothing goes untold."""
    yield from _of_purchases(connection)
    yield from _of_refunds(connection)
    yield from _of_grants(connection)
    yield from _of_holds(connection)
    yield from _of_customers(connection)


@cache
def _select_of_purchases() -> Select[Any]:
    return (
        select(*_EVENT, purchases.c.customer_id, purchases.c.sku, purchases.c.quantity, purchases.c.total,
               purchases.c.currency)
        .join(purchases, purchases.c.id == events.c.subject)
        .where(events.c.type.startswith("purchase.", autoescape=True))
    )  # fmt: skip


def _of_purchases(connection: Connection) -> Iterator[Violation]:
    compared = _Compared(Owners(connection), Redactions(connection))
    for row in each_row(connection, _select_of_purchases()):
        told = msgspec.json.decode(row.payload, type=_Purchase)
        so: dict[str, object] = {
            "id": row.subject,
            "customer_id": row.customer_id,
            "sku": row.sku,
            "quantity": row.quantity,
            "total": _Money(row.total, row.currency),
        }
        status = row.type.removeprefix("purchase.")
        if status in _STATUSES:
            so["status"] = status
        elif status != "refunded":
            # Another plugin's event about a purchase need not tell all of it.
            so = {name: value for name, value in so.items() if getattr(told, name) is not UNSET}
        yield from _differences(row, told, so, compared)


@cache
def _select_of_refunds() -> Select[Any]:
    return select(*_EVENT).where(events.c.type == "purchase.refunded")


def _of_refunds(connection: Connection) -> Iterator[Violation]:
    compared = _Compared(Owners(connection), Redactions(connection))
    rows = each_row(connection, _select_of_refunds())
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        told = [msgspec.json.decode(row.payload, type=_Purchase).refund for row in page]
        ids = [refund.id for refund in told if refund is not UNSET]
        made = {row.id: row for row in connection.execute(select(reversals).where(reversals.c.id.in_(ids)))}
        for row, refund in zip(page, told, strict=True):
            found = None if refund is UNSET else made.get(refund.id)
            if refund is UNSET or found is None or found.purchase_id != row.subject:
                which = "no refund" if refund is UNSET else f"the refund {refund.id}, which is none of that purchase"
                yield _violation(row, f"tells of {which}")
                continue
            amount = _Money(found.amount, found.currency)
            yield from _differences(
                row, refund, {"number": found.number, "amount": amount, "reason": found.reason}, compared
            )
    yield from _untold_refunds(connection)


@cache
def _select_untold_refunds() -> Select[Any]:
    told = (
        select(events.c.subject, func.count().label("count"))
        .where(events.c.type == "purchase.refunded")
        .group_by(events.c.subject)
        .subquery("told")
    )
    made = (
        select(
            reversals.c.purchase_id, func.count().label("count"), func.count(reversals.c.gateway).label("at_gateways")
        )
        .where(reversals.c.cause != "dispute", reversals.c.state == "completed")
        .group_by(reversals.c.purchase_id)
        .subquery("made")
    )
    count = func.coalesce(told.c.count, 0)
    return (
        select(made.c.purchase_id, made.c.count, count.label("told"))
        .join(told, told.c.subject == made.c.purchase_id, isouter=True)
        # What a gateway made and took back again later was told all the same.
        .where(or_(count < made.c.count, and_(count > made.c.count, made.c.at_gateways == 0)))
    )


def _untold_refunds(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_untold_refunds()):
        message = f"purchase {row.purchase_id} has {row.count} refunds, events tell of {row.told}"
        yield Violation(NAME, (row.purchase_id,), message)


@cache
def _select_of_grants() -> tuple[Select[Any], Select[Any]]:
    statement = (
        select(*_EVENT, grants.c.id, *(grants.c[name] for name in _OF_GRANT))
        .join(grants, grants.c.id == events.c.subject, isouter=True)
        .where(events.c.type == "grant.made")
    )
    told_once = select(events.c.subject).where(events.c.type == "grant.made")
    return statement, select(grants.c.id).where(grants.c.id.not_in(told_once))


def _of_grants(connection: Connection) -> Iterator[Violation]:
    compared = _Compared(Owners(connection), Redactions(connection))
    statement, untold = _select_of_grants()
    for row in each_row(connection, statement):
        if row.id is None:
            yield _violation(row, "tells of a grant that does not exist")
            continue
        told = msgspec.json.decode(row.payload, type=_Granted)
        yield from _differences(row, told, {name: getattr(row, name) for name in ("id", *_OF_GRANT)}, compared)
    for row in each_row(connection, untold):
        yield Violation(NAME, (row.id,), f"grant {row.id} was made, but no event tells of it")


@cache
def _select_of_holds() -> Select[Any]:
    return (
        select(*_EVENT, holds.c.id, *(holds.c[name] for name in _OF_HOLD), holds.c.captured, holds.c.reason,
               holds.c.expires_at)
        .join(holds, holds.c.id == events.c.subject, isouter=True)
        .where(events.c.type.startswith("hold.", autoescape=True))
    )  # fmt: skip


def _of_holds(connection: Connection) -> Iterator[Violation]:
    compared = _Compared(Owners(connection), Redactions(connection))
    for row in each_row(connection, _select_of_holds()):
        if row.id is None:
            yield _violation(row, "tells of a hold that does not exist")
            continue
        told, state = msgspec.json.decode(row.payload, type=_Hold), row.type.removeprefix("hold.")
        so = {name: getattr(row, name) for name in ("id", *_OF_HOLD)}
        so |= {"state": "open" if state == "placed" else state, "captured": row.captured if state == "captured" else 0}
        so |= {name: getattr(row, name) for name in ("reason", "expires_at") if getattr(told, name) is not UNSET}
        yield from _differences(row, told, so, compared)
    yield from _untold_holds(connection)


@cache
def _select_untold_holds() -> Select[Any]:
    is_placing = events.c.type == "hold.placed"
    told = (
        select(events.c.subject, func.sum(case((is_placing, 1), else_=0)).label("placed"),
               func.sum(case((is_placing, 0), else_=1)).label("ended"),
               func.max(case((is_placing, literal("")), else_=events.c.type)).label("end"))
        .where(events.c.type.startswith("hold.", autoescape=True))
        .group_by(events.c.subject).subquery("told")
    )  # fmt: skip
    placed, ended = func.coalesce(told.c.placed, 0), func.coalesce(told.c.ended, 0)
    end = case((holds.c.state == "open", literal("")), else_=literal("hold.") + holds.c.state)
    return (
        select(holds.c.id, holds.c.state, placed.label("placed"), ended.label("ended"))
        .join(told, told.c.subject == holds.c.id, isouter=True)
        # Holds behind pending usage grow with it and are told of as ``usage.drained``; U-usage checks them.
        .where(
            holds.c.actor != USAGE,
            or_(placed != 1, ended != case((holds.c.state == "open", 0), else_=1), told.c.end != end),
        )
    )


def _untold_holds(connection: Connection) -> Iterator[Violation]:
    """A hold was placed once, and its end, if it has one, was told once."""
    for row in each_row(connection, _select_untold_holds()):
        message = f"hold {row.id} is {row.state}, events tell {row.placed} times of its begin, {row.ended} of its end"
        yield Violation(NAME, (row.id,), message)


@cache
def _select_of_customers() -> Select[Any]:
    return (
        select(*_EVENT)
        .join(customers, and_(customers.c.id == events.c.subject, customers.c.id == events.c.anchor), isouter=True)
        .where(events.c.type == "customer.created", customers.c.id.is_(None))
    )


def _of_customers(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_of_customers()):
        yield _violation(row, f"tells of the customer {row.subject}, who does not exist")


def _differences(row: Row[Any], told: object, so: Mapping[str, object], compared: _Compared) -> Iterator[Violation]:
    """Compare what an event tells with what is so, member by member, and tell the first that differs."""
    for name, value in so.items():
        said = getattr(told, name)
        if not compared.agree(name, said, value):
            yield _violation(row, f"says {name} {_shown(said)}, the books say {_shown(value)}")
            return
    owner = so.get("customer_id")
    if owner is not None and not compared.agree("customer_id", owner, row.anchor):
        yield _violation(row, f"stands under {row.anchor}, but is {owner}'s")


def _shown(value: object) -> str:
    if isinstance(value, _Money):
        return f"{value.amount} {value.currency}"
    return "nothing" if value is UNSET or value is None else str(value)


def _violation(row: Row[Any], fault: str) -> Violation:
    message = f"event {row.sequence} of {row.anchor} ({row.type} of {row.subject}) {fault}"
    return Violation(NAME, (row.subject,), message)


CHECKS = (Check(NAME, "Events tell what the books say", events_tell_what_is_so),)
