"""What one customer sees and pays: the catalog at the prices of their variants, which never change for them."""

from dataclasses import replace

from storefront.core.catalog import Catalog
from storefront.core.commit.plan import Insert, Plan
from storefront.core.experimenting import is_running, price_variant
from storefront.core.quotes import Quote
from storefront.core.services import Services


async def catalog_for(services: Services, customer_id: str | None, *, sku: str | None = None) -> Catalog:
    """Return the active catalog at the prices of a customer's variants; of one offer only, if ``sku`` says which.

    Strangers see the control. What a variant makes of an offer stands in ``Catalog.variants`` too.
    """
    catalog, now = services.catalogs.active, services.clock.now()
    if not catalog.experiments or customer_id is None:
        return catalog
    wanted = {
        name: one
        for name, one in catalog.experiments.items()
        if sku in (None, one.sku) and one.sku in catalog.offers and is_running(one, now)
    }
    if not wanted:
        return catalog
    found = await services.exposures.variants(customer_id, wanted)
    offers = dict(catalog.offers)
    for name, variant in found.items():
        chosen = wanted[name].variants.get(variant)
        if chosen is not None:
            offers[wanted[name].sku] = price_variant(offers[wanted[name].sku], chosen)
    variants = {wanted[name].sku: (name, variant) for name, variant in found.items()}
    return replace(catalog, offers=offers, variants=variants)


def shows_variants(services: Services, sku: str) -> bool:
    """Tell whether who asks for the price of an offer is shown that of a variant."""
    now = services.clock.now()
    return any(one.sku == sku and is_running(one, now) for one in services.catalogs.active.experiments.values())


def record_variant(plan: Plan, quote: Quote, customer_id: str) -> None:
    """Write, with a purchase, under which variant it was priced; nothing where there is none."""
    if quote.variant is None:
        return
    experiment, variant = quote.variant
    assert plan.object_id is not None, "a purchase has its id before its plan is made"
    row = {"purchase_id": plan.object_id, "experiment": experiment, "variant": variant, "customer_id": customer_id}
    plan.add(Insert("experiment_purchases", (plan.object_id,), customer_id, row))
