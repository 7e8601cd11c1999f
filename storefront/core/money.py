"""Amounts: integers in the smallest unit, always with their asset. No floats anywhere.

An **asset** is a unit of account: a real currency (ISO 4217, with its exponent) or a virtual one from
the YAML. ``Money`` is an amount of one asset; arithmetic across assets raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_AMOUNT = 2**53 - 1
"""The largest amount on the wire: JavaScript reads integers up to here exactly."""


class AssetKind(StrEnum):
    REAL = "real"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class Asset:
    """A unit of account: ``USD`` with exponent 2, ``JPY`` with 0, ``gems`` with 0."""

    code: str
    kind: AssetKind
    exponent: int

    @property
    def is_real(self) -> bool:
        return self.kind is AssetKind.REAL


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one asset, in its smallest unit; may be zero, never negative."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int or not 0 <= self.amount_minor <= MAX_AMOUNT:
            raise ValueError(f"not an amount: {self.amount_minor!r}")

    def __add__(self, other: "Money") -> "Money":
        self._same_asset(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_asset(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def times(self, quantity: int) -> "Money":
        return Money(self.amount_minor * quantity, self.currency)

    def to_json(self) -> dict[str, int | str]:
        return {"amount": self.amount_minor, "currency": self.currency}

    def _same_asset(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` minor units in proportion to ``weights``; the first party gets the remainder.

    Each share is rounded down, so the parts always sum to the whole.
    """
    whole = sum(weights)
    if whole <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights must be non-negative and not all zero")
    shares = [total * weight // whole for weight in weights]
    shares[0] += total - sum(shares)
    return shares


def split_named(total: int, weights: Mapping[str, int], *, remainder: str = "platform") -> dict[str, int]:
    """Split ``total`` minor units in proportion to ``party -> weight``, and return ``party -> share``.

    Each share is rounded down; what rounding leaves goes to the party called ``remainder``, so Σ shares = total.

    Raises:
        ValueError: a negative total or weight, no weight at all, or ``remainder`` is none of the parties.
    """
    if remainder not in weights:
        raise ValueError(f"{remainder}, who gets what rounding leaves, is none of the parties {', '.join(weights)}")
    whole = sum(weights.values())
    if total < 0 or whole <= 0 or any(weight < 0 for weight in weights.values()):
        raise ValueError("the total and the weights must be non-negative, and some weight positive")
    shares = {party: total * weight // whole for party, weight in weights.items()}
    shares[remainder] += total - sum(shares.values())
    return shares
