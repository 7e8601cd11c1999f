"""Real currencies: which exist, how many digits they have, and what Stripe can charge in them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache

from iso4217 import Currency

# [K]: known from use, not from a page that states it; smallest charge per currency, in minor units of ISO 4217.
STRIPE_MINIMUMS = {
    "USD": 50,
    "EUR": 50,
    "GBP": 30,
    "AUD": 50,
    "CAD": 50,
    "CHF": 50,
    "NZD": 50,
    "SGD": 50,
    "INR": 50,
    "BRL": 50,
    "DKK": 250,
    "NOK": 300,
    "SEK": 300,
    "PLN": 200,
    "RON": 200,
    "BGN": 100,
    "CZK": 1500,
    "HUF": 17500,
    "HKD": 400,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "THB": 1000,
    "AED": 200,
}

# Stripe's own table, where it differs from ISO 4217 (docs.stripe.com/currencies): the divisor of a chargeable price.
# MGA has no decimals there; three-decimal currencies end in 0 there.
STRIPE_STEPS = {"MGA": 100, "BHD": 10, "JOD": 10, "KWD": 10, "OMR": 10, "TND": 10}

# [K]: eight digits at most, in Stripe's own minor units.
STRIPE_MOST = 99_999_999

# Sent as if they had two decimals, so their eight digits are worth a hundredth.
_STRIPE_TIMES_100 = ("ISK", "UGX")


@cache
def real_currencies() -> dict[str, int]:
    """Code -> exponent, for the currencies of ISO 4217 in which prices can be made."""
    return {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}


def stripe_refuses(currency: str, amount_minor: int, minimums: Mapping[str, int] | None = None) -> str | None:
    """Why Stripe would not charge this amount, in words that follow the path; ``None`` if it would.

    ``minimums``: currency -> minor units, of the account's own, over the usual ones.
    """
    least = {**STRIPE_MINIMUMS, **(minimums or {})}.get(currency)
    if least is not None and amount_minor < least:
        return f"is less than a gateway can charge: at least {least} ({show_amount(least, currency)})"
    step = STRIPE_STEPS.get(currency, 1)
    if amount_minor % step:
        return f"cannot be charged by Stripe: {currency} amounts must be divisible by {step}"
    most = _most(currency)
    if amount_minor > most:
        return f"is more than a gateway can charge: at most {most} ({show_amount(most, currency)})"
    return None


def nearest_chargeable(currency: str, amount_minor: int, minimums: Mapping[str, int] | None = None) -> int:
    """The amount closest to this one that Stripe would charge."""
    step = STRIPE_STEPS.get(currency, 1)
    least = {**STRIPE_MINIMUMS, **(minimums or {})}.get(currency, 1)
    up = -(-max(amount_minor, least) // step) * step
    return min(up, _most(currency) // step * step)


def show_amount(amount_minor: int, currency: str) -> str:
    """``499, "USD"`` as ``4.99 USD``: digits for messages, not for buyers."""
    exponent = real_currencies().get(currency, 0)
    return f"{Decimal(amount_minor).scaleb(-exponent):f} {currency}"


def minor_units_hint(written: object, currency: str) -> str | None:
    """``4.99`` in USD explained as ``499 means 4.99 USD``; ``None`` if it makes no whole amount."""
    exponent = real_currencies().get(currency)
    try:
        major = Decimal(str(written).strip().lstrip("$€£"))
    except InvalidOperation:
        return None
    if exponent is None or not major.is_finite() or not 0 < major < Decimal("1e12"):
        return None
    minor = major.scaleb(exponent)
    if minor != minor.to_integral_value():
        return None
    return f"{int(minor)} means {show_amount(int(minor), currency)}"


def _most(currency: str) -> int:
    return STRIPE_MOST // 100 if currency in _STRIPE_TIMES_100 else STRIPE_MOST
