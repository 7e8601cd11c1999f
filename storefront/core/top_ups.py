"""Where a buyer is, and what would help them when they are short: packs that are enough, or just what is missing."""

from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.exact_top_ups import suggest_exact
from storefront.core.kinds import Credits
from storefront.core.money import Money
from storefront.core.prices import asked_prices, pack_rates, price_json
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


def with_top_ups(services: Services, short: InsufficientFunds, country: str | None) -> InsufficientFunds:
    """Tell a buyer who is short what would help: the packs that are enough, the smallest first; else the largest."""
    asset, short_by = short.facts["asset"], short.facts["short_by"]
    catalog, now, found = services.catalogs.active, services.clock.now(), []
    for offer in catalog.offers.values():
        fills = services.kind_as(offer.kind, Credits)
        given = 0 if fills is None else fills.credits(offer).get(asset, 0)
        if given and not offer.hidden:
            prices = [price_json(catalog, one) for one in asked_prices(catalog, offer, country, now).values()]
            found.append((given < short_by, given, {"sku": offer.sku, "amount": given, "prices": prices}))
    found.sort(key=lambda one: (one[0], one[1] if not one[0] else -one[1]))
    enough = [one for one in found if not one[0]] or found
    detail = f"{short_by} {asset} are missing: {short.facts['required']} wanted, {short.facts['available']} there."
    exact = suggest_exact(services, asset, short_by, country, now)
    facts = {**short.facts, "top_up_offers": [offer for _, _, offer in enough]}
    return InsufficientFunds(detail, **facts, **({} if exact is None else {"exact_top_up": exact}))
