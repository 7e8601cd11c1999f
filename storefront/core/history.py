"""Lists a customer can page through: wallet entries and purchases, newest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select

from storefront.core.accounts import debt, wallet
from storefront.core.clock import iso
from storefront.core.errors import FieldError, Invalid
from storefront.core.ids import is_id
from storefront.core.names import read_names
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.core.shared_entries import moved_for
from storefront.core.tables import entries, payments, purchases, transfers


async def wallet_history(
    services: Services, customer_id: str, asset: str, *, limit: int, after: str | None
) -> dict[str, Any]:
    """Return one page of a wallet's entries: ``{"data": [{entry, kind, about, amount, owed, occurred_at}], "next"}``.

    What a credit paid off of a debt never was in the wallet: it stands by itself, with ``amount`` 0 and a negative
    ``owed``; what came to be owed has a positive one.
    """
    names = await read_names(services.reader, customer_id)
    accounts, debts = ([account(name, asset).id for name in names] for account in (wallet, debt))
    statement = (
        select(entries.c.id, entries.c.kind, entries.c.about, entries.c.occurred_at, transfers)
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .where(
            moved_for(customer_id),
            or_(transfers.c.source.in_([*accounts, *debts]), transfers.c.destination.in_([*accounts, *debts])),
        )
        .order_by(entries.c.id.desc(), transfers.c.position)
        .limit(limit + 1)
    )
    if after is not None:
        entry_id, position = _after(after)
        statement = statement.where(
            or_(entries.c.id < entry_id, and_(entries.c.id == entry_id, transfers.c.position > position))
        )
    rows = await services.reader.scan(statement)
    shown = [
        {
            "entry": row["id"],
            "kind": row["kind"],
            "about": row["about"],
            "amount": _moved(row, accounts),
            "owed": _moved(row, debts),
            "occurred_at": iso(row["occurred_at"]),
        }
        for row in rows[:limit]
    ]
    more = len(rows) > limit
    return {"data": shown, "next": f"{rows[limit - 1]['id']}.{rows[limit - 1]['position']}" if more else None}


async def last_paid_in_money(services: Services, customer_id: str, *, limit: int) -> Sequence[Row]:
    """Return a customer's newest purchases through a gateway with ``redirect_url``: those that wait first.

    Those that nobody can pay any more are left out.
    """
    statement = (
        select(purchases, payments.c.redirect_url)
        .join(payments, payments.c.purchase_id == purchases.c.id)
        .where(
            purchases.c.customer_id == customer_id,
            purchases.c.status.in_(("pending", "in_review", "paid", "completed")),
        )
        .order_by(purchases.c.status == "completed", purchases.c.id.desc())
        .limit(limit)
    )
    return await services.reader.scan(statement)


def _moved(row: Row, accounts: Sequence[str]) -> int:
    """Return by how much a transfer changed accounts in all: 0 if it is no part of them, or between two of them."""
    amount: int = row["amount"]
    return amount * ((row["destination"] in accounts) - (row["source"] in accounts))


async def list_purchases(
    services: Services, customer_id: str | None, *, limit: int, after: str | None
) -> tuple[Sequence[Row], str | None]:
    """Return one page of purchases, of one customer or of all, and where the next page begins."""
    statement = select(purchases).order_by(purchases.c.id.desc()).limit(limit + 1)
    if customer_id is not None:
        statement = statement.where(purchases.c.customer_id == customer_id)
    if after is not None:
        if not is_id(after, "pur"):
            raise _not_a_cursor()
        statement = statement.where(purchases.c.id < after)
    rows = await services.reader.scan(statement)
    return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None


def _after(text: str) -> tuple[str, int]:
    entry_id, _, position = text.partition(".")
    if not is_id(entry_id, "ent") or not (position.isascii() and position.isdigit() and len(position) < 6):
        raise _not_a_cursor()
    return entry_id, int(position)


def _not_a_cursor() -> Invalid:
    return Invalid("This is not a cursor of this list.", errors=[FieldError("/after", "is not a cursor of this list")])
