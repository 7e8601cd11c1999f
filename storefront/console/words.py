"""How the console words what the books say: amounts, states, who did something, what happened.

What pages of plugins word the same way is in ``pages/lists.py``, below them.
"""

from collections.abc import Mapping
from typing import Any

from storefront.core.clock import DAY_MS
from storefront.core.purchasing import DECLINED, PAYMENT_FAILED
from storefront.pages.lists import (
    at,
    chips,
    counted,
    instant,
    link,
    moment_words,
    money,
    offer_title,
    spoken,
    sum_words,
    total,
)
from storefront.panels import Cell, Tone

__all__ = [
    "KEPT",
    "SPANS",
    "at",
    "chips",
    "counted",
    "instant",
    "link",
    "moment_words",
    "money",
    "offer_title",
    "reason_words",
    "spoken",
    "status",
    "sum_words",
    "total",
]
_STATUS = {
    "pending": ("Pending", Tone.PLAIN),
    "in_review": ("In review", Tone.PLAY),
    "paid": ("Paid, goods owed", Tone.PLAY),
    "completed": ("Completed", Tone.GOOD),
    "canceled": ("Canceled", Tone.PLAIN),
    "expired": ("Expired", Tone.PLAIN),
    "failed": ("Failed", Tone.BAD),
    "rejected": ("Rejected", Tone.PLAIN),
}
KEPT = "Kept for ever. No names or addresses."
"""Said beside a field for a reason."""
SPANS = (("24h", "Last 24 hours", DAY_MS), ("7d", "Last 7 days", 7 * DAY_MS), ("30d", "Last 30 days", 30 * DAY_MS))


def status(purchase: Mapping[str, Any]) -> Cell:
    """Return a purchase's badge; what came back of it says more than that it was completed."""
    if purchase["dispute"] not in ("none", "won", "withdrawn"):
        return Cell("Disputed", tone=Tone.BAD)
    if purchase["refunded"] == "full":
        return Cell("Refunded", tone=Tone.PLAIN)
    if purchase["refunded"] not in ("none", "full"):
        return Cell("Part refunded", tone=Tone.PLAIN)
    words, tone = _STATUS.get(purchase["status"], (spoken(purchase["status"]), Tone.PLAIN))
    return Cell(words, tone=tone)


def reason_words(reason: str | None) -> str:
    """Word why a purchase came to nothing: ``payment_failed:card_declined`` -> ``Card declined``."""
    return spoken((reason or "").removeprefix(DECLINED).removeprefix(PAYMENT_FAILED))
