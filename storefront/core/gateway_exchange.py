"""Movements of a gateway between two currencies: through its exchange, with the rate that it told."""

from collections.abc import Iterable
from typing import Any

from storefront.core.accounts import Account, gateway_exchange
from storefront.core.commit.plan import Plan, Transfer

Leg = tuple[int, Account, Account]
"""(minor units, source, destination); a negative amount goes the other way."""


def through_exchange(
    gateway: str, settled: tuple[str, int], presented: tuple[str, int], pair: tuple[Account, Account]
) -> list[Leg]:
    """Return the legs of what was settled in one currency and presented in another; only ``settled`` has a sign."""
    (currency, amount), (other, there) = settled, presented
    sign = 1 if amount > 0 else -1
    return [
        (amount, pair[0], gateway_exchange(gateway, currency)),
        (sign * there, gateway_exchange(gateway, other), pair[1]),
    ]


def add_legs(plan: Plan, label: str, legs: Iterable[Leg], anchor: str) -> None:
    """Add the transfers of an entry, each in its direction; one of nothing is none."""
    for amount, source, destination in legs:
        if amount:
            pair = (source, destination) if amount > 0 else (destination, source)
            plan.add(Transfer(label, *pair, abs(amount), anchor))


def rate_facts(settled: tuple[str, int], presented: tuple[str, int], exchange_rate: str | None) -> dict[str, Any]:
    """Keep the rate of a conversion, exactly: what left the exchange for what came in, and the gateway's own words."""
    incoming, outgoing = (settled[0], abs(settled[1])), presented
    if settled[1] < 0:
        incoming, outgoing = outgoing, incoming
    return {
        "rate": {"from": incoming[0], "to": outgoing[0], "numerator": outgoing[1], "denominator": incoming[1]},
        "rounding": "down",
        "remainder": {"numerator": 0, "party": "gateway"},
        "exchange_rate": exchange_rate,
    }
