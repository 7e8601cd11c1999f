"""Price experiments as the rest of the shop sees them. They are part of the catalog version that prices a purchase."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

CONTROL = "control"
"""The variant that pays what the offer says; every experiment has it."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to price an offer. ``prices``: asset -> minor units, instead of the offer's; ``weight`` is its share."""

    weight: int
    prices: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Other prices of one offer for some of the customers, in ``[from, until)``; ``percent`` of all take part."""

    name: str
    sku: str
    variants: Mapping[str, Variant]
    percent: int = 100
    from_: datetime | None = None
    until: datetime | None = None
