"""E1-instances: units with serial numbers, against what is counted and against what gave and took them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, case, func, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.names import is_of
from storefront.core.tables import counters, freezes, item_instances, item_movements, items

NAME = "E1-instances"
_SERIAL = "serial:"


def instances_are_what_is_counted(connection: Connection) -> Iterator[Violation]:
    """E1-instances: owned units are within what is counted, numbers have no gaps, each came and went by a movement."""
    yield from _more_than_counted(connection)
    yield from _numbers(connection)
    yield from _without_movement(connection)
    yield from _frozen_by_nothing(connection)


@cache
def _select_more_than_counted() -> Select[Any]:
    owned = (
        select(item_instances.c.customer_id, item_instances.c.sku, func.count().label("owned"),
               func.sum(case((item_instances.c.frozen_by.is_not(None), 1), else_=0)).label("frozen"))
        .where(item_instances.c.taken_at.is_(None))
        .group_by(item_instances.c.customer_id, item_instances.c.sku)
        .subquery("owned")
    )  # fmt: skip
    same = and_(items.c.customer_id == owned.c.customer_id, items.c.sku == owned.c.sku)
    return (
        select(owned, items.c.quantity, items.c.frozen.label("counted_frozen"), items.c.is_unique)
        .join(items, same, isouter=True)
        .where(or_(items.c.sku.is_(None), items.c.quantity < owned.c.owned, items.c.frozen < owned.c.frozen,
                   items.c.is_unique == 0))
    )  # fmt: skip


def _more_than_counted(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_more_than_counted()):
        message = (
            f"{row.customer_id} has {row.owned} numbered units of {row.sku} ({int(row.frozen)} frozen), but "
            f"{row.quantity} are counted ({row.counted_frozen} frozen, unique: {row.is_unique})"
        )
        yield Violation(NAME, (row.customer_id, row.sku), message)


@cache
def _select_numbers() -> Select[Any]:
    given = (
        select(item_instances.c.sku, func.count().label("given"), func.max(item_instances.c.number).label("last"))
        .group_by(item_instances.c.sku)
        .subquery("given")
    )
    counter = counters.c.key == _SERIAL + given.c.sku
    return (
        select(given, counters.c.value)
        .join(counters, counter, isouter=True)
        .where(or_(given.c.given != given.c.last, counters.c.value.is_(None), counters.c.value != given.c.last))
    )


def _numbers(connection: Connection) -> Iterator[Violation]:
    """The numbers of a SKU are 1 to how many were given, and its counter says so."""
    for row in each_row(connection, _select_numbers()):
        message = f"{row.given} units of {row.sku} have numbers up to {row.last}, the counter says {row.value}"
        yield Violation(NAME, (row.sku,), message)


@cache
def _select_without_movement(about: Column[Any], *, is_given: bool) -> Select[Any]:
    moved = and_(
        item_movements.c.about == about,
        is_of(item_movements.c.customer_id, item_instances.c.customer_id),
        item_movements.c.sku == item_instances.c.sku,
        item_movements.c.quantity > 0 if is_given else item_movements.c.quantity < 0,
    )
    return (
        select(item_instances.c.id, item_instances.c.sku, item_instances.c.number, about.label("cause"))
        .select_from(item_instances)
        .join(item_movements, moved, isouter=True)
        .where(about.is_not(None), item_movements.c.id.is_(None))
    )


def _without_movement(connection: Connection) -> Iterator[Violation]:
    """What gave a unit to whom it belongs, and what took it, moved that SKU of that customer, and that way."""
    for word, about, is_given in (
        ("given by", item_instances.c.about, True),
        ("taken for", item_instances.c.taken_for, False),
    ):
        for row in each_row(connection, _select_without_movement(about, is_given=is_given)):
            message = f"{row.sku} number {row.number} was {word} {row.cause}, which moved no {row.sku}"
            yield Violation(NAME, (row.id, row.cause), message)


@cache
def _select_frozen_by_nothing() -> Select[Any]:
    return (
        select(item_instances.c.id, item_instances.c.frozen_by)
        .join(freezes, freezes.c.id == item_instances.c.frozen_by, isouter=True)
        .where(item_instances.c.frozen_by.is_not(None), func.coalesce(freezes.c.state, "") != "open")
    )


def _frozen_by_nothing(connection: Connection) -> Iterator[Violation]:
    for row in each_row(connection, _select_frozen_by_nothing()):
        yield Violation(NAME, (row.id,), f"{row.id} is frozen by {row.frozen_by}, which is no open freeze")


CHECKS = (Check(NAME, "Numbered units are within what is counted, and their numbers have no gaps",
                instances_are_what_is_counted),)  # fmt: skip
