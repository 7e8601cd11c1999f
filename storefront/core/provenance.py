"""Where value came from and where it went: a wallet's lots, what filled each of them, and what drew on it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from storefront.core.accounts import wallet
from storefront.core.clock import iso
from storefront.core.errors import FieldError, Invalid, NotFound
from storefront.core.ids import is_id
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.shared_entries import moved_for
from storefront.core.tables import credits, draws, entries, lots

_ENTRY = (entries.c.id, entries.c.kind, entries.c.about, entries.c.occurred_at)
_LOT = Query(select(lots).where(lots.c.id == bindparam("id"), lots.c.account == bindparam("account")))


async def list_lots(
    services: Services, customer_id: str, asset: str, *, limit: int, after: str | None
) -> dict[str, Any]:
    """Return one page of a wallet's open lots, newest first: ``{"data": […], "next"}``."""
    statement = (
        select(lots)
        .where(lots.c.account == wallet(customer_id, asset).id, lots.c.remaining > 0)
        .order_by(lots.c.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(lots.c.id < _cursor(after, "lot"))
    rows = await services.reader.scan(statement)
    return {"data": [_lot_json(row) for row in rows[:limit]], "next": _next(rows, limit, "id")}


async def show_lot(services: Services, customer_id: str, asset: str, lot_id: str) -> dict[str, Any]:
    """Return a lot, also one that is used up, with the credits that filled it; raises ``NotFound``."""
    lot = await _need_lot(services, customer_id, asset, lot_id)
    statement = _of_customer(
        select(*_ENTRY, credits).join(credits, credits.c.entry_id == entries.c.id).where(credits.c.lot_id == lot_id),
        customer_id,
    )
    filled = [
        {**_entry_json(row), "payment": row["payment"], "cost": _cost_json(row)}
        for row in await services.reader.scan(statement)
    ]
    return {**_lot_json(lot), "credits": filled}


async def list_draws(
    services: Services, customer_id: str, asset: str, lot_id: str, *, limit: int, after: str | None
) -> dict[str, Any]:
    """Return one page of the entries that drew on a lot, newest first; raises ``NotFound``."""
    await _need_lot(services, customer_id, asset, lot_id)
    statement = _of_customer(
        select(*_ENTRY, func.sum(draws.c.amount).label("amount"))
        .join(draws, draws.c.entry_id == entries.c.id)
        .where(draws.c.lot_id == lot_id)
        .group_by(*_ENTRY),
        customer_id,
    ).limit(limit + 1)
    if after is not None:
        statement = statement.where(entries.c.id < _cursor(after, "ent"))
    rows = await services.reader.scan(statement)
    return {"data": [_entry_json(row) for row in rows[:limit]], "next": _next(rows, limit, "id")}


def _of_customer(statement: Select[Any], customer_id: str) -> Select[Any]:
    """Look among the customer's entries, which have an index: the lots of draws and credits have none."""
    return statement.where(moved_for(customer_id)).order_by(entries.c.id.desc())


async def _need_lot(services: Services, customer_id: str, asset: str, lot_id: str) -> Row:
    lot = await services.reader.first(_LOT, id=lot_id, account=wallet(customer_id, asset).id)
    if lot is None:
        raise NotFound("There is no such lot in this wallet.")
    return lot


def _lot_json(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "source": row["source"],
        "payment": row["payment"],
        "cost": _cost_json(row),
        "priority": row["priority"],
        "amount": row["amount"],
        "remaining": row["remaining"],
        "held": row["held"],
        "frozen": row["frozen"],
        "opened_at": iso(row["opened_at"]),
        "expires_at": None if row["expires_at"] is None else iso(row["expires_at"]),
    }


def _cost_json(row: Row) -> dict[str, Any] | None:
    if row["cost_amount"] is None:
        return None
    return {"amount": row["cost_amount"], "currency": row["cost_currency"]}


def _entry_json(row: Row) -> dict[str, Any]:
    return {
        "entry": row["id"],
        "kind": row["kind"],
        "about": row["about"],
        "amount": int(row["amount"]),
        "occurred_at": iso(row["occurred_at"]),
    }


def _next(rows: Sequence[Row], limit: int, name: str) -> str | None:
    return str(rows[limit - 1][name]) if len(rows) > limit else None


def _cursor(after: str, prefix: str) -> str:
    if not is_id(after, prefix):
        raise Invalid("This is not a cursor of this list.", errors=[FieldError("/after", "is no cursor of this list")])
    return after
