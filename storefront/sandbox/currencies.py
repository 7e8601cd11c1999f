"""Stripe's own table of currencies: how many minor digits, and which amounts it takes."""

from __future__ import annotations

from storefront.sandbox.errors import invalid
from storefront.sandbox.params import words

# Source: docs.stripe.com/currencies. These differ from ISO 4217 on purpose.
ZERO_DECIMAL = frozenset(words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"))
THREE_DECIMAL = frozenset(words("bhd jod kwd omr tnd"))
WHOLE_UNITS_ONLY = frozenset(words("isk ugx"))  # sent with two digits that must be 00
TWO_DECIMAL = frozenset(
    words(
        "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf "
        "cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils "
        "inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad "
        "ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std "
        "szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw"
    )
)
ALL = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_UNITS_ONLY | TWO_DECIMAL

# Smallest charge, in minor units. A currency that is not listed has no minimum here.
MINIMUM_MINOR = {
    "usd": 50, "eur": 50, "gbp": 30, "aud": 50, "cad": 50, "chf": 50, "nzd": 50, "sgd": 50, "inr": 50, "brl": 50,
    "dkk": 250, "nok": 300, "sek": 300, "pln": 200, "ron": 200, "bgn": 100, "czk": 1500, "huf": 17500, "hkd": 400,
    "jpy": 50, "mxn": 1000, "myr": 200, "thb": 1000, "aed": 200,
}  # fmt: skip
MAXIMUM_MINOR = 99_999_999


def exponent(currency: str) -> int:
    """How many digits of an amount stand behind the point at Stripe."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def checked_currency(code: str, param: str) -> str:
    """The code in lower case.

    Raises:
        ApiError: Stripe does not charge in it.
    """
    currency = code.lower()
    if currency not in ALL:
        raise invalid(f"Invalid currency: {code}.", param=param)
    return currency


def check_amount(amount: int, currency: str, param: str) -> None:
    """Refuse an amount that cannot be charged in this currency.

    Raises:
        ApiError: too small, too large, or digits that the currency does not have.
    """
    if currency in WHOLE_UNITS_ONLY and amount % 100:
        raise invalid(f"Invalid amount: {currency} amounts must be divisible by 100.", param=param)
    if currency in THREE_DECIMAL and amount % 10:
        raise invalid(f"Invalid amount: {currency} amounts must end in 0.", param=param)
    least = MINIMUM_MINOR.get(currency, 1)
    if amount < least:
        message = f"The total amount must be at least {least} in the smallest unit of {currency}."
        raise invalid(message, param=param, code="amount_too_small")
    if amount > MAXIMUM_MINOR:
        message = f"The total amount must be no more than {MAXIMUM_MINOR} in the smallest unit of {currency}."
        raise invalid(message, param=param, code="amount_too_large")
