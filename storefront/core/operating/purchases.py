"""One purchase in full, for an operator: its payment, what took it back, every entry and event, its receipt."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.describing import describe
from storefront.core.names import names_of
from storefront.core.purchasing import read_payment, read_purchase
from storefront.core.reading import PointReader, Query, Row
from storefront.core.receipts.documents import NoReceipt
from storefront.core.receipts.reading import show_receipt
from storefront.core.refunds import read_reversals, refund_json
from storefront.core.services import Services
from storefront.core.tables import entries, events, gateway_movements, transfers

_TRANSFERS = Query(
    select(transfers).where(transfers.c.entry_id == bindparam("entry_id")).order_by(transfers.c.position)
)
_ENTRY = Query(select(entries).where(entries.c.id == bindparam("id")))


async def show_purchase_in_full(services: Services, purchase_id: str) -> dict[str, Any]:
    """Return a purchase with its real status (buyers read ``in_review`` as ``pending``) and all that belongs to it.

    Raises:
        NotFound: there is no such purchase.
    """
    row = await read_purchase(services, purchase_id)
    payment = await read_payment(services, purchase_id)
    reversed_by = await read_reversals(services.reader, purchase_id)
    about = [purchase_id, *(one["id"] for one in reversed_by)]
    return {
        "purchase": {**await describe(services, row), "status": row["status"], "reason": row["reason"]},
        "payment": None if payment is None else _payment(payment, is_refunded=row["payment_state"] == "refunded"),
        "reversals": [reversal_json(one) for one in reversed_by],
        "entries": await _entries(services, row, payment, about),
        "events": await _events(services, row, about),
        "receipt": await _receipt(services, purchase_id),
    }


def purchase_in_short(row: Row) -> dict[str, Any]:
    """Return one line of a list of purchases."""
    return {
        "id": row["id"],
        "sku": row["sku"],
        "quantity": row["quantity"],
        "status": row["status"],
        "refunded": row["refunded"],
        "dispute": row["dispute"],
        "pay_with": row["pay_with"],
        "total": {"amount": row["total"], "currency": row["currency"]},
        "created_at": iso(row["created_at"]),
    }


def reversal_json(row: Row) -> dict[str, Any]:
    """Return a refund or dispute, with the gateway's own name of it, why it failed, and when evidence is due."""
    facts = msgspec.json.decode(row["facts"])
    due_by = facts.get("evidence_due_by")
    return {
        **refund_json(row),
        "gateway": row["gateway"],
        "reference": row["gateway_ref"],
        "failure": facts.get("failure"),
        "evidence_due_by": None if due_by is None else iso(due_by),
        "closed_at": None if row["closed_at"] is None else iso(row["closed_at"]),
    }


def _payment(row: Row, *, is_refunded: bool) -> dict[str, Any]:
    """Return a payment; one that went back whole is called refunded, as the purchase calls it for its buyer."""
    received = {"amount": row["received_amount"], "currency": row["received_currency"] or row["currency"]}
    return {
        "id": row["id"],
        "gateway": row["gateway"],
        "checkout": row["gateway_ref"],
        "payment": row["gateway_payment"],
        "state": "refunded" if is_refunded else row["state"],
        "asked": {"amount": row["amount"], "currency": row["currency"]},
        "received": received,
        "method": row["method"],
        "saves_method": bool(row["saves_method"]),
        "card": msgspec.json.decode(row["card"]),
        "attempts": row["attempts"],
        "asked_at": None if row["asked_at"] is None else iso(row["asked_at"]),
        "created_at": iso(row["created_at"]),
    }


async def _entries(
    services: Services, purchase: Row, payment: Row | None, about: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the entries of a purchase, its reversals and its gateway's movements, with the accounts by name."""
    own = select(entries).where(entries.c.anchor.in_(names_of(purchase["customer_id"])), entries.c.about.in_(about))
    found = {row["id"]: row for row in await services.reader.scan(own)}
    money = None if payment is None else payment["gateway_payment"]
    moved = select(gateway_movements.c.entry_id).where(
        gateway_movements.c.gateway == purchase["pay_with"],
        gateway_movements.c.payment == money,
        gateway_movements.c.entry_id.is_not(None),
    )
    for movement in await services.reader.scan(moved) if money is not None else ():
        row = await services.reader.first(_ENTRY, id=movement["entry_id"])
        assert row is not None, "a movement that was booked has its entry"
        found[row["id"]] = row
    ordered = sorted(found.values(), key=lambda row: (row["commit_no"], row["id"]))
    return [await _entry(services.reader, row) for row in ordered]


async def _entry(reader: PointReader, row: Row) -> dict[str, Any]:
    moved = await reader.all(_TRANSFERS, entry_id=row["id"])
    names = ("source", "destination", "asset", "amount")
    return {
        "id": row["id"],
        "kind": row["kind"],
        "about": row["about"],
        "actor": row["actor"],
        "reverses": row["reverses"],
        "transfers": [{name: one[name] for name in names} for one in moved],
        "occurred_at": iso(row["occurred_at"]),
    }


async def _events(services: Services, purchase: Row, about: Sequence[str]) -> list[dict[str, Any]]:
    statement = (
        select(events.c.id, events.c.type, events.c.subject, events.c.occurred_at, events.c.payload)
        .where(events.c.anchor.in_(names_of(purchase["customer_id"])), events.c.subject.in_(about))
        .order_by(events.c.sequence)
    )
    rows = await services.reader.scan(statement)
    return [_event(row) for row in rows]


def _event(row: Row) -> dict[str, Any]:
    """Return an event with the reversal that it tells of, if it does."""
    told = msgspec.json.decode(row["payload"])
    reversal = told.get("refund") or told.get("dispute_case") or {}
    return {
        "id": row["id"],
        "type": row["type"],
        "subject": row["subject"],
        "occurred_at": iso(row["occurred_at"]),
        "reversal": reversal.get("id"),
    }


async def _receipt(services: Services, purchase_id: str) -> dict[str, Any] | None:
    """Return the numbers of the receipt and its credit notes; None for what has no receipt (yet)."""
    try:
        receipt = await show_receipt(services, purchase_id, owner=None)
    except NoReceipt:
        return None
    notes = [{"label": note["label"], "issued_at": note["issued_at"]} for note in receipt["credit_notes"]]
    return {"label": receipt["label"], "issued_at": receipt["issued_at"], "credit_notes": notes}
