"""Amounts as people read them: in the reader's language, with the currency's own number of decimals.

Amounts come in minor units as integers and stay exact (``Decimal``, never a float). The number of decimals
is ISO 4217's, not CLDR's: CLDR hides the minor units of currencies whose coins have gone out of use, and a
shop shows what it charges.
"""

import copy
import re
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, format_decimal
from iso4217 import Currency

_MINUS = "−"
_LETTER_BESIDE_FIGURE = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
"""Where CLDR's ``alphaNextToNumber`` patterns put a space: ``KWD 1.234``."""


def format_money(amount_minor: int, currency: str, locale: str = "en") -> str:
    """Format real money: ``(499, "USD", "en")`` -> ``$4.99``; ``(499, "EUR", "de")`` -> ``4,99 €``.

    Spaces inside are no-break spaces and the minus is a real one, so that a sum never falls apart.

    Raises: ``ValueError`` for a code that is no ISO 4217 currency.
    """
    exponent = exponent_of(currency)
    return _money(Decimal(amount_minor).scaleb(-exponent), currency, locale, (exponent, exponent))


def format_round_money(amount_minor: int, currency: str, locale: str = "en") -> str:
    """Format money without decimals where they are all nothing: ``(50000, "EUR")`` -> ``€500``, ``50`` -> ``€0.50``.

    For the axis of a chart, never for what somebody pays.
    """
    exponent = exponent_of(currency)
    shown = exponent if amount_minor % 10**exponent else 0
    return _money(Decimal(amount_minor).scaleb(-exponent), currency, locale, (shown, shown))


def format_unit_price(millionths: int, currency: str, locale: str = "en") -> str:
    """Format a price in millionths of the smallest unit, with as many decimals as it has: ``$0.005``, ``$0.30``."""
    exponent = exponent_of(currency)
    return _money(Decimal(millionths).scaleb(-exponent - 6), currency, locale, (exponent, exponent + 6))


def _money(value: Decimal, currency: str, locale: str, decimals: tuple[int, int]) -> str:
    text = _pattern(locale, decimals).apply(value, parse_locale(locale), currency=currency, currency_digits=False)
    return _LETTER_BESIDE_FIGURE.sub("\N{NO-BREAK SPACE}", str(text)).replace("-", _MINUS)


def format_count(number: int, locale: str = "en") -> str:
    """Format a whole number with the language's separators: ``12480`` -> ``12,480``."""
    return str(format_decimal(number, locale=parse_locale(locale))).replace("-", _MINUS)


def format_virtual(amount_minor: int, name: str, locale: str = "en", *, exponent: int = 0) -> str:
    """Format an amount of a virtual currency with its name: ``(1200, "gems")`` -> ``1,200 gems``."""
    value = Decimal(amount_minor).scaleb(-exponent)
    figure = format_decimal(value, locale=parse_locale(locale), format=None, decimal_quantization=False)
    return f"{figure}\N{NO-BREAK SPACE}{name}".replace("-", _MINUS)


def is_real(currency: str) -> bool:
    """True for an ISO 4217 code with minor units; ``gems`` and the like are virtual."""
    try:
        exponent_of(currency)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def exponent_of(currency: str) -> int:
    """Decimals of an ISO 4217 currency: 2 for ``EUR``, 0 for ``JPY``, 3 for ``KWD``.

    Raises: ``ValueError`` for an unknown code, and for ISO's funds and metals, which have no minor unit.
    """
    exponent = Currency(currency).exponent
    if exponent is None:
        raise ValueError(f"{currency} has no minor unit")
    return int(exponent)


@lru_cache(maxsize=64)
def parse_locale(tag: str) -> Locale:
    """A language tag (``de``, ``de-AT``, ``pt_BR``) as Babel's locale; English when it is not known."""
    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def share_of(amount_minor: int, part: int, whole: int) -> int:
    """``amount_minor × part / whole`` rounded half up, in integers: what ``part`` costs at a pack's rate."""
    return (2 * amount_minor * part + whole) // (2 * whole)


@lru_cache(maxsize=256)
def _pattern(locale: str, decimals: tuple[int, int]) -> NumberPattern:
    pattern: NumberPattern = copy.copy(parse_locale(locale).currency_formats["standard"])
    pattern.frac_prec = decimals
    return pattern
