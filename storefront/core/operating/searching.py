"""Finding purchases and customers by what somebody has at hand: an id of ours, the game's, the gateway's, a card."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, func, or_, select

from storefront.core.clock import iso
from storefront.core.column_types import last4_of
from storefront.core.errors import FieldError, Invalid
from storefront.core.ids import is_id
from storefront.core.operating.purchases import purchase_in_short
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.tables import customers, payments, purchases, receipts, reversals

_COUNTED_AT = func.coalesce(purchases.c.completed_at, purchases.c.created_at)
"""The moment that analytics counts a purchase at, as far as it is told by its own row."""
LAST4 = re.compile(r"[0-9]{4}")
STATUSES = ("pending", "in_review", "paid", "completed", "canceled", "expired", "failed", "rejected")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What purchases are looked for; all that is given must hold.

    Times in business ms, ``until`` exclusive: when it was completed, else begun.

    ``text``: a purchase's, customer's, refund's or gateway's id, a receipt's number, a SKU, or a card's last four
    digits. ``least`` is an amount in minor units of ``currency``. ``kinds`` are kinds of offers.
    """

    text: str = ""
    status: str | None = None
    sku: str | None = None
    currency: str | None = None
    kinds: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    least: int | None = None
    trouble: str | None = None
    """``refunded`` or ``disputed``: what came back, in part or whole."""


async def find_purchases(services: Services, wanted: Wanted, *, limit: int, after: str | None) -> dict[str, Any]:
    """Return a page of purchases, newest first: ``{"data", "next"}``; each with its customer by the game's id."""
    if after is not None and not is_id(after, "pur"):
        message = "is not a cursor of this list"
        raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", message)])
    statement = (
        select(purchases, payments.c.card, payments.c.gateway_payment)
        .join(payments, payments.c.purchase_id == purchases.c.id, isouter=True)
        .where(purchases.c.id.in_(await _page(services, wanted, limit=limit + 1, after=after)))
        .order_by(purchases.c.id.desc())
    )
    rows = await services.reader.scan(statement)
    found = [await _shown(services, row) for row in rows[:limit]]
    return {"data": found, "next": rows[limit - 1]["id"] if len(rows) > limit else None}


async def matching_purchases(services: Services, wanted: Wanted) -> ColumnElement[bool]:
    """Return the condition for all purchases that are looked for."""
    found, _ = await _selection(services, wanted)
    return purchases.c.id.in_(found)


async def find_customers(services: Services, text: str, *, limit: int, after: str | None) -> dict[str, Any]:
    """Return a page of customers, newest first, whose id begins with ``text``; theirs, ours, or all.

    ``now`` is who a customer is that was merged into another.
    """
    statement = select(customers).order_by(customers.c.id.desc()).limit(limit + 1)
    if text:
        statement = statement.where(matching_customers(text))
    if after is not None:
        statement = statement.where(customers.c.id < after)
    rows = await services.reader.scan(statement)
    shown = [
        {"id": row["id"], "customer": row["external_id"], "country": row["country"],
         "created_at": iso(row["created_at"]),
         "now": None if row["merged_into"] is None else await services.customers.external_id(row["merged_into"])}
        for row in rows[:limit]
    ]  # fmt: skip
    return {"data": shown, "next": rows[limit - 1]["id"] if len(rows) > limit else None}


def matching_customers(text: str) -> ColumnElement[bool]:
    """Return the condition for customers whose id begins with a text, or is it."""
    return or_(customers.c.external_id.startswith(text, autoescape=True), customers.c.id == text)


async def _page(services: Services, wanted: Wanted, *, limit: int, after: str | None) -> Select[Any]:
    """Select the ids of a page."""
    statement, place = await _selection(services, wanted)
    if after is not None:
        statement = statement.where(place < after)
    return statement.order_by(place.desc()).limit(limit)


async def _selection(services: Services, wanted: Wanted) -> tuple[Select[Any], ColumnElement[str]]:
    """Select ids, with their column: by an index of purchases, or by that of cards where digits are searched for."""
    text = wanted.text.strip()
    named = await _named(services, text) if text else None
    if named is None and LAST4.fullmatch(text):
        place = payments.c.purchase_id
        statement = select(place).join(purchases, purchases.c.id == place).where(last4_of(payments.c.card) == text)
    else:
        place = purchases.c.id
        statement = select(place) if named is None else select(place).where(named)
    return statement.where(*_conditions(wanted)), place


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what purchases must be besides what they are called; every column stands in the index of this list."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        conditions.append(purchases.c.status == wanted.status)
    if wanted.sku is not None:
        conditions.append(purchases.c.sku == wanted.sku)
    if wanted.currency is not None:
        conditions.append(purchases.c.currency == wanted.currency)
    if wanted.kinds:
        conditions.append(purchases.c.kind.in_(wanted.kinds))
    if wanted.least is not None:
        conditions.append(purchases.c.total >= wanted.least)
    if wanted.since is not None:
        conditions.append(wanted.since <= _COUNTED_AT)
    if wanted.until is not None:
        conditions.append(wanted.until > _COUNTED_AT)
    if wanted.trouble == "refunded":
        conditions.append(purchases.c.refunded != "none")
    elif wanted.trouble == "disputed":
        conditions.append(purchases.c.dispute != "none")
    return conditions


async def _named(services: Services, text: str) -> ColumnElement[bool] | None:
    """Return what finds a purchase by one word, or None for a card's digits."""
    if is_id(text, "pur"):
        return purchases.c.id == text
    if is_id(text, "cus"):
        return purchases.c.customer_id == text
    customer_id = await services.customers.find(text)
    if customer_id is not None:
        return or_(purchases.c.customer_id == customer_id, purchases.c.recipient_id == customer_id)
    found = await _by_reference(services, text)
    if found:
        return purchases.c.id.in_(found)
    return None if LAST4.fullmatch(text) else purchases.c.sku == text


async def _by_reference(services: Services, text: str) -> list[str]:
    """Return the purchases that a gateway's id, a refund's or a receipt's number belongs to."""
    at_gateway = [payments.c.gateway.in_(services.gateways) & (column == text)
                  for column in (payments.c.gateway_ref, payments.c.gateway_payment)]  # fmt: skip
    asked: tuple[Select[Any], ...] = (
        select(payments.c.purchase_id.label("id")).where(or_(*at_gateway)),
        select(reversals.c.purchase_id.label("id")).where(
            or_(reversals.c.id == text, reversals.c.gateway.in_(services.gateways) & (reversals.c.gateway_ref == text))
        ),
        *_by_receipt(text),
    )
    for statement in asked:
        rows = await services.reader.scan(statement.limit(50))
        if rows:
            return [row["id"] for row in rows]
    return []


def _by_receipt(text: str) -> list[Select[Any]]:
    """Return what finds the purchase of a receipt or credit note called ``R-000042``."""
    series, _, number = text.upper().rpartition("-")
    if not series or not (number.isascii() and number.isdigit() and len(number) < 19):
        return []
    of_number = (receipts.c.series == series) & (receipts.c.number == int(number))
    return [select(receipts.c.purchase_id.label("id")).where(of_number)]


async def _shown(services: Services, row: Row) -> dict[str, Any]:
    customer = await services.customers.external_id(row["customer_id"])
    lines = msgspec.json.decode(row["lines"])
    title = next((line["title"] for line in lines if line.get("title")), row["sku"])
    shown = {"customer": customer, "kind": row["kind"], "title": title, "reason": row["reason"]}
    return {**purchase_in_short(row), **shown}
