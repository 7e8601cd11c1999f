"""E4-bundles: what a bundle's contents cost sums up to what was paid, and no more of any of them went back."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import purchases, reversals

NAME = "E4-bundles"
_TAKING = ("completed", "lost")


class _Amount(msgspec.Struct):
    amount: int


class _Line(msgspec.Struct):
    type: str
    total: _Amount
    sku: str = ""
    quantity: int = 0
    price: _Amount | None = None
    adjustment: _Amount | None = None
    tax: _Amount | None = None
    included: bool = True


class _TakenLine(msgspec.Struct):
    sku: str
    quantity: int
    amount: int


class _TakenBack(msgspec.Struct):
    quantity: int
    lines: list[_TakenLine] = []


@cache
def _select_bundles_add_up() -> Select[Any]:
    columns = (purchases.c.id, purchases.c.lines, purchases.c.total, purchases.c.quantity)
    return select(*columns).where(purchases.c.lines.contains('"component"')).order_by(purchases.c.id)


def bundles_add_up(connection: Connection) -> Iterator[Violation]:
    """E4-bundles: each member of the components' lines sums up to that of the purchase; refunds by line are within."""
    for row in each_row(connection, _select_bundles_add_up()):
        lines = msgspec.json.decode(row.lines, type=list[_Line])
        components = [line for line in lines if line.type == "component"]
        if components:
            yield from _sums(row, lines, components)
            yield from _refunds(connection, row, components)


def _sums(row: Row[tuple[str, str, int, int]], lines: list[_Line], components: list[_Line]) -> Iterator[Violation]:
    due = {
        "total": row.total,
        "price": sum(line.total.amount for line in lines if line.type == "offer"),
        "adjustment": sum(line.total.amount for line in lines if line.type == "adjustment"),
        "tax": sum(line.total.amount for line in lines if line.type == "tax"),
    }
    for name, whole in due.items():
        found = sum(part.amount for line in components if (part := getattr(line, name)) is not None)
        if found != whole:
            message = f"the contents of purchase {row.id} sum up to a {name} of {found}, the purchase's is {whole}"
            yield Violation(NAME, (row.id,), message)


def _refunds(
    connection: Connection, row: Row[tuple[str, str, int, int]], components: list[_Line]
) -> Iterator[Violation]:
    made = select(reversals.c.taken_back).where(reversals.c.purchase_id == row.id, reversals.c.state.in_(_TAKING))
    units: Counter[str] = Counter()
    for (text,) in connection.execute(made).all():
        for line in msgspec.json.decode(text, type=_TakenBack).lines:
            units[line.sku] += line.quantity
    sold = {line.sku: line.quantity for line in components}
    for sku, quantity in units.items():
        if quantity > sold.get(sku, 0):
            message = f"{quantity} {sku} of purchase {row.id} went back, {sold.get(sku, 0)} were in it"
            yield Violation(NAME, (row.id, sku), message)


CHECKS = (Check(NAME, "What is in bundles costs what was paid for them, and goes back once", bundles_add_up),)
