"""What a buyer who is short is told: packs that are enough, just what is missing, and a top-up that is under way."""

from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.exact_top_ups import suggest_exact
from storefront.core.kinds import Credits
from storefront.core.prices import asked_prices, price_json
from storefront.core.services import Services
from storefront.core.topping_up import top_up_state


async def with_top_ups(
    services: Services, short: InsufficientFunds, customer_id: str, country: str | None
) -> InsufficientFunds:
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
    if exact is not None:
        facts["exact_top_up"] = exact
    under_way = await top_up_state(services, customer_id, asset)
    if under_way is not None:
        facts["auto_top_up"] = {"state": under_way}
    return InsufficientFunds(detail, **facts)
