"""One customer in full, for an operator: state, debts, freezes, payment methods, what they bought last."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.errors import NotFound
from storefront.core.history import list_purchases
from storefront.core.operating.purchases import purchase_in_short
from storefront.core.payment_methods import list_methods_with_references
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import customers
from storefront.core.tables_freezes import debts, freezes

MOST_PURCHASES = 10
_CUSTOMER = Query(select(customers).where(customers.c.id == bindparam("id")))
_FORMER = Query(
    select(customers.c.external_id)
    .where(customers.c.merged_into == bindparam("customer_id"))
    .order_by(customers.c.external_id)
)
_DEBTS = Query(select(debts).where(debts.c.customer_id == bindparam("customer_id"), debts.c.amount > 0))
_FREEZES = Query(
    select(freezes)
    .where(freezes.c.customer_id == bindparam("customer_id"), freezes.c.state == "open")
    .order_by(freezes.c.id)
)


async def show_customer(services: Services, named: str) -> dict[str, Any]:
    """Return all that an operator needs of a customer, named by the game's id or by ours; raises ``NotFound``.

    Who was merged into another is that one, who is ``known_as`` by their ids as well.
    """
    customer_id = await services.customers.find(named) or named
    row = await services.reader.first(_CUSTOMER, id=customer_id)
    if row is not None and row["merged_into"] is not None:
        customer_id = row["merged_into"]
        row = await services.reader.first(_CUSTOMER, id=customer_id)
    if row is None:
        raise NotFound(f"There is no customer {named}.")
    bought, _ = await list_purchases(services, customer_id, limit=MOST_PURCHASES, after=None)
    return {
        "customer": row["external_id"],
        "id": customer_id,
        "known_as": [one["external_id"] for one in await services.reader.all(_FORMER, customer_id=customer_id)],
        "country": row["country"],
        "created_at": iso(row["created_at"]),
        "state": await services.states.document(customer_id),
        "debts": [_debt(one) for one in await services.reader.all(_DEBTS, customer_id=customer_id)],
        "freezes": [freeze_json(one) for one in await services.reader.all(_FREEZES, customer_id=customer_id)],
        "payment_methods": list(await list_methods_with_references(services, customer_id)),
        "purchases": [purchase_in_short(one) for one in bought],
    }


def _debt(row: Row) -> dict[str, Any]:
    return {
        "asset": row["asset"],
        "owed": row["amount"],
        "repay_percent": row["repay_percent"],
        "blocks_spending": bool(row["block_spending"]),
        "opened_at": iso(row["opened_at"]),
    }


def freeze_json(row: Row, *beside: Row) -> dict[str, Any]:
    """Return an open freeze, with those ``beside`` it: of what was opened.

    Its id is that of the refund or dispute that it waits for, with a dot and more if it is not the first.
    """
    wallets: dict[str, int] = {}
    for asset, _, amount in (part for one in (row, *beside) for part in msgspec.json.decode(one["parts"])):
        wallets[asset] = wallets.get(asset, 0) + amount
    return {
        "id": row["id"],
        "wallets": wallets,
        "items": dict(msgspec.json.decode(row["items"])),
        "entitlements": [key for one in (row, *beside) for key in msgspec.json.decode(one["rights"])],
        "created_at": iso(row["created_at"]),
    }
