"""Adjusts a list price by plugins and by promo codes; without codes nothing is read."""

from collections.abc import Sequence

from storefront.core.promos.finding import Use, usable_codes
from storefront.core.quotes import Adjustment, Quote, adjust, code_adjustments, with_codes
from storefront.core.services import Services


async def adjusted(
    services: Services,
    quote: Quote,
    adjustments: Sequence[Sequence[Adjustment]],
    typed: Sequence[str],
    *,
    customer_id: str,
    country: str | None,
) -> Quote:
    """Return the quote with the plugins' ``adjustments`` and the promo codes that were typed in.

    Raises:
        PromoCodeInvalid: one of the codes cannot be used for this.
    """
    if not typed:
        return adjust(quote, adjustments)
    catalog = services.catalogs.active
    use = Use(customer_id, catalog, services.clock.now(), country)
    codes = await usable_codes(services, typed, use, quote)
    taken_off = code_adjustments(quote, codes, catalog.default_language)
    return with_codes(adjust(quote, [*adjustments, taken_off]), codes)
