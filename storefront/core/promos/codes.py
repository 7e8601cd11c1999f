"""What a code looks like, what one is used for, and how the shop says that it cannot be used."""

import secrets
from dataclasses import dataclass
from typing import Any

from storefront.core.catalog import text_in
from storefront.core.config.model_promos import PromoCode
from storefront.core.errors import Refused

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""What generated codes are made of: nothing that is read or heard as something else (0 and O, 1, I and L, U and V)."""
RANDOM_LENGTH = 16  # 30¹⁶ codes: 78 bits
_GROUP = 4
MOST_CODES = 5
"""How many codes one purchase can be made cheaper by."""

_DETAILS = {
    "unknown": "This code is not known here. Look for a typing mistake.",
    "not_yet": "This code cannot be used yet.",
    "expired": "This code has expired.",
    "used_up": "This code has been used as often as it may be.",
    "used_by_you": "You have used this code as often as you may.",
    "not_for_this_offer": "This code is not for this offer.",
    "not_for_this_currency": "This code is not for prices in this currency.",
    "below_minimum": "This code is for larger purchases.",
    "not_first_purchase": "This code is for a first purchase only.",
    "country": "This code is not for your country.",
    "not_combinable": "These codes cannot be used together. Use one of them.",
    "nothing_to_discount": "This code would not make it any cheaper. Leave it for another time.",
}
UNKNOWN = "unknown"


class PromoCodeInvalid(Refused):
    """A code that cannot be used for this purchase; the fact ``reason`` says why.

    A code that is switched off, or somebody else's, answers as one that never was.
    """

    code = "promo_code_invalid"
    title = "This promo code cannot be used"

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(_DETAILS[reason], reason=reason, **facts)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UsedCode:
    """A code that may be used for a purchase: its normal form, and the terms it has."""

    code: str
    terms: PromoCode

    def label(self, language: str) -> str:
        """Return what stands on quotes and receipts."""
        return text_in(self.terms.label, None, language) or f"Code {shown_code(self.code)}"


def random_code() -> str:
    """Make a code that nobody guesses."""
    return "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))


def shown_code(code: str) -> str:
    """Return a code as people read it: a generated one in groups of four, others as they are."""
    is_generated = len(code) == RANDOM_LENGTH and set(code) <= set(ALPHABET)
    if not is_generated:
        return code
    return "-".join(code[start : start + _GROUP] for start in range(0, RANDOM_LENGTH, _GROUP))


def anchor_of(code: str) -> str:
    """Return the anchor under which a code's own counter and row hang."""
    return f"promo:{code}"


def uses_key(code: str) -> str:
    """Return the counter of a code's uses in all."""
    return f"promo_uses:{code}"


def customer_key(name: str, customer_id: str) -> str:
    """Return the counter of one customer's uses of a code, or of all codes of a bulk code."""
    return f"promo_by:{name}:{customer_id}"


def first_key(customer_id: str) -> str:
    """Return the counter of one customer's first purchases with a code that is for those."""
    return f"promo_first:{customer_id}"
