"""Stripe's test cards and what each one does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# Source: docs.stripe.com/testing.


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a charge fails: Stripe's error ``code``, the bank's ``decline_code`` and the words for both sides."""

    code: str
    decline_code: str
    message: str
    network_decline_code: str | None
    seller_message: str = "The bank did not return any further details with this decline."
    advice_code: str = "try_again_later"
    is_blocked: bool = False


_GENERIC = "Your card was declined."
_DECLINES = {
    "generic": Decline("card_declined", "generic_decline", _GENERIC, "01"),
    "funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", "51",
        "The bank returned the decline code `insufficient_funds`.",
    ),
    "lost": Decline(
        "card_declined", "lost_card", _GENERIC, "41",
        "The bank returned the decline code `lost_card`.", "do_not_try_again",
    ),
    "stolen": Decline(
        "card_declined", "stolen_card", _GENERIC, "43",
        "The bank returned the decline code `stolen_card`.", "do_not_try_again",
    ),
    "expired": Decline(
        "expired_card", "expired_card", "Your card has expired.", "54",
        "The bank returned the decline code `expired_card`.", "do_not_try_again",
    ),
    "cvc": Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "N7",
        "The bank returned the decline code `incorrect_cvc`.", "confirm_card_data",
    ),
    "processing": Decline(
        "processing_error", "processing_error",
        "An error occurred while processing your card. Try again in a little bit.", "91",
        "The bank returned the decline code `processing_error`.",
    ),
    "velocity": Decline(
        "card_declined", "card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently "
        "or exceeding its amount limit.", "65", "The bank returned the decline code `card_velocity_exceeded`.",
    ),
    "blocked": Decline(
        "card_declined", "fraudulent", _GENERIC, None, "Stripe blocked this payment as too risky.",
        "do_not_try_again", is_blocked=True,
    ),
}  # fmt: skip

NON_TEST_CARD = "Your card was declined. Your request was in test mode, but used a non test card."


@dataclass(frozen=True, slots=True)
class Card:
    """One test card: what is printed on it, and its behaviour."""

    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None
    asks_for_3d_secure: bool = False
    risk_level: str = "normal"
    risk_score: int = 17
    cvc_check: str = "pass"

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """Sixteen letters and digits, the same for the same number in every database."""
        return hashlib.sha256(f"sandbox card {self.number}".encode()).hexdigest()[:16]


_TEST_CARDS = (
    Card("4242424242424242"),
    Card("4000056655665556", funding="debit"),
    Card("5555555555554444", "mastercard"),
    Card("2223003122003222", "mastercard"),
    Card("5200828282828210", "mastercard", funding="debit"),
    Card("5105105105105100", "mastercard", funding="prepaid"),
    Card("378282246310005", "amex"),
    Card("371449635398431", "amex"),
    Card("6011111111111117", "discover"),
    Card("3056930009020004", "diners"),
    Card("3566002020360505", "jcb", "JP"),
    Card("6200000000000005", "unionpay", "CN"),
    Card("4000002760000016", country="DE"),
    Card("4000008260000000", country="GB"),
    Card("4000002500000003", country="FR"),
    Card("4000000760000002", country="BR"),
    Card("4000003560000008", country="IN"),
    Card("4000000000000002", decline=_DECLINES["generic"]),
    Card("4000000000009995", decline=_DECLINES["funds"]),
    Card("4000000000009987", decline=_DECLINES["lost"]),
    Card("4000000000009979", decline=_DECLINES["stolen"]),
    Card("4000000000000069", decline=_DECLINES["expired"]),
    Card("4000000000000127", decline=_DECLINES["cvc"], cvc_check="fail"),
    Card("4000000000000119", decline=_DECLINES["processing"]),
    Card("4000000000006975", decline=_DECLINES["velocity"]),
    Card("4100000000000019", decline=_DECLINES["blocked"], risk_level="highest", risk_score=92),
    Card("4000000000009235", risk_level="elevated", risk_score=68),
    Card("4000000000000259"),
    Card("4000002500003155", asks_for_3d_secure=True),
    Card("4000002760003184", country="DE", asks_for_3d_secure=True),
    Card("4000000000003220", asks_for_3d_secure=True),
    Card("4000008400001629", asks_for_3d_secure=True, decline=_DECLINES["generic"]),
)
_BY_NUMBER = {card.number: card for card in _TEST_CARDS}


def find_card(number: str) -> Card | None:
    """The test card with this number (digits only), if Stripe documents it."""
    return _BY_NUMBER.get(number)


def passes_luhn(number: str) -> bool:
    """Whether the digits could be a card at all: 12 to 19 of them and the right check digit."""
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    total = 0
    for index, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
