"""Purchases as rows and as JSON, and the pieces that buying and settling share.

``status`` is one word everywhere. Which changes are allowed stands in ``TRANSITIONS``; every change is a
compare-and-set on the row, so the first of webhook, finalize and sweep wins and the others see its result.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.auto_top_up_moves import note_moved
from storefront.core.auto_top_up_rows import Link
from storefront.core.bundle_refunds import components_of
from storefront.core.buyer_caps import count_over
from storefront.core.clock import iso
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import Change, Emit, LotsOf, Plan
from storefront.core.errors import NotFound
from storefront.core.kinds import Fulfilment, Line
from storefront.core.money import Money
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import payments, purchases
from storefront.core.taxes import owed, taxes_of
from storefront.core.unpacking import give

OPERATION = "POST /v1/purchases"
DECLINED = "declined:"
PAYMENT_FAILED = "payment_failed:"
"""How the reason of a failed purchase begins: a saved method was declined, or a payment came to nothing."""


PAYER_IS_DONE = frozenset({"processing", "authorized"})
"""In these states of a payment its payer has nothing more to do."""


class Status(StrEnum):
    PENDING = "pending"
    IN_REVIEW = "in_review"
    PAID = "paid"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


_LATE = frozenset({Status.COMPLETED, Status.PAID})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(Status) - {Status.PENDING},
    Status.IN_REVIEW: frozenset({Status.PAID, Status.COMPLETED, Status.REJECTED, Status.CANCELED}),
    Status.PAID: frozenset({Status.COMPLETED, Status.CANCELED}),
    Status.EXPIRED: _LATE,
    Status.FAILED: _LATE,
    Status.CANCELED: _LATE,
    Status.COMPLETED: frozenset(),
    Status.REJECTED: frozenset(),
}

PURCHASE = Query(select(purchases).where(purchases.c.id == bindparam("id")))
PAYMENT = Query(select(payments).where(payments.c.purchase_id == bindparam("purchase_id")))
PAYMENT_BY_REFERENCE = Query(
    select(payments).where(payments.c.gateway == bindparam("gateway"), payments.c.gateway_ref == bindparam("reference"))
)

PAYMENT_BY_MONEY = Query(
    select(payments).where(
        payments.c.gateway == bindparam("gateway"), payments.c.gateway_payment == bindparam("payment")
    )
)


async def read_purchase(services: Services, purchase_id: str, *, owner: str | None = None) -> Row:
    """Return a purchase's row; another customer's answers like a missing one (``NotFound``)."""
    row = await services.reader.first(PURCHASE, id=purchase_id)
    if row is None or (owner is not None and row["customer_id"] != owner):
        raise NotFound("There is no such purchase.")
    return row


def receiver_of(purchase: Mapping[str, Any]) -> str:
    """Return who gets what was bought: the recipient of a gift, else the buyer."""
    return str(purchase["recipient_id"] or purchase["customer_id"])


async def recipient_name(services: Services, purchase: Mapping[str, Any]) -> str | None:
    """Return the game's id of a gift's recipient; None where the buyer receives."""
    found = purchase["recipient_id"]
    return None if found is None else await services.customers.external_id(found)


async def show_row(services: Services, row: Mapping[str, Any], payment: Row | None) -> dict[str, Any]:
    """Return the wire shape of a purchase with the game's names of who pays and who receives."""
    buyer = await services.customers.external_id(row["customer_id"])
    return purchase_json(row, payment, buyer, recipient=await recipient_name(services, row))


def parties_of(purchase: Mapping[str, Any]) -> set[str]:
    """Return the anchors of a plan that gives or takes back goods: the buyer's, and the recipient's."""
    return {str(purchase["customer_id"]), receiver_of(purchase)}


async def read_payment(services: Services, purchase_id: str) -> Row | None:
    """Return the payment of a gateway purchase, or None for one from the wallet."""
    return await services.reader.first(PAYMENT, purchase_id=purchase_id)


