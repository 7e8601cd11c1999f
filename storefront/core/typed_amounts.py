"""Amounts as people type them, in a shell or a form: ``2.50`` of EUR is 250.

There is one way to write one: digits, and a point before decimals. ``2,50`` means two and a half to some and 250 to
others, so a comma is refused and never guessed at.
"""

import re
from decimal import Decimal

from storefront.core.catalog import Catalog
from storefront.core.errors import FieldError, Invalid
from storefront.core.money import MAX_AMOUNT

_WRITTEN = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)


def read_amount(catalog: Catalog, text: str, currency: str, *, pointer: str = "/amount") -> int:
    """Return a typed amount of a currency, real or the shop's own, in its smallest unit.

    Raises:
        Invalid: it is no amount, nothing, more than fits, or has more decimals than the currency; names ``pointer``.
    """
    exponent = catalog.exponent(currency)
    if not _WRITTEN.fullmatch(text):
        like = f"{Decimal(250).scaleb(-exponent):f}"
        wrong = f"is no amount: write it as {like}, without signs and separators"
        raise Invalid(f"{text} {wrong}.", errors=[FieldError(pointer, wrong)])
    minor = Decimal(text).scaleb(exponent)
    if minor > MAX_AMOUNT:
        wrong = f"is too large: at most {Decimal(MAX_AMOUNT).scaleb(-exponent):f} can be moved at once"
        raise Invalid(f"{text} {wrong}.", errors=[FieldError(pointer, wrong)])
    if minor != minor.to_integral_value() or minor <= 0:
        wrong = f"must be more than nothing, with at most {exponent} decimals"
        raise Invalid(f"An amount of {currency} {wrong}.", errors=[FieldError(pointer, wrong)])
    return int(minor)
