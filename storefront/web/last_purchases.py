"""The last purchases for money as the shop page lists them: what is on its way, what can still be paid, receipts."""

from datetime import datetime

from babel.dates import format_skeleton

from storefront.core.catalog import text_in
from storefront.core.clock import to_datetime
from storefront.core.history import last_paid_in_money
from storefront.core.purchasing import PAYER_IS_DONE, Status
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront.design.money import format_money, parse_locale
from storefront.pages.frame import Link
from storefront.web.pages import PurchaseLine

MOST_SHOWN = 4


async def last_purchases(
    services: Services, language: str, customer_id: str, *, told: str | None = None
) -> tuple[PurchaseLine, ...]:
    """Return the newest purchases, those that wait first; ``told`` is one that the page speaks of already."""
    rows = await last_paid_in_money(services, customer_id, limit=MOST_SHOWN + 1)
    lines = [_line(services, language, row) for row in rows if row["id"] != told]
    return tuple(line for line in lines if line is not None)[:MOST_SHOWN]


def _line(services: Services, language: str, row: Row) -> PurchaseLine | None:
    """Return one line; None of a purchase that nobody can pay any more."""
    title = _title(services, language, row)
    if row["status"] == Status.COMPLETED:
        sum_, day = format_money(row["total"], row["currency"], language), _day(row["completed_at"], language)
        given_back = " · given back" if row["refunded"] == "full" else ""
        return PurchaseLine(title, f"{sum_} · {day}{given_back}", Link("Receipt", f"/receipts/{row['id']}"))
    if row["status"] == Status.PAID:
        return PurchaseLine(title, "Paid. It lands here as soon as it is free.", None)
    if row["status"] == Status.IN_REVIEW or row["payment_state"] in PAYER_IS_DONE:
        return PurchaseLine(title, "Your payment is on its way.", None)
    if row["redirect_url"] is None or row["expires_at"] <= services.clock.now():
        return None
    return PurchaseLine(title, "Not paid yet.", Link("Go on", row["redirect_url"]))


def _title(services: Services, language: str, row: Row) -> str:
    catalog = services.catalogs.active
    offer = catalog.offers.get(row["sku"])
    title = None if offer is None else text_in(offer.title, language, catalog.default_language)
    return (title or row["sku"]) if row["quantity"] == 1 else f"{row['quantity']} × {title or row['sku']}"


def _day(at: int, language: str) -> str:
    instant: datetime = to_datetime(at)
    return str(format_skeleton("MMMd", instant, locale=parse_locale("en-GB" if language == "en" else language)))
