"""Exact top-ups: as much of a virtual currency as a buyer asks for, at a pack's own price per unit.

How much was bought stands in the purchase's details (``amount``), so that whoever gives or takes back the goods
reads it from the purchase. Prices are rounded up to the smallest unit of the currency.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storefront.core.catalog import Catalog, is_on_sale, text_in
from storefront.core.config.model import Offer
from storefront.core.errors import FieldError, Invalid
from storefront.core.kinds import GivesExactly
from storefront.core.money import MAX_AMOUNT, Money
from storefront.core.prices import PackRate, asked_prices
from storefront.core.quotes import Quote, refuse_out_of_range
from storefront.core.services import Services

AMOUNT = "amount"


def of_exact_amount(services: Services, quote: Quote, amount: int) -> Quote:
    """Return the quote of an offer's pack as one for exactly ``amount`` of its currency.

    Raises:
        AmountOutOfRange: less or more than the offer's terms allow.
        Invalid: several of them, or a kind that has no currency to sell.
    """
    offer = quote.offer
    size = exact_size(services, offer)
    if size is None or offer.exact is None:
        raise Invalid(f"{offer.sku} is sold as a whole.", errors=[FieldError("/amount", "must be absent")])
    if quote.quantity != 1:
        raise Invalid("An exact amount is bought once.", errors=[FieldError("/quantity", "must be 1 with an amount")])
    asset, units = size
    refuse_out_of_range(amount, offer.exact.min, offer.exact.max, asset)
    price = PackRate(asset, units, quote.unit_price).price_of(amount)
    listed = quote.list_price and PackRate(asset, units, quote.list_price).price_of(amount)
    title = exact_title(services.catalogs.active, asset, amount)
    return replace(quote, unit_price=price, total=price, list_price=listed, title=title, exact=amount)


def exact_details(quote: Quote, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return a purchase's details, with the exact amount where one is bought."""
    return dict(details) if quote.exact is None else {**details, AMOUNT: quote.exact}


def exact_size(services: Services, offer: Offer) -> tuple[str, int] | None:
    """Return which asset an offer sells in exact amounts, and how much of it its price buys; None if it does not."""
    fills = None if offer.exact is None else services.kind_as(offer.kind, GivesExactly)
    contents = {} if fills is None or not fills.heeds_exact_amount else fills.credits(offer)
    return next(iter(contents.items())) if len(contents) == 1 else None


def exact_title(catalog: Catalog, asset: str, amount: int) -> str:
    """Name what is bought: ``37 Gems``."""
    virtual = catalog.assets[asset]
    name = text_in(virtual.title, None, catalog.default_language) or asset
    whole, part = divmod(amount, 10**virtual.exponent)
    return f"{whole}.{part:0{virtual.exponent}d} {name}" if virtual.exponent else f"{amount} {name}"


def suggest_exact(
    services: Services, asset: str, short_by: int, country: str | None, now: int
) -> dict[str, Any] | None:
    """Return ``{sku, amount, price}`` that fills up what is missing with as little more as can be; None if none does.

    Where that costs less than a gateway can charge, more is offered: as much as its smallest charge buys.
    """
    catalog, found = services.catalogs.active, list[tuple[int, dict[str, Any]]]()
    for offer in catalog.offers.values():
        size = exact_size(services, offer)
        if size is None or size[0] != asset or offer.hidden or not is_on_sale(offer, now):
            continue
        assert offer.exact is not None, "it has a size"
        for one in asked_prices(catalog, offer, country, now).values():
            rate = PackRate(asset, size[1], Money(one.amount, one.currency))
            amount = (
                None if catalog.is_virtual(one.currency) else _least(services, rate, max(short_by, offer.exact.min))
            )
            if amount is not None and amount <= offer.exact.max:
                shown = {"sku": offer.sku, AMOUNT: amount, "price": rate.price_of(amount).to_json()}
                found.append((amount, shown))
                break
    return min(found, key=lambda one: one[0])[1] if found else None


def _least(services: Services, rate: PackRate, amount: int) -> int | None:
    """Return the least amount from ``amount`` on whose price the gateway can charge; None if there is none."""
    if services.default_gateway is None:
        return None
    charges = services.gateway(services.default_gateway).can_charge
    low, high, most = amount, amount, MAX_AMOUNT // max(1, rate.price.amount_minor)
    while charges(rate.price_of(high)) is not None:
        low, high = high + 1, high * 2
        if high > most:
            return None
    while low < high:
        middle = (low + high) // 2
        if charges(rate.price_of(middle)) is None:
            high = middle
        else:
            low = middle + 1
    return high
