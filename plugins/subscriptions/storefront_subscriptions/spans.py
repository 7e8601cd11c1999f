"""What was really paid for the present period, tier by tier: read from the purchases that paid, as they stand now.

A period that has known one tier only has one span, its invoice's. Once there were changes, the spans stand on the
invoice, each with the purchase that paid for it; what of that has gone back since is looked up every time.
"""

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from storefront.core.purchasing import read_purchase
from storefront.core.reading import Row
from storefront.core.refunds import is_effective, read_reversals
from storefront.core.services import Services
from storefront_subscriptions.intervals import Interval, Period, period
from storefront_subscriptions.proration import PaidSpan, half_even
from storefront_subscriptions.rows import INCOMPLETE, INVOICES, need_change

PRORATION = "proration"
"""The cause of a reversal that gives back to a wallet what a change of tier credits."""


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A span as it is stored; amounts in smallest units, before tax. ``purchase`` paid for it, if anything did."""

    start: int
    price: int
    charged: int
    credited: int = 0
    refunded: int = 0
    is_owed: bool = False
    purchase: str | None = None

    def paid(self) -> PaidSpan:
        return PaidSpan(self.start, self.price, self.charged, self.refunded, self.credited, self.is_owed)


def spans_from(text: str) -> list[Span]:
    return msgspec.json.decode(text, type=list[Span])


def spans_text(spans: Sequence[Span]) -> str:
    return msgspec.json.encode(spans).decode()


def stored(paid: Sequence[PaidSpan], before: Sequence[Span], purchase: str | None) -> list[Span]:
    """Return spans to be stored: those of ``before`` keep their purchases, a new one is paid by ``purchase``."""
    known = [span.purchase for span in before]
    return [
        Span(one.start, one.price, one.charged, one.credited, one.refunded, one.is_owed,
             known[at] if at < len(known) else purchase)
        for at, one in enumerate(paid)
    ]  # fmt: skip


async def read_spans(services: Services, invoice: Row) -> tuple[list[Span], tuple[str, ...]]:
    """Return a paid invoice's spans as they stand now, and the claims that the next refunds of them would take.

    A change that is decided by these spans holds as long as nobody has taken one of the claims. What goes back of a
    purchase is of what it asked for beside the period first, usage and what was owed, and of the period last.
    """
    beside = max(0, invoice["usage"] + invoice["carried"])
    if invoice["spans"] is not None:
        spans = spans_from(invoice["spans"])
    else:
        purchase = await read_purchase(services, invoice["purchase_id"])
        charged = asked(purchase) - invoice["carried"] - invoice["usage"]
        spans = [Span(invoice["period_start"], _whole_price(invoice, charged), charged, purchase=purchase["id"])]
    found, claims = [], []
    for span in spans:
        if span.purchase is None:
            found.append(span)
            continue
        back, number = await gone_back(services, span.purchase)
        if span.purchase == invoice["purchase_id"]:
            back = max(0, back - beside)
        found.append(msgspec.structs.replace(span, refunded=min(span.charged, back)))
        claims.append(f"refund:{span.purchase}:{number}")
    return found, tuple(claims)


async def paid_by(services: Services, row: Row) -> set[str]:
    """Return the purchases that pay for the last period of a subscription: its invoice's, and its changes'.

    Also the one that paid for the time which a change credited that began the period.
    """
    if row["billing_state"] == INCOMPLETE or row["period"] < 0:
        return set()
    every = await services.reader.all(INVOICES, subscription_id=row["id"])
    invoice = next((one for one in every if one["period"] == row["period"]), None)
    if invoice is None:
        return set()
    spans = spans_from(invoice["spans"] or "[]")
    found = {one for one in (invoice["purchase_id"], *(span.purchase for span in spans)) if one is not None}
    if invoice["change_id"] is not None:
        change = await need_change(services, invoice["change_id"])
        found |= credited_by(change) if change["credit"] > 0 else set()
    return found


def credited_by(change: Row) -> set[str]:
    """Return the purchases that had paid for what a change credits."""
    return {span.purchase for span in spans_from(change["before"] or "[]") if span.purchase is not None}


def whole_period(invoice: Row) -> Period:
    """Return the period of a paid invoice as its anchor gives it: uncut, and with what lies before a late beginning."""
    end = invoice["period_end"] if invoice["uncut_end"] is None else invoice["uncut_end"]
    if invoice["anchor"] is None:
        return Period(invoice["period"], invoice["period_start"], end)
    number = invoice["period"] - invoice["anchor_period"]
    start = period(invoice["anchor"], Interval.parse(invoice["interval"]), number).start
    return Period(invoice["period"], start, end)


def _whole_price(invoice: Row, charged: int) -> int:
    """Return what a whole period would have cost by what was charged for it, or for the rest of it after a pause."""
    whole = whole_period(invoice)
    had = whole.end - int(invoice["period_start"])
    return charged if had == whole.total else half_even(Fraction(charged * whole.total, had))


async def gone_back(services: Services, purchase_id: str) -> tuple[int, int]:
    """Return what of a purchase has gone back or may still (before tax, rounded up), and its next reversal's number."""
    purchase = await read_purchase(services, purchase_id)
    rows = await read_reversals(services.reader, purchase_id)
    back = sum(row["amount"] for row in rows if is_effective(row) and row["cause"] != PRORATION)
    return (-(-asked(purchase) * back // purchase["total"]) if purchase["total"] else 0), len(rows) + 1


def asked(purchase: Row) -> int:
    """Return what a purchase came to before tax, less what promo codes took off."""
    lines = msgspec.json.decode(purchase["lines"])
    return sum(int(line["total"]["amount"]) for line in lines if line["type"] in ("offer", "adjustment"))
