"""For E4: what an offer may have cost, worked out again from the stored version: countries, sales, choices, amounts.

Where a buyer was stands nowhere, so any country's price holds. A price was quoted a moment before its purchase was
written, so one of a window that closed, or was not open yet, just before holds as well.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from storefront.core.audit.catalog_documents import StoredOffer, StoredPrice, StoredSale
from storefront.core.clock import to_datetime

_DECIDING = timedelta(minutes=10)
"""How long a purchase may take from its quote until it is written."""


class _Details(msgspec.Struct):
    amount: int | None = None


def is_plain(offer: StoredOffer) -> bool:
    """Tell whether an offer has one price per asset, whoever buys it when."""
    return not (offer.listed or offer.sales or offer.exact is not None)


def has_price(offer: StoredOffer, currency: str) -> bool:
    """Tell whether an offer is sold for an asset at all."""
    return currency in offer.prices or any(price.currency == currency for price in offer.listed)


def price_that_holds(offer: StoredOffer, currency: str, details: str, *, told: int, made_at: int) -> int:
    """Return a unit's price as the catalog says it: ``told``, the receipt's own, if it may be that, else the first.

    ``details`` are the purchase's (JSON), ``made_at`` when it was made (business ms).
    """
    moment = to_datetime(made_at)
    allowed = [amount for price in _prices(offer, currency) for amount in _amounts(offer, price, moment, told)]
    exact = _exact_amount(offer, details)
    size = next(iter(offer.part.contents.values()), 0) if isinstance(offer.part.contents, dict) else 0
    if exact is not None and size:
        allowed = [-(-amount * exact // size) for amount in allowed]
    return told if told in allowed else allowed[0]


def _exact_amount(offer: StoredOffer, details: str) -> int | None:
    return None if offer.exact is None else msgspec.json.decode(details, type=_Details).amount


def _prices(offer: StoredOffer, currency: str) -> list[StoredPrice]:
    listed = [price for price in offer.listed if price.currency == currency]
    return listed or [StoredPrice(currency, offer.prices[currency])]


def _amounts(offer: StoredOffer, price: StoredPrice, moment: datetime, told: int) -> Iterator[int]:
    if price.choice is not None:
        yield told if price.choice.min <= told <= price.choice.max else price.amount
        return
    edges = [edge for sale in offer.sales for edge in (sale.from_, sale.until) if edge is not None]
    before = [edge - timedelta(milliseconds=1) for edge in edges if moment - _DECIDING < edge <= moment]
    for when in (moment, *before):
        on = [sale for sale in offer.sales if _is_on(sale, when)]
        yield min((price.amount, *(_in_sale(sale, price) for sale in on)))


def _is_on(sale: StoredSale, when: datetime) -> bool:
    return (sale.from_ is None or when >= sale.from_) and (sale.until is None or when < sale.until)


def _in_sale(sale: StoredSale, price: StoredPrice) -> int:
    if sale.percent is None:
        return sale.prices.get(price.currency, price.amount)
    return max(1, price.amount - -(-price.amount * sale.percent // 100)) if price.amount else 0
