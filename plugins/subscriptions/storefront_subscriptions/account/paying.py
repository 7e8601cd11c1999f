"""How money is paid, and what was: saved methods and invoices as the account page lists them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storefront.core.clock import iso
from storefront.core.purchasing import Status
from storefront.core.reading import Row
from storefront.core.receipts.documents import is_paid_in_money
from storefront.pages import Link
from storefront_subscriptions.account.reading import Standing
from storefront_subscriptions.account.views import Act, Badge, InvoiceLine, MethodLine, Methods
from storefront_subscriptions.account.wording import Wording, method_name
from storefront_subscriptions.cards import gone_at

_FULL = "full"


async def methods_view(
    wording: Wording, standings: Sequence[Standing], methods: Sequence[Mapping[str, Any]]
) -> Methods:
    """Return the methods that are charged next, each with what it pays; the others only if none is."""
    paid = [one for one in standings if one.is_paid_in_money and one.method is not None]
    lines = []
    for method in methods:
        mine = [one for one in paid if one.method is not None and one.method["id"] == method["id"]]
        if mine or not paid:
            titles = " and ".join([await wording.title(one.row) for one in mine])
            ends = min((one.row["period_end"] for one in mine), default=None)
            lines.append(_method(wording, method, titles, ends))
    act = Act("Replace" if lines else "Save a card", "/account/payment-method", {})
    return Methods(tuple(lines), act, "You save it on our payment provider's page. Nothing is charged for that.")


def _method(wording: Wording, method: Mapping[str, Any], titles: str, next_payment: int | None) -> MethodLine:
    pays = f"Pays {titles}." if titles else "Saved for later."
    gone = gone_at(method)
    if gone is None:
        return MethodLine(method_name(method), pays, None)
    year, month = (int(part) for part in method["expires"].split("-"))
    if gone <= wording.now:
        badge: Badge | None = Badge("Expired", "bad")
    else:
        is_soon = next_payment is not None and gone <= next_payment
        badge = Badge("Expires soon", "play") if is_soon else None
    before = ", before your next payment" if badge is not None and badge.kind == "play" else ""
    return MethodLine(method_name(method), f"{pays} Expires {month:02d}/{year % 100:02d}{before}.", badge)


def invoice_line(wording: Wording, row: Row) -> InvoiceLine:
    """Return one purchase as a line of the list."""
    lines = msgspec.json.decode(row["lines"])
    at = row["completed_at"] or row["created_at"]
    link = None
    if row["status"] == Status.COMPLETED and is_paid_in_money(row):
        link = Link("Receipt", f"/receipts/{row['id']}")
    quantity = "" if row["quantity"] == 1 else f"{row['quantity']} × "
    return InvoiceLine(
        day=wording.day(at, is_short=True),
        iso=iso(at),
        title=f"{quantity}{lines[0]['title']}",
        amount=wording.amount(row["total"], row["currency"]),
        badge=_standing(row),
        link=link,
    )


def _standing(row: Row) -> Badge:
    if row["status"] != Status.COMPLETED:
        return Badge("Paid", "good") if row["status"] == Status.PAID else Badge("Not paid yet", "play")
    if row["dispute"] not in ("none", "won"):
        return Badge("Disputed", "bad")
    if row["refunded"] == "none":
        return Badge("Paid", "good")
    return Badge("Refunded" if row["refunded"] == _FULL else "Partly refunded")
