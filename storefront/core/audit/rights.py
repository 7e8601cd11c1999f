"""E1-rights: every right is one that its purchase or grant gives, as the catalog says it, and ends for a cause.

What kinds of offers give besides the offer's ``grants`` is compared by E1-kinds. A right whose source is neither
a purchase nor a grant is a plugin's own: nobody else can say whether it is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, or_, select

from storefront.core.audit.catalog_documents import StoredCatalogs, StoredOffer
from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.audit.gifts import RECEIVER
from storefront.core.names import owner_of
from storefront.core.tables import entitlements, grants, items, purchases, reversals

NAME = "E1-rights"
_Found = Mapping[str, Row[Any]]
_RIGHT = (entitlements.c.key, entitlements.c.id.label("right_id"), entitlements.c.value, entitlements.c.source_type,
          entitlements.c.sku.label("right_sku"), entitlements.c.expires_at,
          items.c.expires_at.label("item_end"))  # fmt: skip


class _TakenBack(msgspec.Struct):
    entitlements: list[str] = []


def rights_are_what_was_sold(connection: Connection) -> Iterator[Violation]:
    """E1-rights: what was bought or given brings exactly its rights, with the value that the catalog says."""
    catalogs = StoredCatalogs(connection)
    yield from _of_purchases(connection, catalogs)
    yield from _of_grants(connection, catalogs)
    yield from _sources(connection)
    yield from _ended_without_cause(connection)
    yield from _not_ended(connection)


def with_rights(owner: ColumnElement[str], source: Column[str], *columns: Column[Any]) -> Select[Any]:
    """Select what may bring rights, one row a right that names it as its source, or one row without any."""
    named = and_(entitlements.c.customer_id == owner, entitlements.c.source_id == source)
    # What an item grants whose time runs out ends with it: how long that is, E1-kinds asks its kind.
    item = and_(items.c.customer_id == entitlements.c.customer_id, items.c.sku == entitlements.c.sku)
    rights = select(*columns, *_RIGHT).select_from(source.table).join(entitlements, named, isouter=True)
    rights = rights.join(items, item, isouter=True)
    return rights.order_by(source)


def rights_by_source(rows: Iterator[Row[Any]]) -> Iterator[tuple[Row[Any], _Found]]:
    """Yield (what may bring rights, key -> right)."""
    for _, found in groupby(rows, key=lambda row: row.id):
        many = list(found)
        yield many[0], {row.key: row for row in many if row.key is not None}


@cache
def _select_of_purchases() -> Select[Any]:
    columns = (purchases.c.id, purchases.c.customer_id, purchases.c.sku, purchases.c.catalog_version)
    statement = with_rights(RECEIVER, purchases.c.id, *columns)
    sold = and_(purchases.c.status == "completed", purchases.c.bill.is_(None))
    return statement.where(sold)


def _of_purchases(connection: Connection, catalogs: StoredCatalogs) -> Iterator[Violation]:
    rows = each_row(connection, _select_of_purchases())
    for purchase, found in rights_by_source(rows):
        offer = catalogs.offer(purchase.catalog_version, purchase.sku)
        for fault in () if offer is None else _faults(offer, found, "purchase"):
            yield Violation(NAME, (purchase.id,), f"purchase {purchase.id} of {purchase.sku} {fault}")


@cache
def _select_of_grants() -> Select[Any]:
    statement = with_rights(owner_of(grants.c.customer_id), grants.c.id, grants.c.id, grants.c.sku)
    return statement.where(grants.c.sku.is_not(None))


def _of_grants(connection: Connection, catalogs: StoredCatalogs) -> Iterator[Violation]:
    """A grant does not say which version it was decided by: its rights are those of one of them."""
    for grant, found in rights_by_source(each_row(connection, _select_of_grants())):
        said = [_faults(offer, found, "grant") for offer in catalogs.offers(grant.sku)]
        if said and all(said):
            yield Violation(NAME, (grant.id,), f"grant {grant.id} of {grant.sku} {min(said, key=len)[0]}")


def _faults(offer: StoredOffer, found: _Found, source_type: str) -> Sequence[str]:
    faults = [_fault(key, value, found.get(key), source_type) for key, value in offer.grants.items()]
    return [fault for fault in faults if fault]


def _fault(key: str, value: bool | int | str, right: Row[Any] | None, source_type: str) -> str:
    wanted = msgspec.json.encode(value).decode()
    if right is None:
        return f"grants {key}, but that right is missing"
    if right.value != wanted:
        return f"grants {key} as {wanted}, but {right.right_id} says {right.value}"
    if right.expires_at is not None and right.item_end is None:
        return f"grants {key} without an end, but {right.right_id} ends at {right.expires_at}"
    if right.source_type != source_type:
        return f"grants {key}, but {right.right_id} names it as a {right.source_type}"
    return ""


@cache
def _select_sources() -> Select[Any]:
    is_told = entitlements.c.source_type == "purchase"
    is_named = entitlements.c.source_id.startswith("pur_", autoescape=True)
    return (
        select(entitlements.c.id, entitlements.c.key, entitlements.c.customer_id, entitlements.c.source_id,
               entitlements.c.source_type, RECEIVER.label("buyer"))
        .join(purchases, purchases.c.id == entitlements.c.source_id, isouter=True)
        .where(or_(is_told, is_named), or_(is_told != is_named, entitlements.c.customer_id != RECEIVER,
                                           and_(purchases.c.id.is_(None), entitlements.c.ended_at.is_not(None))))
    )  # fmt: skip


def _sources(connection: Connection) -> Iterator[Violation]:
    """A right of a purchase names one of the same customer; one that names a purchase says that it does."""
    for row in each_row(connection, _select_sources()):
        whose = "nobody's" if row.buyer is None else f"{row.buyer}'s"
        message = (
            f"right {row.id} ({row.key}) of {row.customer_id} comes from the {row.source_type} {row.source_id}, "
            f"which is {whose} purchase"
        )
        yield Violation(NAME, (row.id, row.source_id), message)


@cache
def _select_ended_without_cause() -> Select[Any]:
    identity = (entitlements.c.customer_id, entitlements.c.key, entitlements.c.source_id)
    return (
        select(*identity, entitlements.c.id, reversals.c.taken_back)
        .join(reversals, reversals.c.purchase_id == entitlements.c.source_id, isouter=True)
        .where(entitlements.c.ended_at.is_not(None), entitlements.c.source_type.in_(("purchase", "grant")))
        .order_by(*identity)
    )


def _ended_without_cause(connection: Connection) -> Iterator[Violation]:
    for (_, key, source_id), rows in groupby(
        each_row(connection, _select_ended_without_cause()), key=lambda row: tuple(row[:3])
    ):
        many = list(rows)
        if not any(row.taken_back is not None and key in _ended_by(row) for row in many):
            message = f"right {many[0].id} ({key}) has ended, but no reversal of {source_id} says that it ended it"
            yield Violation(NAME, (many[0].id, source_id), message)


@cache
def _select_not_ended() -> Select[Any]:
    telling = reversals.c.taken_back.like('%"entitlements":%["%')
    statement = select(
        reversals.c.id, RECEIVER.label("customer_id"), reversals.c.purchase_id, reversals.c.taken_back
    ).join(purchases, purchases.c.id == reversals.c.purchase_id)
    return statement.where(telling)


def _not_ended(connection: Connection) -> Iterator[Violation]:
    """What a reversal says that it ended has an end."""
    for row in each_row(connection, _select_not_ended()):
        for key in _ended_by(row):
            ended = connection.execute(
                select(entitlements.c.id).where(_is(row, key), entitlements.c.ended_at.is_not(None))
            ).scalar()
            if ended is None:
                message = f"reversal {row.id} ended the right {key} of {row.purchase_id}, but it has no end"
                yield Violation(NAME, (row.id, row.purchase_id), message)


def _is(reversal: Row[Any], key: str) -> ColumnElement[bool]:
    return and_(
        entitlements.c.customer_id == reversal.customer_id,
        entitlements.c.key == key,
        entitlements.c.source_id == reversal.purchase_id,
    )


def _ended_by(reversal: Row[Any]) -> list[str]:
    return msgspec.json.decode(reversal.taken_back, type=_TakenBack).entitlements


CHECKS = (Check(NAME, "Every right is what its source gives, and ends for a cause", rights_are_what_was_sold),)
