"""E1-kinds: items and rights of every purchase and grant, given again by the kind of its offer and compared.

A kind is pure: for the same line it gives the same again. What it gives is read from the steps of a plan that
nobody commits. A kind whose plugin is not there, or that refuses now, cannot say; neither can anybody else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, and_, func, select

from storefront.core.audit.check import Check, NotYet, Violation, each_row
from storefront.core.audit.gifts import RECEIVER
from storefront.core.audit.rights import rights_by_source, with_rights
from storefront.core.catalog import Catalog, load_catalog
from storefront.core.commit.plan import GrantEntitlement, GrantItem, Plan
from storefront.core.errors import StorefrontError
from storefront.core.kinds import Fulfilment, Line, OfferKind
from storefront.core.money import Money
from storefront.core.names import owner_of
from storefront.core.tables import catalog_versions, grants, item_movements, purchases
from storefront.core.unpacking import give

NAME = "E1-kinds"
TITLE = "Goods are exactly what the kinds of their offers give"
NONE_GIVEN = NotYet(NAME, TITLE, "no offer kinds were at hand; `audit verify` asks those of the shop's plugins")
Kinds = Mapping[str, OfferKind]


@dataclass(slots=True)
class _Given:
    """``items`` is sku -> quantity; ``rights`` key -> (value as JSON, whether it ends)."""

    items: dict[str, int] = field(default_factory=dict)
    rights: dict[str, tuple[str, bool]] = field(default_factory=dict)


def kinds_check(kinds: Kinds) -> Check:
    """Return the check that asks these kinds."""
    return Check(NAME, TITLE, partial(_goods_are_what_kinds_give, kinds=kinds))


def _goods_are_what_kinds_give(connection: Connection, *, kinds: Kinds) -> Iterator[Violation]:
    asking = _Asking(connection, kinds)
    of_purchases, of_grants = _of_purchases(), _of_grants()
    for row, found in _items(each_row(connection, of_purchases.items)):
        yield from _item_faults("purchase", row, found, [asking.bought(row)])
    for row, rights in rights_by_source(each_row(connection, of_purchases.rights)):
        yield from _right_faults("purchase", row, rights, [asking.bought(row)])
    for row, found in _items(each_row(connection, of_grants.items)):
        yield from _item_faults("grant", row, found, asking.granted(row))
    for row, rights in rights_by_source(each_row(connection, of_grants.rights)):
        yield from _right_faults("grant", row, rights, asking.granted(row))


class _Asking:
    """Asks the kinds again what was given, once for each different line."""

    def __init__(self, connection: Connection, kinds: Kinds) -> None:
        self._kinds = kinds
        stored = connection.execute(select(catalog_versions.c.hash, catalog_versions.c.document))
        self._catalogs = {row.hash: load_catalog(row.hash, row.document) for row in stored}
        self._known: dict[tuple[Any, ...], _Given | None] = {}

    def bought(self, row: Row[Any]) -> _Given | None:
        """Return what a purchase gives, or None if nobody can say."""
        key = (row.catalog_version, row.sku, row.quantity, row.currency, row.total, row.details)
        if key not in self._known:
            catalog = self._catalogs.get(row.catalog_version)
            total = Money(row.total, row.currency)
            given = None if catalog is None else self._give(catalog, row, total, row.completed_at, "purchase")
            self._known[key] = given
        return self._known[key]

    def granted(self, row: Row[Any]) -> list[_Given | None]:
        """Return what a grant may give: it does not name the version that it was decided by."""
        found = []
        for version, catalog in self._catalogs.items():
            key = (version, row.sku, row.quantity)
            if row.sku in catalog.offers and key not in self._known:
                total = Money(0, next(iter(catalog.offers[row.sku].prices)))
                self._known[key] = self._give(catalog, row, total, row.created_at, "grant")
            if key in self._known:
                found.append(self._known[key])
        return found or [None]

    def _give(self, catalog: Catalog, row: Row[Any], total: Money, now: int, source_type: str) -> _Given | None:
        offer = catalog.offers.get(row.sku)
        kind = None if offer is None else self._kinds.get(offer.kind)
        if offer is None or kind is None:
            return None
        plan = Plan(actor="audit", anchors={row.customer_id})
        cost = None if source_type == "grant" or total.currency in catalog.assets else total
        goods = Fulfilment(plan, row.id, row.customer_id, row.id, cost, None, now, source_type)
        details = msgspec.json.decode(row.details) if source_type == "purchase" else {}
        try:
            give(catalog, self._kinds, Line(offer, row.quantity, total, details), goods)
        except (StorefrontError, KeyError):
            return None  # a kind refuses now, or one of what is in a bundle is not there
        return _read(plan, row.id)


def _read(plan: Plan, source_id: str) -> _Given:
    given = _Given()
    for step in plan.list:
        if isinstance(step, GrantItem) and step.about == source_id:
            given.items[step.sku] = given.items.get(step.sku, 0) + step.quantity
        elif isinstance(step, GrantEntitlement) and step.source_id == source_id:
            value = msgspec.json.encode(step.value).decode()
            given.rights[step.key] = (value, step.expires_at is not None)
    return given


class _Selects(NamedTuple):
    """What asks what items and what rights purchases or grants gave."""

    items: Select[Any]
    rights: Select[Any]


@cache
def _of_purchases() -> _Selects:
    columns = (purchases.c.sku, purchases.c.quantity, purchases.c.customer_id, purchases.c.catalog_version,
               purchases.c.currency, purchases.c.total, purchases.c.details, purchases.c.completed_at)  # fmt: skip
    return _selects(purchases, *columns, receiver=RECEIVER, where=purchases.c.status == "completed")


@cache
def _of_grants() -> _Selects:
    columns = (grants.c.sku, grants.c.quantity, grants.c.customer_id, grants.c.created_at)
    return _selects(grants, *columns, receiver=owner_of(grants.c.customer_id), where=grants.c.sku.is_not(None))


def _selects(table: Table, *columns: Column[Any], receiver: ColumnElement[str], where: ColumnElement[bool]) -> _Selects:
    gave = and_(item_movements.c.about == table.c.id, item_movements.c.cause == "granted")
    items: Select[Any] = (
        select(table.c.id, *columns, item_movements.c.sku.label("given"),
               func.sum(item_movements.c.quantity).label("moved"))
        .join(item_movements, gave, isouter=True)
        .where(where)
        .group_by(table.c.id, item_movements.c.sku)
        .order_by(table.c.id)
    )  # fmt: skip
    return _Selects(items, with_rights(receiver, table.c.id, table.c.id, *columns).where(where))


def _items(found: Iterator[Row[Any]]) -> Iterator[tuple[Row[Any], dict[str, int]]]:
    """Yield (purchase or grant, sku -> quantity that it gave)."""
    for _, rows in groupby(found, key=lambda row: row.id):
        many = list(rows)
        yield many[0], {row.given: int(row.moved) for row in many if row.given is not None}


def _item_faults(noun: str, row: Row[Any], found: dict[str, int], said: list[_Given | None]) -> Iterator[Violation]:
    if any(given is None or given.items == found for given in said):
        return
    wanted = _listed(said[0].items if said[0] else {})
    message = f"{noun} {row.id} of {row.quantity} {row.sku} gave {_listed(found)}; its kind gives {wanted}"
    yield Violation(NAME, (row.id,), message)


def _right_faults(
    noun: str, row: Row[Any], found: Mapping[str, Row[Any]], said: list[_Given | None]
) -> Iterator[Violation]:
    rights = {key: (right.value, right.expires_at is not None) for key, right in found.items()}
    if any(given is None or given.rights == rights for given in said):
        return
    wanted = said[0].rights if said[0] else {}
    differing = sorted(key for key in {**rights, **wanted} if rights.get(key) != wanted.get(key))
    message = (
        f"{noun} {row.id} of {row.sku} has the rights {_listed(rights)}; its offer gives {_listed(wanted)}: "
        f"{', '.join(differing)}"
    )
    yield Violation(NAME, (row.id, *(found[key].right_id for key in differing if key in found)), message)


def _listed(goods: Mapping[str, Any]) -> str:
    def shown(value: Any) -> str:
        return f"{value[0]}{' for a time' if value[1] else ''}" if isinstance(value, tuple) else str(value)

    return ", ".join(f"{name}: {shown(value)}" for name, value in sorted(goods.items())) or "nothing"
