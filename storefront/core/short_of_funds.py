"""What a buyer who is short is told: the packs that would help, and whether an automatic top-up is under way."""

from storefront.core.commit.outcome import InsufficientFunds
from storefront.core.kinds import Credits
from storefront.core.services import Services
from storefront.core.topping_up import top_up_state


async def with_top_ups(services: Services, short: InsufficientFunds, customer_id: str) -> InsufficientFunds:
    """Tell a buyer who is short what would help: the packs that are enough, the smallest first; else the largest."""
    asset, short_by = short.facts["asset"], short.facts["short_by"]
    catalog, found = services.catalogs.active, []
    for offer in catalog.offers.values():
        fills = services.kind_as(offer.kind, Credits)
        given = 0 if fills is None else fills.credits(offer).get(asset, 0)
        if given and not offer.hidden:
            prices = [{"amount": amount, "currency": code} for code, amount in offer.prices.items()]
            found.append((given < short_by, given, {"sku": offer.sku, "amount": given, "prices": prices}))
    found.sort(key=lambda one: (one[0], one[1] if not one[0] else -one[1]))
    enough = [one for one in found if not one[0]] or found
    detail = f"{short_by} {asset} are missing: {short.facts['required']} wanted, {short.facts['available']} there."
    offers, under_way = [offer for _, _, offer in enough], await top_up_state(services, customer_id, asset)
    told = {} if under_way is None else {"auto_top_up": {"state": under_way}}
    return InsufficientFunds(detail, **short.facts, top_up_offers=offers, **told)
