"""Stripe's amounts, where they differ from ISO 4217: its own table, used at its edge only.

ISK and UGX are sent as if they had two decimals; MGA has none there; three-decimal currencies end in 0.
Source: docs.stripe.com/currencies, read 2026-11-21.
"""

from storefront.core.config.currencies import stripe_refuses
from storefront.core.gateways import GatewayFailed
from storefront.core.money import MAX_AMOUNT, Money

_AS_TWO_DECIMALS = frozenset({"ISK", "UGX"})
_WITHOUT_DECIMALS = frozenset({"MGA"})
_FACTOR = 100


def to_stripe(amount: Money) -> int:
    """Return the integer that Stripe means by this amount."""
    if amount.currency in _AS_TWO_DECIMALS:
        return amount.amount_minor * _FACTOR
    if amount.currency in _WITHOUT_DECIMALS:
        return amount.amount_minor // _FACTOR
    return amount.amount_minor


def from_stripe(amount: int, currency: str) -> Money:
    """Return what an integer of Stripe's means; raises ``GatewayFailed`` for one that is no amount."""
    if not 0 <= amount <= MAX_AMOUNT // _FACTOR:
        raise GatewayFailed("The payment gateway speaks of an amount that cannot be.")
    if currency in _AS_TWO_DECIMALS:
        return Money(amount // _FACTOR, currency)
    if currency in _WITHOUT_DECIMALS:
        return Money(amount * _FACTOR, currency)
    return Money(amount, currency)


def minimum_problem(amount: Money) -> str | None:
    """Return None, or why Stripe would not charge this amount."""
    problem: str | None = stripe_refuses(amount.currency, amount.amount_minor)
    return problem
