"""How the console words what the books say: amounts, states, who did something, what happened.

What pages of plugins word the same way is in ``pages/lists.py``, below them.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from storefront.core.clock import DAY_MS
from storefront.core.errors import FieldError, Invalid
from storefront.core.money import MAX_AMOUNT
from storefront.core.services import Services
from storefront.design.money import exponent_of, is_real
from storefront.pages.lists import at, chips, instant, link, money, spoken, sum_words, total
from storefront.panels import Cell, Tone

__all__ = ["SPANS", "at", "chips", "instant", "link", "minor_units", "money", "spoken", "status", "sum_words", "total"]
_STATUS = {
    "pending": ("Pending", Tone.PLAIN),
    "in_review": ("In review", Tone.PLAY),
    "paid": ("Paid, goods owed", Tone.PLAY),
    "completed": ("Completed", Tone.GOOD),
    "canceled": ("Canceled", Tone.PLAIN),
    "expired": ("Expired", Tone.PLAIN),
    "failed": ("Declined", Tone.BAD),
}
SPANS = (("24h", "Last 24 hours", DAY_MS), ("7d", "Last 7 days", 7 * DAY_MS), ("30d", "Last 30 days", 30 * DAY_MS))


def status(purchase: Mapping[str, Any]) -> Cell:
    """Return a purchase's badge; what came back of it says more than that it was completed."""
    if purchase["dispute"] not in ("none", "won", "withdrawn"):
        return Cell("Disputed", tone=Tone.BAD)
    if purchase["refunded"] == "full":
        return Cell("Refunded", tone=Tone.PLAIN)
    if purchase["refunded"] not in ("none", "full"):
        return Cell("Part refunded", tone=Tone.PLAIN)
    words, tone = _STATUS.get(purchase["status"], (purchase["status"], Tone.PLAIN))
    return Cell(words, tone=tone)


def minor_units(services: Services, text: str, currency: str, *, pointer: str = "/amount") -> int:
    """Read an amount as people type it (``2.50``) in a currency; raises ``Invalid``."""
    exponent = exponent_of(currency) if is_real(currency) else 0
    if not is_real(currency):
        asset = services.catalogs.active.assets.get(currency)
        exponent = 0 if asset is None else asset.exponent
    try:
        minor = Decimal(text.replace(" ", "").replace(",", "")).scaleb(exponent)
    except InvalidOperation as error:
        raise Invalid(f"{text} is no amount.", errors=[FieldError(pointer, "is no amount")]) from error
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 < minor <= MAX_AMOUNT:
        wrong = f"must be more than nothing, with at most {exponent} decimals"
        raise Invalid(f"The amount {wrong}.", errors=[FieldError(pointer, wrong)])
    return int(minor)
