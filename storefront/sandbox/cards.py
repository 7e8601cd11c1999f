"""Stripe's test cards and what each one does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

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


BYPASS_PENDING = "4000000000000077"  # what it pays is available at once
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

AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "65",
    "The bank returned the decline code `authentication_required`.",
    "confirm_card_data",
)
NON_TEST_CARD = "Your card was declined. Your request was in test mode, but used a non test card."


class Authentication(Enum):
    """When a card's bank wants to see its holder (3-D Secure)."""

    NEVER = "never"
    ALWAYS = "always"  # off the session it declines, whatever was agreed before
    UNLESS_SET_UP = "unless_set_up"  # off the session it pays once the holder has confirmed a set-up
    ON_SESSION = "on_session"  # as if set up long ago: off the session it always pays


class Sequel(Enum):
    """What follows by itself once the card has paid."""

    NONE = "none"
    DISPUTE_FRAUDULENT = "fraudulent"
    DISPUTE_NOT_RECEIVED = "product_not_received"
    INQUIRY = "inquiry"
    EARLY_FRAUD_WARNING = "early_fraud_warning"


class RefundCourse(Enum):
    """How a refund to the card goes on."""

    AT_ONCE = "at_once"
    LATER = "later"  # pending, and succeeds after a while
    FAILS = "fails"  # succeeded, and fails after a while


@dataclass(frozen=True, slots=True)
class Card:
    """One test card: what is printed on it, and its behaviour."""

    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None
    declines_set_up: bool = True  # whether `decline` also meets the attempt to keep the card
    authentication: Authentication = Authentication.NEVER
    sequel: Sequel = Sequel.NONE
    refund_course: RefundCourse = RefundCourse.AT_ONCE
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
    Card("4000000000000341", decline=_DECLINES["generic"], declines_set_up=False),
    Card("4000000000004954", risk_level="highest", risk_score=85),
    Card("4000000000009235", risk_level="elevated", risk_score=68),
    Card(BYPASS_PENDING),
    Card("4000000000000259", sequel=Sequel.DISPUTE_FRAUDULENT),
    Card("4000000000002685", sequel=Sequel.DISPUTE_NOT_RECEIVED),
    Card("4000000000001976", sequel=Sequel.INQUIRY),
    Card("4000000000005423", sequel=Sequel.EARLY_FRAUD_WARNING),
    Card("4000000000007726", refund_course=RefundCourse.LATER),
    Card("4000000000005126", refund_course=RefundCourse.FAILS),
    Card("4000000000003055"),
    Card("4000002500003155", country="FR", authentication=Authentication.UNLESS_SET_UP),
    Card("4000002760003184", country="DE", authentication=Authentication.ALWAYS),
    Card("4000003800000446", country="HU", authentication=Authentication.ON_SESSION),
    Card("4000000000003220", authentication=Authentication.ALWAYS),
    Card(
        "4000008260003178",
        country="GB",
        authentication=Authentication.ALWAYS,
        decline=_DECLINES["funds"],
        declines_set_up=False,
    ),
    Card("4000008400001629", authentication=Authentication.ALWAYS, decline=_DECLINES["generic"]),
)
_BY_NUMBER = {card.number: card for card in _TEST_CARDS}

# The names that Stripe gives to these cards as payment methods (`pm_card_…`) and as tokens (`tok_…`).
_NAMED = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_debit": "5200828282828210",
    "mastercard_prepaid": "5105105105105100",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "3056930009020004",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "us": "4242424242424242",
    "de": "4000002760000016",
    "gb": "4000008260000000",
    "fr": "4000002500000003",
    "br": "4000000760000002",
    "in": "4000003560000008",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeCustomerFail": "4000000000000341",
    "radarBlock": "4100000000000019",
    "riskLevelElevated": "4000000000009235",
    "riskLevelHighest": "4000000000004954",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "createIssuerFraudRecord": "4000000000005423",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
    "bypassPending": BYPASS_PENDING,
    "threeDSecureOptional": "4000000000003055",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
}
NAMED_CARDS = {
    **{f"pm_card_{name}": _BY_NUMBER[number] for name, number in _NAMED.items()},
    **{f"tok_{name}": _BY_NUMBER[number] for name, number in _NAMED.items()},
}


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
