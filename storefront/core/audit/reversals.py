"""L10 and E1 of refunds: each points to the entry that gave back its amount, and accounts for the goods."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, case, func, literal, or_, select

from storefront.core.audit.check import Check, Violation, each_row
from storefront.core.tables import accounts, entries, item_movements, purchases, reversals, transfers

_ROWS_AT_ONCE = 300


class _Goods(msgspec.Struct):
    """Items of one SKU, or an amount of one asset."""

    demanded: int
    taken: int
    written_off: int
    owed: int = 0
    sku: str = ""
    asset: str = ""


class _TakenBack(msgspec.Struct):
    quantity: int
    items: list[_Goods]
    credits: list[_Goods]


def reversals_point_to_entries(connection: Connection) -> Iterator[Violation]:
    """L10: a refund that gave something back names the entry that did, under the purchase's own entry."""
    wallet = literal("customer:") + reversals.c.customer_id + ":" + reversals.c.currency
    back = func.coalesce(func.sum(case((transfers.c.destination == wallet, transfers.c.amount), else_=0)), 0)
    statement = (
        select(reversals.c.id, reversals.c.amount, reversals.c.currency, reversals.c.entry_id,
               entries.c.id.label("found"), entries.c.about, entries.c.reverses,
               purchases.c.entry_id.label("original"), back.label("back"))
        .join(purchases, purchases.c.id == reversals.c.purchase_id)
        .join(entries, entries.c.id == reversals.c.entry_id, isouter=True)
        .join(transfers, transfers.c.entry_id == entries.c.id, isouter=True)
        .group_by(reversals.c.id, entries.c.id, purchases.c.id)
        .having(or_(
            and_(reversals.c.entry_id.is_(None), reversals.c.amount > 0),
            and_(reversals.c.entry_id.is_not(None),
                 or_(entries.c.id.is_(None), entries.c.about != reversals.c.id, back != reversals.c.amount,
                     func.coalesce(entries.c.reverses, "") != func.coalesce(purchases.c.entry_id, ""))),
        ))
    )  # fmt: skip
    for row in each_row(connection, statement):
        fault = f"its entry {row.entry_id} gave {int(row.back)} back"
        if row.entry_id is None:
            fault = "names no entry"
        elif row.found is None:
            fault = f"its entry {row.entry_id} does not exist"
        elif row.about != row.id:
            fault = f"its entry {row.entry_id} is about {row.about}"
        elif row.reverses != row.original:
            fault = f"its entry reverses {row.reverses}, not the purchase's {row.original}"
        message = f"refund {row.id} is for {row.amount} {row.currency}, but {fault}"
        yield Violation("L10-reversals", (row.id,), message)
    stray = (
        select(entries.c.id, entries.c.about)
        .join(reversals, and_(reversals.c.id == entries.c.about, reversals.c.entry_id == entries.c.id), isouter=True)
        .where(entries.c.kind == "refund", reversals.c.id.is_(None))
    )
    for row in each_row(connection, stray):
        message = f"entry {row.id} refunds something for {row.about}, which is no refund of that entry"
        yield Violation("L10-reversals", (row.id,), message)


def reversals_account_for_goods(connection: Connection) -> Iterator[Violation]:
    """E1: taken back + written off cover each refund, what was taken really left, and the purchase says so."""
    rows = each_row(connection, select(reversals).order_by(reversals.c.id))
    for page in _pages(rows):
        yield from _against_movements(connection, page)
    yield from _against_purchases(connection)


def _pages(rows: Iterable[Row[Any]]) -> Iterator[Sequence[Row[Any]]]:
    rows = iter(rows)
    while page := list(islice(rows, _ROWS_AT_ONCE)):
        yield page


def _against_movements(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Violation]:
    """Compare what a page of refunds says it took with what left inventories and wallets for them."""
    left: Counter[tuple[str, str]] = Counter()
    moved = select(item_movements.c.about, item_movements.c.sku, item_movements.c.quantity).where(
        item_movements.c.about.in_([row.id for row in page])
    )
    for movement in each_row(connection, moved):
        left[(movement.about, movement.sku)] -= movement.quantity
    entry_ids = {row.entry_id: row.id for row in page if row.entry_id is not None}
    taken = (
        select(transfers.c.entry_id, transfers.c.asset, transfers.c.amount)
        .join(accounts, and_(accounts.c.id == transfers.c.source, accounts.c.role == "wallet"))
        .where(transfers.c.entry_id.in_(list(entry_ids)))
    )
    for transfer in each_row(connection, taken):
        left[(entry_ids[transfer.entry_id], transfer.asset)] += transfer.amount
    for row in page:
        told = msgspec.json.decode(row.taken_back, type=_TakenBack)
        for one in (*told.items, *told.credits):
            name = one.sku or one.asset
            left[(row.id, name)] -= one.taken
            covered = one.taken + one.written_off + one.owed
            if min(one.demanded, one.taken, one.written_off, one.owed) < 0 or covered < one.demanded:
                owed = f" + {one.owed} owed" if one.owed else ""
                message = (
                    f"refund {row.id} asked {one.demanded} {name} back, but {one.taken} taken "
                    f"+ {one.written_off} written off{owed} do not cover that"
                )
                yield Violation("E1-reversals", (row.id,), message)
    for (reversal_id, name), difference in left.items():
        if difference:
            message = f"refund {reversal_id} took {difference} {name} more than it says"
            yield Violation("E1-reversals", (reversal_id,), message)


def _against_purchases(connection: Connection) -> Iterator[Violation]:
    columns = (purchases.c.id, purchases.c.total, purchases.c.quantity, purchases.c.refunded)
    statement = (
        select(*columns, reversals.c.number, reversals.c.amount, reversals.c.taken_back)
        .join(reversals, reversals.c.purchase_id == purchases.c.id, isouter=True)
        .where(or_(reversals.c.id.is_not(None), purchases.c.refunded != "none"))
        .order_by(purchases.c.id, reversals.c.number)
    )
    for purchase_id, found in groupby(each_row(connection, statement), key=lambda row: row.id):
        rows = list(found)
        made = [row for row in rows if row.number is not None]
        amount = sum(row.amount for row in made)
        quantity = sum(msgspec.json.decode(row.taken_back, type=_TakenBack).quantity for row in made)
        is_full = (amount, quantity) == (rows[0].total, rows[0].quantity)
        due = "full" if is_full and made else "part" if made else "none"
        if rows[0].refunded != due or amount > rows[0].total or quantity > rows[0].quantity:
            message = (
                f"purchase {purchase_id} says refunded {rows[0].refunded}, its refunds say {due}: "
                f"{amount} of {rows[0].total}, {quantity} of {rows[0].quantity} units"
            )
            yield Violation("E1-reversals", (purchase_id,), message)
        if [row.number for row in made] != list(range(1, len(made) + 1)):
            message = f"the refunds of purchase {purchase_id} are not numbered 1 to {len(made)}"
            yield Violation("E1-reversals", (purchase_id,), message)


CHECKS = (
    Check("L10-reversals", "Every refund points to the entry that gave it back, and back", reversals_point_to_entries),
    Check("E1-reversals", "Taken back + written off cover each reversal", reversals_account_for_goods),
)
