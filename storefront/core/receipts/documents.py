"""What stands on a receipt, and on a credit note; no personal data, our own ids only."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.catalog import Catalog
from storefront.core.clock import iso
from storefront.core.config.model import Shop
from storefront.core.errors import Conflict
from storefront.core.quotes import WALLET
from storefront.core.reading import Row
from storefront.core.taxes import owed, taxes_of
from storefront.core.unpacking import COMPONENT

RECEIPT = "receipt"
CREDIT_NOTE = "credit_note"
FREE = "free"
Document = dict[str, Any]

_SERIES = {RECEIPT: "R", CREDIT_NOTE: "C"}


class NoReceipt(Conflict):
    code = "no_receipt"
    title = "There is no receipt for this purchase"


def series_of(kind: str, *, is_live: bool) -> str:
    """Return the series that a document is numbered in; a sandbox's can never be taken for a real one."""
    return _SERIES[kind] if is_live else f"TEST-{_SERIES[kind]}"


def label_of(series: str, number: int) -> str:
    """Return a number as people write it: ``R-000042``."""
    return f"{series}-{number:06d}"


def is_paid_in_money(purchase: Mapping[str, Any]) -> bool:
    """Tell whether a purchase took real money: one from the wallet, or for nothing, gets no receipt."""
    return purchase["pay_with"] not in (WALLET, FREE) and purchase["total"] > 0


def receipt_document(purchase: Row, payment: Row | None, catalog: Catalog, shop: Shop, *, mode: str) -> Document:
    """Return a completed purchase's receipt; ``numbered`` makes it whole."""
    currency = purchase["currency"]
    net = purchase["total"] - sum(owed(taxes_of(purchase["lines"])).values())
    return {
        "kind": RECEIPT,
        **_head(purchase, payment, catalog, shop, mode),
        **_lines(purchase),
        "net": {"amount": net, "currency": currency},
        "total": {"amount": purchase["total"], "currency": currency},
    }


def credit_note_document(
    reversal: Row,
    purchase: Row,
    payment: Row | None,
    catalog: Catalog,
    shop: Shop,
    *,
    mode: str,
    receipt: Mapping[str, Any],
) -> Document:
    """Return the credit note of one reversal: what it takes off the receipt, and of which tax, as it was booked.

    ``receipt`` has series and number.
    """
    facts, currency = msgspec.json.decode(reversal["facts"]), purchase["currency"]
    amount = reversal["amount"] - facts.get("over", 0)
    shares = {jurisdiction: facts["tax"].get(jurisdiction, 0) for jurisdiction in owed(taxes_of(purchase["lines"]))}
    told = [
        {"type": "tax", "jurisdiction": jurisdiction, "total": {"amount": share, "currency": currency}}
        for jurisdiction, share in shares.items()
    ]
    return {
        "kind": CREDIT_NOTE,
        **_head(purchase, payment, catalog, shop, mode),
        "receipt": {"series": receipt["series"], "number": receipt["number"]},
        "refund": {
            "id": reversal["id"],
            "number": reversal["number"],
            "cause": reversal["cause"],
            "created_at": iso(reversal["created_at"]),
        },
        "tax": told,
        "net": {"amount": amount - sum(shares.values()), "currency": currency},
        "total": {"amount": amount, "currency": currency},
    }


def numbered(document: Document, *, series: str, number: int, issued_at: int) -> Document:
    """Return a document with its number; ``issued_at`` is business time (ms)."""
    return {**document, "series": series, "number": number, "issued_at": iso(issued_at)}


def _head(purchase: Row, payment: Row | None, catalog: Catalog, shop: Shop, mode: str) -> Document:
    paid_by = None if payment is None else {"name": payment["gateway"], "payment": payment["gateway_payment"]}
    return {
        "mode": mode,
        "seller": _seller(catalog, shop),
        "purchase": {
            "id": purchase["id"],
            "sku": purchase["sku"],
            "quantity": purchase["quantity"],
            "created_at": iso(purchase["created_at"]),
            "completed_at": iso(purchase["completed_at"]),
        },
        "customer": purchase["customer_id"],
        "gateway": paid_by,
        "catalog_version": purchase["catalog_version"],
    }


def _seller(catalog: Catalog, shop: Shop) -> Document:
    """Who sold: as the catalog version of the purchase says, so that a later change changes no receipt."""
    told = None if catalog.tax is None else catalog.tax.seller
    named = None if told is None else told.name
    return {
        "name": named or shop.publisher or shop.name,
        "tax_id": None if told is None else told.tax_id,
        "country": None if told is None else told.country,
        "address": [] if told is None else list(told.address),
    }


def _lines(purchase: Row) -> Document:
    """Sort a purchase's lines: goods and what was put on top, what was taken off, the tax.

    What is in a bundle, and cost a part of its price, stands apart (``contents``, only where there is some).
    """
    goods, discounts, taxes, contents = [], [], [], []
    for line in msgspec.json.decode(purchase["lines"]):
        if line["type"] == "tax":
            taxes.append(line)
        elif line["type"] == COMPONENT:
            contents.append(line)
        elif line["total"]["amount"] < 0:
            discounts.append(line)
        else:
            goods.append(line)
    inside = {"contents": contents} if contents else {}
    return {"lines": goods, "discounts": discounts, "tax": taxes, **inside}
