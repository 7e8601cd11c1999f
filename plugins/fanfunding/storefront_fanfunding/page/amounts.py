"""What a fan wants to give, as they chose or typed it."""

import re
from decimal import Decimal

from storefront.core.errors import FieldError, Invalid
from storefront.core.money import MAX_AMOUNT
from storefront.design.money import exponent_of

_TYPED = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,3}))?", re.ASCII)
_AROUND = re.compile(r"[\s$€£¥₩₹]|\b[A-Z]{3}\b")


def amount_of(preset: str, other: str, currency: str) -> int:
    """Return an amount in minor units: what was typed, else the key that was pressed; raises ``Invalid``.

    A comma and a point both begin the decimals; there is no sign for thousands, which would make `1,000` one or both.
    """
    typed = _AROUND.sub("", other)
    if not typed and not other.strip() and preset.isascii() and preset.isdigit() and len(preset) < 17:
        return min(int(preset), MAX_AMOUNT)
    found, exponent = _TYPED.fullmatch(typed), exponent_of(currency)
    if found is None or len(found[2] or "") > exponent:
        raise Invalid("That is no amount.", errors=[FieldError("/amount", "must be an amount")])
    return min(int(Decimal(f"{found[1]}.{found[2] or 0}").scaleb(exponent)), MAX_AMOUNT)
