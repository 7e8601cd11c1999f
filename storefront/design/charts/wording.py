"""Figures and dates of charts in words: exact where they count, short along an axis."""

import datetime
import re
import unicodedata
from decimal import Decimal
from typing import Final

from babel.dates import format_skeleton
from babel.numbers import format_compact_currency, format_compact_decimal

from storefront.design.money import exponent_of, format_count, format_money, format_round_money, is_real, parse_locale

_THOUSAND: Final = 1000
_MINUS: Final = "−"
_CODE_BESIDE_FIGURE: Final = re.compile(r"(?<=[A-Z]{3})(?=\d)")


def amount_words(amount: int, unit: str, locale: str) -> str:
    """The exact amount: money with its sign and decimals, anything else (``gems``, ``people``) as a bare number."""
    return format_money(amount, unit, locale) if is_real(unit) else format_count(amount, locale)


def short_amount(amount: int, unit: str, locale: str) -> str:
    """The amount in few signs: ``€1.5k``, ``€0.50``, ``1.28M``. Where a language has no short form, in full."""
    real = is_real(unit)
    value = Decimal(amount).scaleb(-exponent_of(unit) if real else 0)
    if abs(value) < _THOUSAND or not _shortens(value, locale):
        return format_round_money(amount, unit, locale) if real else format_count(amount, locale)
    parsed = parse_locale(locale)
    if real:
        words = format_compact_currency(value, unit, locale=parsed, fraction_digits=1)
        words = _CODE_BESIDE_FIGURE.sub("\N{NO-BREAK SPACE}", words)
    else:
        words = format_compact_decimal(value, locale=parsed, fraction_digits=2)
    if parsed.language == "en":
        words = words.removesuffix("K") + "k" * words.endswith("K")
    return words.replace("-", _MINUS).replace(" ", "\N{NO-BREAK SPACE}")


def day_words(day: datetime.date, locale: str) -> str:
    """``5 Nov``, ``5. Nov.``: the world's English writes the day first."""
    return str(format_skeleton("MMMd", day, locale=parse_locale("en-GB" if locale == "en" else locale)))


def width_of(words: str) -> int:
    """About how many pixels words take at 12px, on the safe side."""
    return sum(13 if unicodedata.east_asian_width(sign) in "WF" else 8 for sign in words)


def _shortens(value: Decimal, locale: str) -> bool:
    """German, say, has no short thousands: Babel then answers all digits without separators."""
    words = format_compact_decimal(value, locale=parse_locale(locale), fraction_digits=0)
    return not all(sign.isdigit() or sign == "-" for sign in words)
