"""Working out the prices of a price list: exact decimal rates, and a rounding that has a name.

The exact product is rounded **half up**: to the currency's smallest unit, or to the nearest price with the wanted
last digits. A price never becomes 0.
"""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from storefront.core.config.currencies import real_currencies
from storefront.core.config.model import Offer
from storefront.core.config.model_prices import Choice, Price, PriceList


def with_price_lists(offer: Offer, lists: Iterable[PriceList]) -> Offer:
    """Return the offer with the prices that lists make for countries in which it has none of its own."""
    listed = offer.listed or tuple(Price(code, amount) for code, amount in offer.prices.items())
    own = {country for price in listed if price.currency in real_currencies() for country in price.countries}
    made = []
    for one in lists:
        countries = tuple(country for country in one.countries if country not in own)
        base = next((price for price in listed if price.currency == one.from_ and not price.countries), None)
        if base is not None and countries:
            made.append(_converted(base, one, countries))
    return replace(offer, listed=(*listed, *made)) if made else offer


def _converted(base: Price, one: PriceList, countries: tuple[str, ...]) -> Price:
    amount = convert(base.amount, one) if base.amount else 0
    choice = base.choice and Choice(
        *(convert(part, one) if part else 0 for part in (base.choice.min, base.choice.suggested, base.choice.max))
    )
    return Price(one.currency, amount, countries, choice)


def convert(amount: int, one: PriceList) -> int:
    """Return a price in the list's currency; both amounts in minor units."""
    digits = real_currencies()
    exact = amount * Fraction(one.rate) * Fraction(10) ** (digits[one.currency] - digits[one.from_])
    step, ending = (1, 0) if one.ending is None else (10 ** len(one.ending), int(one.ending))
    rounded = ((exact - ending) / step + Fraction(1, 2)).__floor__() * step + ending
    return rounded if rounded > 0 else ending or step
