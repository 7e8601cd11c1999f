"""Amounts of several currencies in one: never, unless the operator's configuration states the rates."""

from collections.abc import Mapping
from fractions import Fraction

from storefront.core.analytics.shapes import Converted
from storefront.core.config.currencies import real_currencies
from storefront.core.services import Services


def convert(services: Services, name: str, amounts: Mapping[str, int]) -> dict[str, Converted]:
    """Return ``{name: the sum in the shop's currency}``; empty where a rate is missing, or nothing is to be converted.

    ``amounts``: currency -> smallest units. A rate says how many units of the shop's currency one of the other is.
    """
    terms = services.config.analytics
    moved = {currency: amount for currency, amount in amounts.items() if amount}
    others = [currency for currency in moved if currency != terms.currency]
    if terms.currency is None or not others or any(currency not in terms.rates for currency in others):
        return {}
    parts = {
        one: amount if one == terms.currency else _in(terms.currency, one, amount, terms.rates[one])
        for one, amount in moved.items()
    }
    rates = {currency: terms.rates[currency] for currency in others}
    return {name: Converted(terms.currency, sum(parts.values()), parts, rates)}


def _in(to: str, currency: str, amount: int, rate: str) -> int:
    exponents = real_currencies()
    return round(amount * Fraction(rate) * Fraction(10) ** (exponents.get(to, 0) - exponents.get(currency, 0)))
