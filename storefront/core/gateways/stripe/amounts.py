"""Stripe's amounts, where they differ from ISO 4217: its own table, used at its edge only.

ISK and UGX are sent as if they had two decimals; MGA has none there; three-decimal currencies end in 0.
HUF and TWD are charged with two decimals, and paid out in whole forints and dollars only.
Source: docs.stripe.com/currencies, read 2026-11-21.
"""

from collections.abc import Mapping

from storefront.core.config.currencies import STRIPE_STEPS, real_currencies, show_amount, stripe_refuses
from storefront.core.gateways import GatewayFailed, GatewayRefused
from storefront.core.money import MAX_AMOUNT, Money

_AS_TWO_DECIMALS = frozenset({"ISK", "UGX"})
_WITHOUT_DECIMALS = frozenset({"MGA"})
_FACTOR = 100

# Of these, a payout must be a whole multiple; in our own minor units.
_PAYOUT_STEPS = {**STRIPE_STEPS, "HUF": 100, "TWD": 100}


def to_stripe(amount: Money) -> int:
    """Return the integer that Stripe means by this amount; raises ``GatewayRefused`` for a part it cannot say."""
    if amount.currency in _AS_TWO_DECIMALS:
        return amount.amount_minor * _FACTOR
    if amount.amount_minor % STRIPE_STEPS.get(amount.currency, 1):
        raise GatewayRefused(f"Stripe cannot say {show_amount(amount.amount_minor, amount.currency)}.")
    if amount.currency in _WITHOUT_DECIMALS:
        return amount.amount_minor // _FACTOR
    return amount.amount_minor


def from_stripe(amount: int, currency: str) -> Money:
    """Return what an integer of Stripe's means; raises ``GatewayFailed`` for one that is no amount."""
    if amount < 0:
        raise _impossible(amount, currency)
    return Money(signed_from_stripe(amount, currency), currency.upper())


def signed_from_stripe(amount: int, currency: str) -> int:
    """Return the same for what may be negative, in our minor units."""
    code = currency.upper()
    if code not in real_currencies():
        raise GatewayFailed(f"The payment gateway speaks of a currency that we do not know: {currency[:10]!r}.")
    if abs(amount) > MAX_AMOUNT // _FACTOR:
        raise _impossible(amount, currency)
    if code in _WITHOUT_DECIMALS:
        return amount * _FACTOR
    if code not in _AS_TWO_DECIMALS:
        return amount
    if amount % _FACTOR:
        raise _impossible(amount, currency)
    return amount // _FACTOR


def charge_problem(amount: Money, minimums: Mapping[str, int]) -> str | None:
    """Return None, or why Stripe would not charge this; ``minimums``: currency -> minor units, over the usual."""
    problem: str | None = stripe_refuses(amount.currency, amount.amount_minor, minimums)
    return problem


def refund_step(currency: str) -> int:
    """Return what a refund must be a whole multiple of, in our minor units: what Stripe can say."""
    return STRIPE_STEPS.get(currency, 1)


def payout_problem(amount: Money) -> str | None:
    """Return None, or why Stripe would not send this amount to a bank."""
    step = _PAYOUT_STEPS.get(amount.currency, 1)
    if amount.amount_minor == 0:
        return "is nothing"
    if amount.amount_minor % step:
        return f"cannot be paid out by Stripe: {amount.currency} payouts must be divisible by {step}"
    return None


def _impossible(amount: int, currency: str) -> GatewayFailed:
    return GatewayFailed(f"The payment gateway speaks of an amount that cannot be: {amount} {currency[:10]!r}.")
