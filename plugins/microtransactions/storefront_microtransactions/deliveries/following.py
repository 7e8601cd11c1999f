"""From where the shop's events matter to deliveries: nothing is read for a shop that sells without them."""

from sqlalchemy import bindparam, select

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import SHOP_ANCHOR
from storefront.core.events import Cursor
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import events
from storefront_microtransactions.deliveries.config import has_deliveries

_ACTIVATIONS = Query(
    select(events.c.subject, events.c.commit_no)
    .where(events.c.anchor == SHOP_ANCHOR, events.c.type == bindparam("type"))
    .order_by(events.c.sequence)
)


class Beginning:
    """Finds the first catalog that had deliveries; before its activation there was nothing to deliver."""

    def __init__(self) -> None:
        self._looked_at: str | None = None

    async def find(self, services: Services) -> Cursor | None:
        """Return the cursor behind which events matter; None as long as no offer had deliveries."""
        active = services.catalogs.active.version
        if active == self._looked_at:
            return None
        for row in await services.reader.all(_ACTIVATIONS, type="catalog.activated"):
            if _delivers(await services.catalogs.version(row["subject"])):
                return (row["commit_no"], "", 0)
        self._looked_at = active
        return None


def _delivers(catalog: Catalog) -> bool:
    return any(has_deliveries(offer) for offer in catalog.offers.values())
