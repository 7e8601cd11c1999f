"""Which prices a buyer is asked: those of their country, with the sale that is on.

The country is the one that the game's server vouches for, never one that a request names: a country's own prices
replace the general ones, so nobody gets another country's by asking for its currency. Where a country has a price
of its own in any real currency, those are all its real ones; of virtual assets each is replaced by itself.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront.core.catalog import Catalog, is_on_sale, text_in
from storefront.core.clock import iso, to_datetime
from storefront.core.config.model import Offer
from storefront.core.config.model_prices import Choice, Price, Sale
from storefront.core.kinds import Credits, OfferKind
from storefront.core.money import Money


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for an offer now in one asset: ``amount``, and without a sale ``list_amount``, minor units."""

    currency: str
    amount: int
    list_amount: int
    sale: Sale | None = None
    choice: Choice | None = None


def asked_prices(catalog: Catalog, offer: Offer, country: str | None, now: int) -> dict[str, Asked]:
    """Return ``asset -> price`` for buyers in ``country`` (None: nobody knows) at business time ``now`` (ms)."""
    if not offer.listed:
        return {code: _asked(offer, Price(code, amount), now) for code, amount in offer.prices.items()}
    own = [price for price in offer.listed if country is not None and country in price.countries]
    has_own_money = any(not catalog.is_virtual(price.currency) for price in own)
    own_assets = {price.currency for price in own}
    general = [
        price
        for price in offer.listed
        if not price.countries
        and price.currency not in own_assets
        and (catalog.is_virtual(price.currency) or not has_own_money)
    ]
    return {price.currency: _asked(offer, price, now) for price in (*own, *general)}


def list_price(catalog: Catalog, offer: Offer, asset: str, country: str | None) -> int | None:
    """Return what an offer costs buyers in ``country`` in one asset without any sale; None if it has no price there."""
    if not offer.listed:
        return offer.prices.get(asset)
    asked = asked_prices(catalog, offer, country, 0).get(asset)  # a list price is the same at any time
    return None if asked is None else asked.list_amount


def _asked(offer: Offer, price: Price, now: int) -> Asked:
    """Apply the best of the sales that are on; what the buyer chooses is never on sale."""
    best, of = price.amount, None
    if offer.sales and price.choice is None:
        for sale in offer.sales:
            amount = sale_amount(sale, price) if is_on(sale, now) else None
            if amount is not None and amount < best:
                best, of = amount, sale
    return Asked(price.currency, best, price.amount, of, price.choice)


def is_on(sale: Sale, now: int) -> bool:
    """Tell whether business time ``now`` (ms) lies in the sale's half-open window."""
    moment = to_datetime(now)
    return (sale.from_ is None or sale.from_ <= moment) and (sale.until is None or moment < sale.until)


def sale_amount(sale: Sale, price: Price) -> int | None:
    """Return what a price is in a sale, percentages rounded down, at least 1; None if the sale does not touch it."""
    if sale.percent is None:
        return sale.prices.get(price.currency)
    return max(1, price.amount * (100 - sale.percent) // 100) if price.amount else 0


def price_json(catalog: Catalog, asked: Asked, language: str | None = None) -> dict[str, Any]:
    """Return a price as clients see it; a sale and a choice show only where there is one."""
    shown: dict[str, Any] = {"amount": asked.amount, "currency": asked.currency}
    if asked.sale is not None:
        until = asked.sale.until
        shown["list_price"] = {"amount": asked.list_amount, "currency": asked.currency}
        shown["sale_until"] = None if until is None else iso(int(until.timestamp() * 1000))
        shown["sale_label"] = text_in(asked.sale.label, language, catalog.default_language)
    if asked.choice is not None:
        choice = asked.choice
        shown["pay_what_you_want"] = {"min": choice.min, "suggested": choice.suggested, "max": choice.max}
    return shown


def last_edge(catalog: Catalog, now: int) -> int:
    """Return when the last window of the catalog opened or closed (ms); 0 if none has."""
    passed = bisect_right(catalog.edges, now)
    return catalog.edges[passed - 1] if passed else 0


def next_edge(catalog: Catalog, now: int) -> int | None:
    """Return when the next window of the catalog opens or closes (ms): until then its prices stay; None for ever."""
    passed = bisect_right(catalog.edges, now)
    return catalog.edges[passed] if passed < len(catalog.edges) else None


@dataclass(frozen=True, slots=True)
class PackRate:
    """What a virtual asset costs in its smallest pack: ``price`` for ``units``, without any sale."""

    asset: str
    units: int
    price: Money

    def price_of(self, units: int) -> Money:
        """Return what so many units are worth, rounded up to the smallest unit: never less than they cost."""
        return Money(-(-self.price.amount_minor * units // self.units), self.price.currency)


def pack_rates(
    catalog: Catalog, kinds: Mapping[str, OfferKind], country: str | None, now: int, *, currency: str | None = None
) -> dict[str, PackRate]:
    """Return ``virtual asset -> rate`` of the smallest pack that a buyer in ``country`` can buy now.

    In ``currency`` where that pack has such a price, else in its first real one.
    """
    found: dict[str, PackRate] = {}
    for offer in catalog.offers.values():
        kind = kinds.get(offer.kind)
        credited: Mapping[str, int] = kind.credits(offer) if isinstance(kind, Credits) else {}
        if len(credited) != 1 or offer.hidden or not is_on_sale(offer, now):
            continue
        ((asset, units),) = credited.items()
        money = [
            one
            for one in asked_prices(catalog, offer, country, now).values()
            if not catalog.is_virtual(one.currency) and one.choice is None
        ]
        if money and (asset not in found or units < found[asset].units):
            one = next((one for one in money if one.currency == currency), money[0])
            found[asset] = PackRate(asset, units, Money(one.list_amount, one.currency))
    return found
