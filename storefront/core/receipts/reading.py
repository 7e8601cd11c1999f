"""Receipts for those who may see them: the buyer, the game's server, the operator."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.purchasing import Status, read_payment, read_purchase
from storefront.core.reading import Query, Reader, Row
from storefront.core.receipts.documents import (
    CREDIT_NOTE,
    RECEIPT,
    NoReceipt,
    is_paid_in_money,
    label_of,
    receipt_document,
    series_of,
)
from storefront.core.receipts.signing import read_document
from storefront.core.services import Services
from storefront.core.tables_receipts import receipt_keys, receipts

_OF_PURCHASE = Query(
    select(receipts)
    .where(receipts.c.purchase_id == bindparam("purchase_id"))
    .order_by(receipts.c.commit_no, receipts.c.number)
)
_KEYS = Query(select(receipt_keys.c.jwk).order_by(receipt_keys.c.first_used_at, receipt_keys.c.kid))


async def show_receipt(services: Services, purchase_id: str, *, owner: str | None) -> dict[str, Any]:
    """Return a purchase's receipt and its credit notes; ``number`` and ``jws`` are None until it is numbered.

    Raises:
        NotFound: there is no such purchase, or it is another customer's.
        NoReceipt: it is not completed, or took no real money.
    """
    purchase = await read_purchase(services, purchase_id, owner=owner)
    if not is_paid_in_money(purchase):
        raise NoReceipt("It took no real money: the receipt is that of the money that was paid for the wallet.")
    if purchase["status"] != Status.COMPLETED:
        raise NoReceipt("It is not completed.", status=purchase["status"])
    rows = await services.reader.all(_OF_PURCHASE, purchase_id=purchase_id)
    receipt = next((row for row in rows if row["kind"] == RECEIPT), None)
    shown = await _unnumbered(services, purchase) if receipt is None else _shown(receipt)
    return {**shown, "credit_notes": [_shown(row) for row in rows if row["kind"] == CREDIT_NOTE]}


async def read_receipt_keys(reader: Reader) -> list[dict[str, Any]]:
    """Return the public keys (JWK) under which any receipt was ever signed."""
    return [msgspec.json.decode(row["jwk"]) for row in await reader.all(_KEYS)]


def _shown(row: Row) -> dict[str, Any]:
    return {
        "purchase": row["purchase_id"],
        "series": row["series"],
        "number": row["number"],
        "label": label_of(row["series"], row["number"]),
        "issued_at": iso(row["issued_at"]),
        "document": read_document(row["jws"]),
        "jws": row["jws"],
    }


async def _unnumbered(services: Services, purchase: Row) -> dict[str, Any]:
    config = services.config
    catalog = await services.catalogs.version(purchase["catalog_version"])
    payment = await read_payment(services, purchase["id"])
    return {
        "purchase": purchase["id"],
        "series": series_of(RECEIPT, is_live=services.is_live),
        "number": None,
        "label": None,
        "issued_at": None,
        "document": receipt_document(purchase, payment, catalog, config.shop, mode=config.mode),
        "jws": None,
    }