def purchase_json(row: Row, payment: Row | None, external_id: str, *, recipient: str | None = None) -> dict[str, Any]:
    """Return the wire shape of a purchase, as its buyer sees it: ``in_review`` reads ``pending``.

    ``external_id`` and ``recipient`` are the game's names of who pays and of who receives, if somebody else does.
    """
    is_in_review = row["status"] == Status.IN_REVIEW
    is_processing, link = is_in_review or row["payment_state"] in PAYER_IS_DONE, Link.of(row)
    shown: dict[str, Any] = {
        "id": row["id"],
        "customer": {"id": external_id},
        "recipient": None if recipient is None else {"id": recipient},
        "sku": row["sku"],
        "quantity": row["quantity"],
        "status": Status.PENDING if is_in_review else row["status"],
        "refunded": row["refunded"],
        "refunds": [],
        "dispute": row["dispute"],
        "auto_top_up": None if link is None else link.run,
        "total": {"amount": row["total"], "currency": row["currency"]},
        "lines": msgspec.json.decode(row["lines"]),
        "pay_with": row["pay_with"],
        "payment": {"state": row["payment_state"]},
        "catalog_version": row["catalog_version"],
        "details": msgspec.json.decode(row["details"]),
        "metadata": msgspec.json.decode(row["metadata"]),
        "created_at": iso(row["created_at"]),
        "completed_at": None if row["completed_at"] is None else iso(row["completed_at"]),
        # Once the payer has done all, it waits for the money however long that takes.
        "expires_at": None if row["expires_at"] is None or is_processing else iso(row["expires_at"]),
    }
    if payment is not None:
        shown["payment"]["gateway"] = payment["gateway"]
        is_payable = row["status"] == Status.PENDING and not is_processing
        shown["payment"]["redirect_url"] = payment["redirect_url"] if is_payable else None
        shown["payment"]["failure"] = _failure(row)
    return shown


def _failure(row: Row) -> str | None:
    """Return the gateway's code for why a purchase has failed (``card_declined``); None of one that has not."""
    if row["status"] != Status.FAILED or row["reason"] is None:
        return None
    return str(row["reason"]).removeprefix(DECLINED).removeprefix(PAYMENT_FAILED)


def answer_with(purchase: Mapping[str, Any], outcome: Outcome, customer_id: str) -> Answer:
    """Render the stored answer: the purchase, and what this commit changed for its customer.

    201 once the goods are given, 202 while a gateway or a person decides.
    """
    customer = {**purchase["customer"], **outcome.customer_change(customer_id)}
    status = 201 if purchase["status"] == Status.COMPLETED else 202
    return Answer(status, msgspec.json.encode({**purchase, "customer": customer}))


def move_status(plan: Plan, row: Row, to: Status, *, is_final: bool = False, **also: Any) -> None:
    """Change a purchase's status if it still has the one it was read with, and say so in an event.

    ``is_final``: what paid for it may not be charged again.
    """
    assert to in TRANSITIONS[Status(row["status"])], f"{row['status']} never becomes {to}"
    anchor = row["customer_id"]
    changes = {"status": str(to), **also}
    expect = {"status": row["status"], "updated_at": row["updated_at"]}
    plan.add(Change("purchases", (row["id"],), anchor, expect, changes))
    if row["status"] == Status.PENDING:
        count_over(plan, anchor)
    plan.add(Emit(anchor, f"purchase.{to}", row["id"], event_payload({**row, **changes})))
    note_moved(plan, row, str(to), reason=changes.get("reason"), is_final=is_final)


def event_payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ``purchase.*`` event tells: no personal data, our own ids only."""
    return {
        "id": row["id"],
        "customer_id": row["customer_id"],
        **({} if row["recipient_id"] is None else {"recipient_id": row["recipient_id"]}),
        "sku": row["sku"],
        "quantity": row["quantity"],
        "status": row["status"],
        "total": {"amount": row["total"], "currency": row["currency"]},
    }


async def give_goods(plan: Plan, services: Services, row: Row, *, bought_with: LotsOf | None, payment: str) -> None:
    """Add to the plan all that the purchase gives: what its kind fulfils and the rights it grants.

    The offer is read from the catalog version that priced the purchase, so that edits in between change
    nothing.
    """
    catalog = await services.catalogs.version(row["catalog_version"])
    offer = catalog.offer(row["sku"])
    total = Money(row["total"], row["currency"])
    is_real = row["currency"] not in catalog.assets
    goods = Fulfilment(
        plan=plan,
        purchase_id=row["id"],
        customer_id=receiver_of(row),
        payment=payment,
        cost=total if is_real else None,
        bought_with=bought_with,
        now=services.clock.now(),
        given_by=None if row["recipient_id"] is None else row["customer_id"],
        tax=sum(owed(taxes_of(row["lines"])).values()),
    )
    details = msgspec.json.decode(row["details"])
    paid = {sku: one.total for sku, one in components_of(row).items()}
    give(catalog, services.kinds, Line(offer, row["quantity"], total, details), goods, paid=paid)
    if row["recipient_id"] is not None:
        plan.emit("gift.received", anchor=row["recipient_id"], subject=row["id"], payload=gift_payload(row))


def gift_payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ``gift.*`` event tells the recipient's side: what and from whom, nothing of the payment."""
    return {
        "id": row["id"],
        "customer_id": row["recipient_id"],
        "given_by": row["customer_id"],
        "sku": row["sku"],
        "quantity": row["quantity"],
    }
