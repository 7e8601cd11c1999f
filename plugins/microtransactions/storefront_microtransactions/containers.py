"""Containers: what the YAML says of one, its odds as they are published, and the kind of offer.

The odds that clients see and the table that is drawn from are made from the same lines of the catalog.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.commit.plan import ItemTerms
from storefront.core.config.model import Offer
from storefront.core.kinds import Became, Fulfilment, JsonSchema, Line, Reversal
from storefront.core.reading import PointReader, Query, Row
from storefront_microtransactions.config import CONTAINER
from storefront_microtransactions.drawing import Table
from storefront_microtransactions.tables import openings

KIND = "container"
DECIMALS = 6
_OPENING = Query(select(openings).where(openings.c.id == bindparam("id")))
_OPENED = Query(
    select(openings)
    .where(
        openings.c.customer_id == bindparam("customer_id"),
        openings.c.sku == bindparam("sku"),
        openings.c.opened_at >= bindparam("since"),
    )
    .order_by(openings.c.number.desc())
)


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


@dataclass(frozen=True, slots=True)
class ContainerKind:
    """A container: bought, it lies in the inventory until it is opened."""

    name: str = KIND

    @property
    def schema(self) -> JsonSchema:
        return CONTAINER

    def describe(self, offer: Offer) -> Mapping[str, Any]:
        return {
            "contents": [{"sku": offer.sku, "quantity": 1}],
            "odds": Container.of(offer).odds(),
            "art": offer.part.get("art"),
        }

    def check(self, line: Line) -> None:
        """Any number of containers may be bought."""

    def fulfil(self, line: Line, goods: Fulfilment) -> None:
        goods.give_item(line.offer.sku, line.quantity)

    def reverse(self, line: Line, goods: Reversal) -> None:
        goods.take_item(line.offer.sku, line.quantity)

    async def became(
        self, reader: PointReader, customer_id: str, sku: str, most: int, *, since: int, besides: frozenset[str]
    ) -> Sequence[Became]:
        rows = await reader.all(_OPENED, customer_id=customer_id, sku=sku, since=since)
        return [_became(row) for row in rows if row["id"] not in besides][:most]

    async def find_became(self, reader: PointReader, name: str) -> Became | None:
        row = await reader.first(_OPENING, id=name)
        return None if row is None else _became(row)


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


def _became(row: Row) -> Became:
    gave = gave_of(row)
    items = {sku: one.quantity for sku, one in gave.items.items()}
    terms = {sku: one.terms for sku, one in gave.items.items()}
    return Became(row["id"], items, terms, row["entry_id"], gave.rights)
