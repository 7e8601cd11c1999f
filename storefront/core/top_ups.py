"""Where a buyer is, and about what virtual prices are worth there."""

from storefront.core.money import Money
from storefront.core.prices import pack_rates
from storefront.core.services import Services


async def country_of(services: Services, customer_id: str, named: str | None) -> str | None:
    """Return where a buyer is: as the session says (``named``), else as their first session said."""
    return named or await services.customers.country(customer_id)


def real_price_of(services: Services, total: Money, country: str | None) -> Money | None:
    """Return about what a virtual total is in real money, by the smallest pack; None of real ones, or without packs."""
    catalog = services.catalogs.active
    if not catalog.is_virtual(total.currency):
        return None
    rate = pack_rates(catalog, services.kinds, country, services.clock.now()).get(total.currency)
    return None if rate is None else rate.price_of(total.amount_minor)
