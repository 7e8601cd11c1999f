"""Containers: what the YAML says of one, its odds as they are published, and what an opening gave.

The odds that clients see and the table that is drawn from are made from the same lines of the catalog.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from storefront.core.commit.plan import ItemTerms
from storefront.core.config.model import Offer
from storefront.core.kinds import Became
from storefront.core.reading import Row
from storefront_microtransactions.drawing import Table

KIND = "container"
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Drop:
    """What may come out: SKU or asset -> how many; ``instead`` is for who can own no more of it."""

    gives: Mapping[str, int]
    instead: Mapping[str, int]

    @property
    def key(self) -> str:
        """What tells this drop from the others, whatever its place in the table."""
        return msgspec.json.encode(dict(self.gives), order="deterministic").decode()


@dataclass(frozen=True, slots=True)
class Container:
    """What an offer of this kind says."""

    sku: str
    drops: tuple[Drop, ...]
    guaranteed: tuple[Drop, ...]
    table: Table

    @classmethod
    def of(cls, offer: Offer) -> "Container":
        return cls.read(offer.sku, offer.part)

    @classmethod
    def read(cls, sku: str, part: Mapping[str, Any]) -> "Container":
        """Read a container from its part of an offer; its schema has checked it."""
        drops = tuple(map(_drop, part["drops"]))
        weights = tuple(int(one["weight"]) for one in part["drops"])
        table = Table(weights, tuple(one.key for one in drops), part.get("draws", 1), part.get("max_repeats"))
        return cls(sku, drops, tuple(map(_drop, part.get("guaranteed", ()))), table)

    def odds(self) -> dict[str, Any]:
        """Return the odds as they are published: exact chances, and percentages to six decimals."""
        whole = sum(self.table.weights)
        return {
            "draws": self.table.draws,
            "max_repeats": self.table.max_repeats,
            "drops": [
                {**_drop_json(drop), "weight": weight, "chance": str(Fraction(weight, whole)),
                 "percent": percent(weight, whole)}
                for drop, weight in zip(self.drops, self.table.weights, strict=True)
            ],
            "guaranteed": [_drop_json(drop) for drop in self.guaranteed],
        }  # fmt: skip


def _drop(told: Mapping[str, Any]) -> Drop:
    return Drop(dict(told["gives"]), dict(told.get("instead", {})))


def _drop_json(drop: Drop) -> dict[str, Any]:
    return {"gives": dict(drop.gives), "instead": dict(drop.instead) or None}


def percent(weight: int, whole: int) -> str:
    """Return ``weight / whole`` in percent with at most six decimals, a half up: ``12.5``."""
    scale = 10**DECIMALS
    millionths = (2 * 100 * scale * weight + whole) // (2 * whole)
    text = f"{millionths // scale}.{millionths % scale:0{DECIMALS}d}"
    return text.rstrip("0").rstrip(".")


class GaveItem(msgspec.Struct, frozen=True):
    """Items that an opening gave, on their terms."""

    quantity: int
    span: int = 0
    rights: tuple[str, ...] = ()
    is_unique: bool = False

    @property
    def terms(self) -> ItemTerms:
        return ItemTerms(self.span, self.rights, self.is_unique)


class Gave(msgspec.Struct, frozen=True):
    """What an opening gave: ``items`` by SKU, ``credits`` asset -> amount, ``rights`` key -> value.

    ``withheld`` is what its owner could have no more of, sku -> quantity.
    """

    items: dict[str, GaveItem] = {}
    credits: dict[str, int] = {}
    rights: dict[str, bool | int | str] = {}
    withheld: dict[str, int] = {}


def gave_of(row: Row) -> Gave:
    """Return what an opening's row says that it gave."""
    return msgspec.json.decode(row["gave"], type=Gave)


def became_of(row: Row) -> Became:
    """Return what an opened container turned into, from its opening's row."""
    gave = gave_of(row)
    items = {sku: one.quantity for sku, one in gave.items.items()}
    terms = {sku: one.terms for sku, one in gave.items.items()}
    return Became(row["id"], items, terms, row["entry_id"], gave.rights)
