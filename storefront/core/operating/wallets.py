"""Wallets as an operator sees them: the open lots of one customer, and what all customers hold."""

from typing import Any

from sqlalchemy import bindparam, func, select

from storefront.core.clock import iso
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import accounts, lots

_OPEN = Query(
    select(lots, accounts.c.asset)
    .join(accounts, accounts.c.id == lots.c.account)
    .where(accounts.c.id > bindparam("first"), accounts.c.id < bindparam("last"), lots.c.remaining > 0)
    .order_by(
        accounts.c.asset, lots.c.priority, lots.c.expires_at.is_(None), lots.c.expires_at, lots.c.opened_at, lots.c.id
    )
    .limit(bindparam("most"))
)


async def open_lots(services: Services, customer_id: str, *, limit: int) -> list[dict[str, Any]]:
    """Return what is left in the lots that a customer spends first: ``[{asset, source, payment, remaining, …}]``."""
    owner = f"customer:{customer_id}"
    rows = await services.reader.all(_OPEN, first=f"{owner}:", last=f"{owner};", most=limit)
    return [
        {
            "id": row["id"],
            "asset": row["asset"],
            "source": row["source"],
            "payment": row["payment"],
            "cost": None
            if row["cost_amount"] is None
            else {"amount": row["cost_amount"], "currency": row["cost_currency"]},
            "remaining": row["remaining"],
            "held": row["held"],
            "frozen": row["frozen"],
            "opened_at": iso(row["opened_at"]),
            "expires_at": None if row["expires_at"] is None else iso(row["expires_at"]),
        }
        for row in rows
    ]


async def held_by_customers(services: Services) -> list[dict[str, Any]]:
    """Return per asset what all wallets hold together, and how many hold some: ``[{asset, held, wallets}]``."""
    statement = (
        select(accounts.c.asset, func.sum(accounts.c.balance).label("held"), func.count().label("wallets"))
        .where(accounts.c.role == "wallet", accounts.c.balance > 0)
        .group_by(accounts.c.asset)
        .order_by(accounts.c.asset)
    )
    rows = await services.reader.scan(statement)
    return [{"asset": row["asset"], "held": int(row["held"]), "wallets": row["wallets"]} for row in rows]
