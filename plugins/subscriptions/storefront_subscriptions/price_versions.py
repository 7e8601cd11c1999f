"""Which price a running subscription's next period asks: the one it has, or a newer one where the offer says so.

An edit of a price reaches nobody who has subscribed, unless the offer says ``existing``: then a period is asked by the
price that the catalog of its first instant says, however late it is asked. What else was agreed to (rights, credits,
seats) stays as it was.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import SHOP_ANCHOR
from storefront.core.config.model import Offer
from storefront.core.errors import Invalid
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import events
from storefront_subscriptions.config import KIND, Tier, existing_from

ACTIVATED = "catalog.activated"
PRICE_CHANGED = "subscription.price_changed"
_ACTIVE_AT = Query(
    select(events.c.subject)
    .where(
        events.c.anchor == SHOP_ANCHOR,
        events.c.type == ACTIVATED,
        events.c.occurred_at <= bindparam("instant"),
    )
    .order_by(events.c.sequence.desc())
    .limit(1)
)


async def priced_at(services: Services, row: Mapping[str, Any], instant: int) -> dict[str, Any]:
    """Return the ``price`` of a seat and ``priced_by`` of a period that begins at an instant (business ms).

    ``priced_by`` is the catalog version whose price it is, None where that is the one that the tier was agreed by.
    """
    kept = {name: row[name] for name in ("price", "priced_by")}
    found = await services.reader.first(_ACTIVE_AT, instant=instant)
    if found is None:
        return kept
    catalog = await services.catalogs.version(found["subject"])
    price = moved_price(catalog, row, instant)
    return kept if price is None else {"price": price, "priced_by": catalog.version}


def moved_price(catalog: Catalog, row: Mapping[str, Any], instant: int) -> int | None:
    """Return the other price that a catalog asks of a subscription from an instant on; None where its own stays.

    Who pays nothing is never made to pay: that tier was agreed to without a price.
    """
    offer = catalog.offers.get(row["sku"])
    if offer is None or offer.kind != KIND or row["price"] == 0:
        return None
    begins = existing_from(offer)
    if begins is None or instant < begins:
        return None
    price = price_in(offer, row["interval"], row["currency"])
    return None if price == row["price"] else price


def price_in(offer: Offer, interval: str, currency: str) -> int | None:
    """Return what a seat of a tier costs for an interval in a currency; None where it is not sold like that."""
    tier = Tier.of(offer)
    if tier.is_free:
        return 0 if interval in tier.intervals() else None
    try:
        return tier.price(interval, currency)[1]
    except Invalid:
        return None
