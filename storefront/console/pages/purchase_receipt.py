"""The receipt of a purchase with its credit notes, as they were issued."""

from collections.abc import Mapping
from typing import Any

from storefront.console.words import at, spoken, total
from storefront.core.receipts.reading import show_receipt
from storefront.panels import Asking, Line, Lines, Link, PageView


async def show_receipts(asking: Asking) -> PageView:
    """Show a purchase's receipt and credit notes."""
    purchase_id = asking.path["id"]
    receipt = await show_receipt(asking.services, purchase_id, owner=None)
    sections = [_document(asking, one) for one in (receipt, *receipt["credit_notes"])]
    hint = "Each is signed: GET /v1/purchases/…/receipt has the signatures."
    back = Link("Purchase", f"/console/purchases/{purchase_id}")
    return PageView(receipt["label"] or "Receipt, not numbered yet", sections, hint=hint, back=back)


def _document(asking: Asking, one: Mapping[str, Any]) -> Lines:
    document = one["document"]
    parts = [line for name in ("lines", "discounts", "tax") for line in document.get(name, ())]
    lines = [Line(_named(line), total(asking, line["total"])) for line in parts]
    seller = document.get("seller") or {}
    lines += [Line("Seller", str(seller["name"]), is_name=True)] if seller.get("name") else []
    lines += [Line("Without tax", total(asking, document["net"])), Line.when("Issued", at(one["issued_at"]))]
    title = f"{spoken(document['kind'])} {one['label'] or ''}".strip()
    return Lines(title, lines, total=Line("Total", total(asking, document["total"])))


def _named(line: Mapping[str, Any]) -> str:
    return str(line.get("title") or spoken(f"{line.get('type', '')} {line.get('jurisdiction', '')}"))
