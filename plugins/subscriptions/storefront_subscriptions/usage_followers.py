"""Plans that begin while the access of an ended one goes on: what they charge for is theirs from then on."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select

from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_subscriptions.rows import DONE, PAID
from storefront_subscriptions.tables import changes, invoices, subscriptions
from storefront_subscriptions.usage_terms import charges_of

_IS_OTHERS = (
    subscriptions.c.customer_id == bindparam("customer_id"),
    subscriptions.c.family == bindparam("family"),
    subscriptions.c.id != bindparam("id"),
)
FOLLOWERS = (
    select(invoices.c.sku, invoices.c.catalog_version, invoices.c.period_start.label("at"))
    .join(subscriptions, subscriptions.c.id == invoices.c.subscription_id)
    .where(*_IS_OTHERS, invoices.c.state == PAID, invoices.c.period_start >= bindparam("ended_at")),
    select(changes.c.sku, changes.c.catalog_version, changes.c.at)
    .join(subscriptions, subscriptions.c.id == changes.c.subscription_id)
    .where(*_IS_OTHERS, changes.c.state == DONE, changes.c.timing == "now", changes.c.at >= bindparam("ended_at")),
)
"""Tiers of other plans of the family, with when each began (``at``), since a subscription has ended."""
NAMES = ("customer_id", "family", "id", "ended_at")
_FOLLOWERS = tuple(Query(one) for one in FOLLOWERS)


async def followed_at(services: Services, row: Row) -> Mapping[str, int]:
    """Return by meter (its key) from when on (business ms) a newer plan charges for it, or has it free in a trial.

    A plan that charges for nothing follows in nothing: the ended one is had, and charged, beside it.
    """
    if row["ended_at"] is None or row["access_until"] <= row["ended_at"]:
        return {}
    named = {name: row[name] for name in NAMES}
    begun = [one for query in _FOLLOWERS for one in await services.reader.all(query, **named)]
    found = []
    for one in begun:
        catalog = await services.catalogs.version(one["catalog_version"])
        charges = charges_of(catalog.offers.get(one["sku"])).values()
        found += [(catalog.meters[charge.meter].key, int(one["at"])) for charge in charges]
    return earliest(found)


def earliest(begun: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for meter, at in begun:
        found[meter] = min(at, found.get(meter, at))
    return found
