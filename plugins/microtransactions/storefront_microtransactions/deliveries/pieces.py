"""Of which offers a happening is: of what was sold, of what a bundle holds, of what came out of a container.

What is in a bundle, nested too, reaches the game as if it had been bought on its own; what of it is taken back stands,
unit by unit, in the lines of the reversal. The bundles in a bundle go by whole ones of what was bought.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import bindparam, select

from storefront.core.bundle_refunds import components_of
from storefront.core.catalog import Catalog
from storefront.core.config import Offer
from storefront.core.kinds import Bundles, OfferKind, kind_as
from storefront.core.reading import Query, Row
from storefront.core.refunds import TakenBack
from storefront.core.services import Services
from storefront_microtransactions.containers import gave_of
from storefront_microtransactions.deliveries.config import delivers_contents
from storefront_microtransactions.tables import openings

Kinds = Mapping[str, OfferKind]
OPENING = Query(select(openings).where(openings.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class Piece:
    """One offer that a happening is about, as a version of the catalog had it, and how many of it.

    ``source`` is what gave it: ``pur_…``, ``grant_…``, ``open_…``; None of what is used up. ``is_whole``: it is all
    that its source gave of it. ``given``: ``metadata.…`` and ``details.…`` of the purchase.
    """

    offer: Offer
    catalog_version: str
    quantity: int
    source: str | None = None
    is_whole: bool = True
    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        sku: str,
        quantity: int,
        source: str | None = None,
        *,
        is_whole: bool = True,
        given: Mapping[str, str] | None = None,
    ) -> "Piece":
        return cls(catalog.offer(sku), catalog.version, quantity, source, is_whole, given or {})


def sold_pieces(kinds: Kinds, catalog: Catalog, purchase: Row) -> Sequence[Piece]:
    """Return what a purchase gives: the offer itself, then all that is in it, each SKU once."""
    sku, quantity, given = purchase["sku"], purchase["quantity"], given_with(purchase)
    inside = _delivered_within(kinds, catalog, sku, quantity)
    return [
        Piece.of(catalog, one, units, purchase["id"], given=given) for one, units in [(sku, quantity), *inside.items()]
    ]


def granted_pieces(kinds: Kinds, catalog: Catalog, grant: Row) -> Sequence[Piece]:
    """Return what a server's grant of an offer gives, like a purchase of it."""
    sku, quantity = grant["sku"], grant["quantity"]
    inside = _delivered_within(kinds, catalog, sku, quantity)
    return [Piece.of(catalog, one, units, grant["id"]) for one, units in [(sku, quantity), *inside.items()]]


def taken_pieces(kinds: Kinds, catalog: Catalog, purchase: Row, taken: TakenBack) -> Sequence[Piece]:
    """Return what a reversal takes of what a purchase gave; of a bundle, the units that its lines name."""
    sku, is_whole = purchase["sku"], taken.quantity == purchase["quantity"]
    found = [(sku, taken.quantity, is_whole)]
    components, lines = components_of(purchase), {line.sku: line.quantity for line in taken.lines}
    for one, count in _delivered_within(kinds, catalog, sku, 1).items():
        if one in components:
            units = lines.get(one, 0)
            found.append((one, units, units == components[one].quantity))
        else:
            found.append((one, count * taken.quantity, is_whole))
    given = given_with(purchase)
    return [
        Piece.of(catalog, one, units, purchase["id"], is_whole=is_all, given=given)
        for one, units, is_all in found
        if units
    ]


async def drawn_pieces(services: Services, opening_ids: Iterable[str]) -> Sequence[Piece]:
    """Return what openings gave, by the words of the catalog whose odds they were drawn by."""
    found: list[Piece] = []
    for opening_id in opening_ids:
        row = await services.reader.first(OPENING, id=opening_id)
        if row is None:
            continue  # items of another plugin's kind became something: which, that plugin alone knows
        catalog = await services.catalogs.version(row["odds_version"])
        if delivers_contents(catalog.offer(row["sku"])):
            gave = gave_of(row).items
            found += [Piece.of(catalog, sku, one.quantity, opening_id) for sku, one in gave.items()]
    return found


def within(kinds: Kinds, catalog: Catalog, sku: str, quantity: int) -> Mapping[str, int]:
    """Return ``sku -> units`` of all that so many of a bundle hold, the bundles in it too; empty of anything else."""
    found: Counter[str] = Counter()
    offer = catalog.offer(sku)
    kind = kind_as(kinds.get(offer.kind), Bundles)
    for content in () if kind is None else kind.contents(offer):
        units = quantity * content.quantity
        found[content.sku] += units
        found.update(within(kinds, catalog, content.sku, units))
    return found


def given_with(purchase: Row) -> Mapping[str, str]:
    """Return what templates may name of a purchase: ``metadata.NAME`` and ``details.NAME`` -> text."""
    return {
        f"{prefix}.{key}": value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for prefix in ("metadata", "details")
        for key, value in msgspec.json.decode(purchase[prefix]).items()
    }


def _delivered_within(kinds: Kinds, catalog: Catalog, sku: str, quantity: int) -> Mapping[str, int]:
    return within(kinds, catalog, sku, quantity) if delivers_contents(catalog.offer(sku)) else {}
