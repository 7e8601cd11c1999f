"""What of an offer fits: how many more can be owned, before anything is priced or a checkout opens.

The commit alone decides what may be owned. Here buyers are told early, and where an offer leaves out what does not fit
(``on_full: clip``), only what fits is priced: nobody pays for what they cannot be given.
"""

from dataclasses import replace

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import AlreadyOwned, LimitReached
from storefront.core.commit.projection import is_past
from storefront.core.config.model import Offer
from storefront.core.kinds import Bundles, Clips, Line, Owned
from storefront.core.quotes import Quote
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import items
from storefront.core.unpacking import component_lines, unpack

_ITEM = Query(
    select(items.c.quantity, items.c.expires_at).where(
        items.c.customer_id == bindparam("customer_id"), items.c.sku == bindparam("sku")
    )
)


async def what_fits(services: Services, customer_id: str, sku: str, quantity: int) -> int:
    """Return how many of what is wanted can be had: fewer where the kind leaves out what does not fit.

    Raises:
        LimitReached: nothing fits.
    """
    offer = services.catalogs.active.offers.get(sku)
    most = None if offer is None else _clips_at(services, offer)
    if most is None:
        return quantity
    owned = await _owned(services, customer_id, sku)
    if owned >= most:
        raise LimitReached(f"There is no room for more {sku}.", sku=sku, owned=owned, at_most=most)
    return min(quantity, most - owned)


def is_clipped(services: Services, offer: Offer) -> bool:
    """Tell whether of an offer that is refused because it does not fit, less may be sold."""
    return _clips_at(services, offer) is not None


def _clips_at(services: Services, offer: Offer) -> int | None:
    clips = services.kind_as(offer.kind, Clips)
    return None if clips is None else clips.clips_at(offer)


async def refuse_owned(services: Services, customer_id: str, line: Line) -> None:
    """Refuse early what is owned already, or a bundle with such a thing in it; the error names it."""
    for part in unpack(services.catalogs.active, services.kinds, line):
        kind = services.kind_as(part.offer.kind, Owned)
        most = None if kind is None else kind.most_owned(part.offer)
        if most is None:
            continue
        owned = await _owned(services, customer_id, part.offer.sku)
        if owned + part.quantity > most:
            raise AlreadyOwned(sku=part.offer.sku, owned=owned, at_most=most)


async def _owned(services: Services, customer_id: str, sku: str) -> int:
    row = await services.reader.first(_ITEM, customer_id=customer_id, sku=sku)
    return 0 if row is None or is_past(row, services.clock.now()) else int(row["quantity"])


def with_components(services: Services, quote: Quote, country: str | None) -> Quote:
    """Add the lines of a bundle's contents, with what each of them costs of it by the prices of the buyer's country.

    Other quotes stay as they are.
    """
    if services.kind_as(quote.offer.kind, Bundles) is None:
        return quote
    taxes = [(one.amount.amount_minor, one.is_included) for one in quote.taxes]
    found = component_lines(
        services.catalogs.active,
        services.kinds,
        Line(quote.offer, quote.quantity, quote.total),
        country=country,
        listed=quote.unit_price.times(quote.quantity),
        tax=sum(amount for amount, _ in taxes),
        on_top=sum(amount for amount, is_included in taxes if not is_included),
    )
    return replace(quote, components=tuple(found))
