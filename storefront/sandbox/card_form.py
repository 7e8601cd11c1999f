"""The checkout page's form: what was typed, and what is wrong with it in words for the buyer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from storefront.sandbox.cards import Card, find_card, passes_luhn

DEFAULT_CARD = "4242 4242 4242 4242"
DEFAULT_CVC = "123"
YEARS_AHEAD = 3

DECLINED = "The bank declined this card. Nothing was charged. Try another card."
NOT_CONFIRMED = "Your bank could not confirm that it was you. Nothing was charged. Try again or use another card."
NOT_A_TEST_CARD = "This is a test page and that is no test card. Nothing was charged. Use 4242 4242 4242 4242."
# Per Stripe code: the field that carries the message, and the message. All others say DECLINED.
DECLINE_WORDS = {
    "insufficient_funds": (
        "card_number", "There is not enough money on this card. Nothing was charged. Try another card.",
    ),
    "expired_card": ("card_number", "This card has expired. Nothing was charged. Try another card."),
    "incorrect_cvc": ("cvc", "The security code is wrong. Nothing was charged. Check it and try again."),
    "processing_error": (
        "card_number", "The bank did not answer just now. Nothing was charged. Try again in a moment.",
    ),
}  # fmt: skip

_EXPIRY = re.compile(r"(\d{1,2})\s*[/.\-]?\s*(\d{4}|\d{2})", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(slots=True)
class CardForm:
    """One filled-in form; ``errors`` maps a field's name to the sentence shown at it."""

    email: str
    card_number: str
    exp: str
    cvc: str
    errors: dict[str, str] = field(default_factory=dict)
    card: Card | None = None
    expiry: tuple[int, int] = (0, 0)

    @property
    def is_refused_by_network(self) -> bool:
        """Whether the only fault is that the card is none of Stripe's: answered as a decline."""
        return self.errors.get("card_number") == NOT_A_TEST_CARD and len(self.errors) == 1


def blank_form(now: int, email: str | None) -> CardForm:
    """The form as first shown: a card that works, an expiry date well ahead of business time (Unix seconds)."""
    return CardForm(email=email or "", card_number=DEFAULT_CARD, exp=default_expiry(now), cvc=DEFAULT_CVC)


def default_expiry(now: int) -> str:
    """Month and year three years ahead, as printed on a card."""
    today = datetime.fromtimestamp(now, UTC)
    return f"{today.month:02} / {(today.year + YEARS_AHEAD) % 100:02}"


def read_form(fields: Mapping[str, str], now: int, email: str | None) -> CardForm:
    """Check a posted form; only ``card_number`` must be there, the rest have the page's defaults."""
    form = CardForm(
        email=fields.get("email", email or "").strip(),
        card_number=fields.get("card_number", "").strip(),
        exp=fields.get("exp", "").strip() or default_expiry(now),
        cvc=fields.get("cvc", "").strip() or DEFAULT_CVC,
    )
    if form.email and not is_email(form.email):
        form.errors["email"] = "Enter an email address like name@example.org"
    _read_number(form)
    _read_expiry(form, now)
    if not re.fullmatch(r"\d{3,4}", form.cvc, re.ASCII):
        form.errors["cvc"] = "Enter the three or four digits on the card"
    return form


def is_email(text: str) -> bool:
    """Whether something has one @ and a dot after it."""
    return len(text) <= 512 and _EMAIL.fullmatch(text) is not None


def _read_number(form: CardForm) -> None:
    digits = re.sub(r"[\s-]", "", form.card_number)
    if not digits:
        form.errors["card_number"] = "Enter a card number"
    elif not passes_luhn(digits):
        form.errors["card_number"] = "Check the card number. One of its digits is wrong."
    else:
        form.card = find_card(digits)
        if form.card is None:
            form.errors["card_number"] = NOT_A_TEST_CARD


def _read_expiry(form: CardForm, now: int) -> None:
    found = _EXPIRY.fullmatch(form.exp)
    if found is None or not 1 <= int(found[1]) <= 12:
        form.errors["exp"] = "Enter the expiry date as month and year, like 09 / 29"
        return
    today = datetime.fromtimestamp(now, UTC)
    year = int(found[2]) if len(found[2]) == 4 else today.year // 100 * 100 + int(found[2])
    form.expiry = (int(found[1]), year)
    if (year, int(found[1])) < (today.year, today.month):
        form.errors["exp"] = "Enter an expiry date that has not passed"
