"""What the console's pages of memberships say: how one stands, what it costs, what comes next."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storefront.pages.lists import money, spoken
from storefront.panels import Asking, Cell, Tone
from storefront_subscriptions.account.wording import Wording, each
from storefront_subscriptions.monthly import recurring
from storefront_subscriptions.rows import (
    ACTIVE,
    CANCELED,
    INCOMPLETE,
    INCOMPLETE_EXPIRED,
    OVER,
    PAST_DUE,
    PAUSED,
    TRIALING,
    UNPAID,
)

PATH = "/console/memberships"
_BADGES: Mapping[str, tuple[str, Tone]] = {
    ACTIVE: ("Active", Tone.GOOD),
    TRIALING: ("Trial", Tone.INFO),
    PAST_DUE: ("Past due", Tone.BAD),
    UNPAID: ("Not paid", Tone.BAD),
    PAUSED: ("Paused", Tone.INFO),
    INCOMPLETE: ("Not begun", Tone.PLAY),
    CANCELED: ("Ended", Tone.PLAIN),
    INCOMPLETE_EXPIRED: ("Never paid", Tone.PLAIN),
}
_REASONS: Mapping[str, str] = {
    "canceled": "ended by its customer, or for them",
    "no_payment_method": "no payment method",
    "refunded": "its money went back",
    "dispute_lost": "a dispute was lost",
    "resumed": "going on out of a pause",
}


def wording_of(asking: Asking) -> Wording:
    """Return words for an operator, in their language."""
    return Wording(asking.services, asking.language, asking.services.clock.now())


def badge(row: Mapping[str, Any]) -> Cell:
    """Return how a subscription (its row) stands; that it ends or pauses with its period says more than its state."""
    words, tone = _BADGES[row["billing_state"]]
    if row["billing_state"] in (ACTIVE, TRIALING) and row["ends_with_period"]:
        return Cell("Ending", tone=Tone.PLAY)
    if row["billing_state"] in (ACTIVE, TRIALING) and row["pause_id"] is not None:
        return Cell("Pausing", tone=Tone.PLAY)
    return Cell(words, tone=tone)


def a_month(asking: Asking, row: Mapping[str, Any]) -> str:
    """Word what a subscription comes to a month, as MRR counts it."""
    amount = recurring(row)
    return money(asking, amount, row["currency"]) if amount else "–"


def price(asking: Asking, agreed: Mapping[str, Any]) -> str:
    """Word what is agreed to, before tax: ``€4.99 a month``, ``€9.98 every 3 months for 2 seats``."""
    if agreed["price"] == 0:
        return "Free"
    seats = f" for {agreed['seats']} seats" if agreed["seats"] > 1 else ""
    return f"{money(asking, agreed['price'] * agreed['seats'], agreed['currency'])} {each(agreed['interval'])}{seats}"


def next_date(row: Mapping[str, Any]) -> Cell:
    """Return when something comes next, and what."""
    at, words = next_of(row)
    return Cell(words) if at is None else replace(Cell.when(at), hint=words)


def day(asking: Asking, at: int) -> str:
    """Word a day as the console does: ``27 May``."""
    return Wording(asking.services, "en", asking.services.clock.now()).day(at)


def capital(words: str) -> str:
    """Return words as they begin a sentence."""
    return words[:1].upper() + words[1:]


def next_of(row: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return when something comes next (business ms), if that is known, and what it is."""
    state = row["billing_state"]
    if state in OVER:
        return row["ended_at"], "ended"
    if state in (PAST_DUE, UNPAID):
        again = row["next_attempt_at"]
        return again, "next try" if again is not None else "waits for another method"
    if state == INCOMPLETE:
        return None, "waits for its first payment"
    if state == PAUSED:
        return None, "paused"
    words = "ends" if row["ends_with_period"] else "pauses" if row["pause_id"] is not None else "renews"
    return row["period_end"], words


def reason(code: str | None) -> str:
    """Word why a charge failed or a subscription is over."""
    if code is None:
        return ""
    kind, _, detail = code.partition(":")
    if kind == "action_required":
        return "its bank wants the payer to confirm"
    return _REASONS.get(code) or (f"{kind}: {spoken(detail).lower()}" if detail else spoken(kind).lower())
