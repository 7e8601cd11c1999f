"""E4 and L10 of tax: what stands on a purchase's lines, worked out again, and what was booked to each jurisdiction."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import accounts, entries, purchases, transfers

_ROWS_AT_ONCE = 300
_SETTLED = "purchase.settled"
_MENTIONS_TAX = purchases.c.lines.contains('"tax"', autoescape=True)


class _Amount(msgspec.Struct):
    amount: int


class _Line(msgspec.Struct):
    """What counts of a purchase's line; the rest only of lines of tax."""

    type: str
    total: _Amount
    jurisdiction: str = ""
    percent: str | None = None
    included: bool = True
    base: _Amount | None = None


@cache
def _select_taxes_are_worked_out() -> Select[Any]:
    columns = (purchases.c.id, purchases.c.lines, purchases.c.total, purchases.c.currency)
    return select(*columns).where(_MENTIONS_TAX)


def taxes_are_worked_out(connection: Connection) -> Iterator[Violation]:
    """E4: the tax on a purchase's lines is what their rate makes of their base, and they sum up to the total."""
    for row in each_row(connection, _select_taxes_are_worked_out()):
        taxes = [line for line in msgspec.json.decode(row.lines, type=list[_Line]) if line.type == "tax"]
        if not taxes:
            continue
        fault = _fault(row, taxes)
        if fault:
            yield Violation("E4-tax", (row.id,), f"purchase {row.id} {fault}")


def _fault(row: Row[Any], taxes: Sequence[_Line]) -> str:
    for line in taxes:
        if line.base is None or not line.jurisdiction or line.total.amount < 0:
            return "has a line of tax that cannot be read"
        due = None if line.percent is None else _due(line.base.amount, line.total.amount, line)
        if due is not None and due != line.total.amount:
            where = f"{line.percent} % for {line.jurisdiction}"
            return f"says {line.total.amount} {row.currency} of tax, but {where} make {due}"
    is_by_rate = any(line.percent is not None for line in taxes)
    bases = [line.base.amount for line in taxes if line.base is not None]
    # The gateway tells amounts of several jurisdictions on one base; a rate of ours is on a base of its own.
    whole = (sum(bases) if is_by_rate else bases[0]) + sum(line.total.amount for line in taxes)
    return "" if whole == row.total else f"cost {row.total} {row.currency}, but base and tax make {whole}"


def _due(base: int, amount: int, line: _Line) -> int:
    """Work a tax out anew, half up: of the whole price where the price holds it, else of the base."""
    whole, _, decimals = (line.percent or "0").partition(".")
    numerator, denominator = int(whole + decimals), 100 * 10 ** len(decimals)
    if line.included:
        return _half_up((base + amount) * numerator, denominator + numerator)
    return _half_up(base * numerator, denominator)


def _half_up(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (1 if 2 * rest >= denominator else 0)


@cache
def _select_taxes_are_booked() -> tuple[Select[Any], Select[Any]]:
    settled = select(purchases.c.id, purchases.c.lines, purchases.c.currency, purchases.c.status).where(_MENTIONS_TAX)
    untaxed = (
        select(entries.c.id, entries.c.about, accounts.c.id.label("account"), transfers.c.amount)
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .join(accounts, and_(accounts.c.id == transfers.c.destination, accounts.c.owner == "tax"))
        .join(purchases, purchases.c.id == entries.c.about, isouter=True)
        .where(entries.c.kind == _SETTLED, func.coalesce(purchases.c.lines, "").not_like('%"tax"%'))
    )
    return untaxed, settled.order_by(purchases.c.id)


def taxes_are_booked(connection: Connection) -> Iterator[Violation]:
    """L10: what the settlement of a purchase booked to each jurisdiction is the tax on its lines."""
    untaxed, settled = _select_taxes_are_booked()
    for page in _pages(each_row(connection, settled)):
        yield from _compare(connection, page)
    for row in each_row(connection, untaxed):
        message = f"entry {row.id} booked {row.amount} to {row.account}, but {row.about} has no tax on its lines"
        yield Violation("L10-tax", (row.id, row.about), message)


def _compare(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Violation]:
    differences: Counter[tuple[str, str]] = Counter()
    for row in page:
        for line in msgspec.json.decode(row.lines, type=list[_Line]):
            if line.type == "tax" and row.status == "completed":
                differences[row.id, f"tax:{line.jurisdiction}:{row.currency}"] -= line.total.amount
    booked = (
        select(entries.c.about, transfers.c.destination, transfers.c.amount)
        .join(entries, entries.c.id == transfers.c.entry_id)
        .join(accounts, and_(accounts.c.id == transfers.c.destination, accounts.c.owner == "tax"))
        .where(entries.c.kind == _SETTLED, entries.c.about.in_([row.id for row in page]))
    )
    for transfer in each_row(connection, booked):
        differences[transfer.about, transfer.destination] += transfer.amount
    for (purchase_id, account), difference in differences.items():
        if difference:
            word = "more" if difference > 0 else "less"
            message = f"purchase {purchase_id} booked {abs(difference)} {word} to {account} than its lines say"
            yield Violation("L10-tax", (purchase_id,), message)


def _pages(rows: Iterable[Row[Any]]) -> Iterator[Sequence[Row[Any]]]:
    rows = iter(rows)
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        yield page


CHECKS = (
    Check("E4-tax", "The tax on every purchase is what its rate makes of its price", taxes_are_worked_out),
    Check("L10-tax", "The tax that was booked is the tax on the lines of purchases", taxes_are_booked),
)
