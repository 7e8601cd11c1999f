"""Lists of what was sold: purchases and their lines, payments, what went back, reviews, receipts."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, select

from storefront.core.auto_top_up_rows import Link
from storefront.core.exporting.columns import Context, document, integer, money, text, time
from storefront.core.exporting.lists import Export, equals, with_customer
from storefront.core.purchasing import PAYER_IS_DONE, Status
from storefront.core.reading import Row
from storefront.core.receipts.documents import label_of
from storefront.core.refunds import refund_json
from storefront.core.tables import customers, manual_payments, payments, purchases, receipts, reversals, reviews

_RECIPIENT = customers.alias("recipient")
_DISPUTE = "dispute"


def sales_lists() -> Sequence[Export]:
    """Return the lists of what was sold."""
    return [_purchases(), _lines(), _payments(), _manual_payments(), _refunds(), _disputes(), _reviews(), _receipts()]


def _purchases() -> Export:
    return Export(
        name="purchases",
        title="Every purchase, as it is now",
        scope="purchases:read",
        statement=_with_recipient(with_customer(purchases, payments.c.gateway)).join(
            payments, payments.c.purchase_id == purchases.c.id, isouter=True
        ),
        order=(purchases.c.id,),
        at=purchases.c.created_at,
        owner=purchases.c.customer_id,
        filters={"state": equals(purchases.c.status), "gateway": equals(payments.c.gateway),
                 "kind": equals(purchases.c.kind)},
        columns=(
            text("id"),
            text("customer"),
            text("recipient"),
            text("sku"),
            text("kind"),
            integer("quantity"),
            text("status", take=_status),
            text("refunded"),
            text("dispute"),
            text("auto_top_up", take=_auto_top_up),
            *money("total"),
            text("pay_with"),
            text("payment_state"),
            text("gateway"),
            text("reason"),
            text("entry", "entry_id"),
            text("catalog_version"),
            document("lines"),
            document("details"),
            document("metadata"),
            time("created_at"),
            time("completed_at"),
            time("expires_at", take=_expires_at),
        ),
    )  # fmt: skip


def _lines() -> Export:
    return Export(
        name="purchase-lines",
        title="What each purchase is made of: offers, contents of bundles, discounts, taxes",
        scope="purchases:read",
        statement=with_customer(purchases),
        order=(purchases.c.id,),
        at=purchases.c.created_at,
        owner=purchases.c.customer_id,
        filters={"state": equals(purchases.c.status), "purchase": equals(purchases.c.id)},
        spread=_spread_lines,
        columns=(
            text("purchase", "id"),
            integer("line"),
            text("customer"),
            text("status", take=_status),
            text("type"),
            text("sku"),
            text("title"),
            integer("quantity"),
            *money("total"),
            time("created_at"),
        ),
    )


def _payments() -> Export:
    return Export(
        name="payments",
        title="Every payment through a gateway",
        scope="payments:read",
        statement=with_customer(payments),
        order=(payments.c.id,),
        at=payments.c.created_at,
        owner=payments.c.customer_id,
        filters={"state": equals(payments.c.state), "gateway": equals(payments.c.gateway),
                 "purchase": equals(payments.c.purchase_id)},
        columns=(
            text("id"),
            text("purchase", "purchase_id"),
            text("customer"),
            text("gateway"),
            text("reference", "gateway_payment"),
            text("state"),
            *money("amount"),
            *money("received_amount", currency="received_currency"),
            text("declined"),
            integer("attempts"),
            time("created_at"),
        ),
    )  # fmt: skip


def _manual_payments() -> Export:
    return Export(
        name="manual-payments",
        title="Payments that a person marks as received",
        scope="payments:read",
        statement=select(manual_payments),
        order=(manual_payments.c.reference,),
        at=manual_payments.c.opened_at,
        filters={"state": equals(manual_payments.c.state), "purchase": equals(manual_payments.c.purchase_id)},
        columns=(
            text("reference"),
            text("purchase", "purchase_id"),
            text("title"),
            text("state"),
            *money("amount"),
            *money("refunded", shows=False),
            time("opened_at"),
            time("ended_at"),
        ),
    )


def _refunds() -> Export:
    return Export(
        name="refunds",
        title="What took a purchase back: refunds, disputes, and what was undone for the currency of either",
        scope="purchases:read",
        statement=with_customer(reversals),
        order=(reversals.c.id,),
        at=reversals.c.created_at,
        owner=reversals.c.customer_id,
        filters={"state": equals(reversals.c.state), "kind": equals(reversals.c.cause),
                 "purchase": equals(reversals.c.purchase_id)},
        columns=(
            text("id"),
            text("purchase", "purchase_id"),
            integer("number"),
            text("customer"),
            text("cause"),
            text("state"),
            *money("amount"),
            integer("quantity", take=_told("quantity")),
            text("strategy", take=_told("strategy")),
            document("lines", take=_told("lines")),
            document("taken_back", take=_told("taken_back")),
            text("reason"),
            text("actor"),
            text("gateway"),
            text("reference", "gateway_ref"),
            time("created_at"),
            time("closed_at"),
        ),
    )  # fmt: skip


def _disputes() -> Export:
    return Export(
        name="disputes",
        title="Every dispute, with the time by which evidence must be in",
        scope="payments:read",
        statement=with_customer(reversals).where(reversals.c.cause == _DISPUTE),
        order=(reversals.c.id,),
        at=reversals.c.created_at,
        owner=reversals.c.customer_id,
        filters={"state": equals(reversals.c.state), "gateway": equals(reversals.c.gateway)},
        columns=(
            text("id"),
            text("purchase", "purchase_id"),
            text("customer"),
            text("gateway"),
            text("reference", "gateway_ref"),
            text("state"),
            *money("amount"),
            text("reason"),
            time("evidence_due_by", take=lambda row, _: msgspec.json.decode(row["facts"]).get("evidence_due_by")),
            text("strategy", take=_told("strategy")),
            integer("quantity", take=_told("quantity")),
            document("taken_back", take=_told("taken_back")),
            time("created_at"),
            time("updated_at"),
            time("closed_at"),
        ),
    )


def _reviews() -> Export:
    bought = (purchases.c.sku, purchases.c.quantity, purchases.c.status, purchases.c.total, purchases.c.currency,
              purchases.c.pay_with)  # fmt: skip
    statement = with_customer(reviews, *bought).join(purchases, purchases.c.id == reviews.c.purchase_id)
    return Export(
        name="reviews",
        title="Purchases that waited for a person, and how each was decided",
        scope="reviews:read",
        statement=_with_recipient(statement),
        order=(reviews.c.purchase_id,),
        at=reviews.c.created_at,
        owner=reviews.c.customer_id,
        filters={"state": equals(reviews.c.state)},
        columns=(
            text("purchase", "purchase_id"),
            text("customer"),
            text("recipient"),
            text("sku"),
            integer("quantity"),
            *money("total"),
            text("pay_with"),
            text("status"),
            text("state"),
            text("money"),
            document("reasons"),
            text("decision"),
            text("decided_by"),
            text("reason", "decided_why"),
            time("opened_at"),
            time("expires_at"),
            time("decided_at"),
            time("closed_at"),
            time("created_at"),
        ),
    )


def _receipts() -> Export:
    return Export(
        name="receipts",
        title="Receipts and credit notes, by their numbers",
        scope="purchases:read",
        statement=with_customer(receipts),
        order=(receipts.c.series, receipts.c.number),
        at=receipts.c.issued_at,
        owner=receipts.c.customer_id,
        filters={"kind": equals(receipts.c.kind), "purchase": equals(receipts.c.purchase_id)},
        columns=(
            text("number", take=lambda row, _: label_of(row["series"], row["number"])),
            text("kind"),
            text("purchase", "purchase_id"),
            text("about"),
            text("customer"),
            text("key", "kid"),
            text("document", "jws"),
            time("issued_at"),
        ),
    )


def _with_recipient(statement: Select[Any]) -> Select[Any]:
    named = _RECIPIENT.c.external_id.label("recipient")
    joined = statement.join(_RECIPIENT, _RECIPIENT.c.id == purchases.c.recipient_id, isouter=True)
    return joined.add_columns(named)


def _status(row: Row, _: Context) -> Any:
    return Status.PENDING if row["status"] == Status.IN_REVIEW else row["status"]


def _auto_top_up(row: Row, _: Context) -> str | None:
    link = Link.of(row)
    return None if link is None else link.run


def _expires_at(row: Row, _: Context) -> int | None:
    is_done = row["status"] == Status.IN_REVIEW or row["payment_state"] in PAYER_IS_DONE
    return None if is_done else row["expires_at"]


def _told(name: str) -> Any:
    return lambda row, _: refund_json(row)[name]


def _spread_lines(row: Row) -> Iterable[Row]:
    for number, line in enumerate(msgspec.json.decode(row["lines"]), start=1):
        yield {
            **{name: row[name] for name in ("id", "customer", "status", "created_at")},
            "line": number,
            "type": line["type"],
            "sku": line.get("sku"),
            "title": line["title"],
            "quantity": line.get("quantity"),
            "total": line["total"]["amount"],
            "currency": line["total"]["currency"],
        }
