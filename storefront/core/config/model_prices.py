"""Prices as the configuration says them: alternatives per asset and country, what buyers choose, sales, top-ups.

Amounts are minor units. A catalog version stores these, so every field that came later has a default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """Pay what you want: the buyer names an amount from ``min`` to ``max``; ``suggested`` lies between them."""

    min: int
    suggested: int
    max: int


@dataclass(frozen=True, slots=True)
class Price:
    """One alternative. ``countries``: for buyers there alone; empty for all whose country has no price of its own.

    Where the buyer chooses (``choice``), ``amount`` is what is suggested.
    """

    currency: str
    amount: int
    countries: tuple[str, ...] = ()
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """A lower price for a while, half-open ``[from, until)`` in UTC: ``percent`` off, or ``prices`` (asset -> amount).

    ``label``: language -> text.
    """

    percent: int | None
    prices: Mapping[str, int]
    from_: datetime | None
    until: datetime | None
    label: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Exact:
    """A pack that is sold in any amount from ``min`` to ``max`` of its currency, at its own price per unit."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of some countries, worked out from the general ones in ``from_``.

    ``rate``: units of ``currency`` for one unit of ``from_``, as decimal text. ``ending``: the last digits that every
    price gets, in minor units (``90`` makes 5.90); None rounds to the minor unit.
    """

    name: str
    countries: tuple[str, ...]
    from_: str
    currency: str
    rate: str
    ending: str | None = None
