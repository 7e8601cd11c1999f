"""Prices that contradict each other, or that nobody could charge; beside ``semantics.py``, and as defensive as it."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

from storefront.core.config.currencies import nearest_chargeable, real_currencies, show_amount, stripe_refuses
from storefront.core.config.forms import read_instant
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import Path
from storefront.core.config.model_prices import PriceList
from storefront.core.config.price_lists import convert
from storefront.core.config.schema_prices import ENDING_PATTERN, RATE_PATTERN

Section = Mapping[str, object]


def real_prices_of(offer: Section) -> Iterator[tuple[Path, str, int]]:
    """Yield (path inside the offer, currency, amount) of what it costs in real money; 0, which is free, is left out."""
    prices = offer.get("prices")
    if isinstance(prices, dict):
        for currency, amount in prices.items():
            if _is_real(currency) and _is_amount(amount):
                yield ("prices", currency), currency, amount
    for index, one in enumerate(_list(prices)):
        price, currency = _mapping(one), _mapping(one).get("currency")
        if not isinstance(currency, str) or not _is_real(currency):
            continue
        if _is_amount(price.get("amount")):
            yield ("prices", index, "amount"), currency, _whole(price["amount"])
        for key, amount in _mapping(price.get("pay_what_you_want")).items():
            if _is_amount(amount):
                yield ("prices", index, "pay_what_you_want", key), currency, _whole(amount)


def price_complaints(
    offers: Mapping[str, Section], price_lists: Section, minimums: Mapping[str, int]
) -> Iterator[Complaint]:
    """Everything about prices, sales, exact top-ups and price lists that a schema cannot say."""
    for sku, offer in offers.items():
        path: Path = ("offers", sku)
        yield from _alternatives(path, offer)
        yield from _sales(path, offer, minimums)
        yield from _exact(path, offer, offers)
    yield from _lists(offers, price_lists, minimums)


def _alternatives(path: Path, offer: Section) -> Iterator[Complaint]:
    seen: dict[tuple[str, str | None], int] = {}
    entries = [_mapping(one) for one in _list(offer.get("prices"))]
    for index, price in enumerate(entries):
        place: Path = (*path, "prices", index)
        if ("amount" in price) == ("pay_what_you_want" in price):
            yield Complaint(place, "must have either an `amount` or `pay_what_you_want`")
        yield from _choice(place, _mapping(price.get("pay_what_you_want")))
        for key in _meant(price):
            currency, country = key
            where = "for everybody else" if country is None else f"for {country}"
            if key in seen:
                yield Complaint(place, f"says again what [{seen[key]}] says: one price in {currency} {where}")
                break
            seen[key] = index
    if entries and all("countries" in price for price in entries):
        message = "needs one price without `countries`, for buyers everywhere else"
        yield Complaint((*path, "prices"), message, example=[{"amount": 499, "currency": "USD"}])


def _meant(price: Section) -> list[tuple[str, str | None]]:
    """Return (currency, country) of each market that a price is for; no country stands for all others."""
    currency, countries = price.get("currency"), _list(price.get("countries", [None]))
    if not isinstance(currency, str):
        return []
    return [(currency, country) for country in countries if country is None or isinstance(country, str)]


def _choice(path: Path, terms: Section) -> Iterator[Complaint]:
    least, suggested, most = (terms.get(key) for key in ("min", "suggested", "max"))
    place: Path = (*path, "pay_what_you_want", "suggested")
    if isinstance(least, int) and isinstance(suggested, int) and isinstance(most, int):
        if least > most:
            yield Complaint((*path, "pay_what_you_want", "max"), f"must be at least the minimum, {least}")
        elif not least <= suggested <= most:
            yield Complaint(place, "must lie between `min` and `max`")


def _sales(path: Path, offer: Section, minimums: Mapping[str, int]) -> Iterator[Complaint]:
    costs = dict(_amounts(offer))
    for index, one in enumerate(_list(offer.get("sales"))):
        sale, place = _mapping(one), (*path, "sales", index)
        if ("percent" in sale) == ("prices" in sale):
            yield Complaint(place, "must have either `percent` or `prices`")
        if _is_backwards(sale):
            yield Complaint((*place, "until"), "must be later than `from`")
        for currency, amount in _mapping(sale.get("prices")).items():
            listed = costs.get(currency)
            if listed is None and costs:
                yield Complaint((*place, "prices", currency), f"{currency} is none of this offer's prices", at_key=True)
            elif listed is not None and isinstance(amount, int) and amount >= listed:
                yield Complaint((*place, "prices", currency), f"must be less than the price, {listed}")
            elif _is_amount(amount) and (refusal := _refuses(currency, _whole(amount), minimums)):
                yield Complaint((*place, "prices", currency), refusal)
        percent = sale.get("percent")
        if isinstance(percent, int):
            yield from _percent((*place, "percent"), percent, offer, minimums)


def _percent(path: Path, percent: int, offer: Section, minimums: Mapping[str, int]) -> Iterator[Complaint]:
    for where, currency, amount in real_prices_of(offer):
        if "pay_what_you_want" in where:
            continue
        left = amount * (100 - percent) // 100
        if refusal := stripe_refuses(currency, left, minimums):
            message = f"makes {show_amount(amount, currency)} {show_amount(left, currency)}, which {refusal}"
            yield Complaint(path, message)
            return


def _is_backwards(sale: Section) -> bool:
    try:
        return read_instant(str(sale.get("from"))) >= read_instant(str(sale.get("until")))
    except (ValueError, OverflowError):
        return False


def _exact(path: Path, offer: Section, offers: Mapping[str, Section]) -> Iterator[Complaint]:
    terms = offer.get("exact")
    if terms is None:
        return
    size = _pack(offer)
    if size is None or "bonus" in offer:
        message = "is for packs with one virtual currency in `contents`, and without `bonus`"
        yield Complaint((*path, "exact"), message, at_key=True, meant=path)
        return
    if any("pay_what_you_want" in _mapping(one) for one in _list(offer.get("prices"))):
        yield Complaint((*path, "exact"), "has a price per unit; a price that the buyer chooses has none", at_key=True)
    least, most = _mapping(terms).get("min", 1), _mapping(terms).get("max", 1_000_000)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Complaint((*path, "exact", "max"), f"must be at least the minimum, {least}")
    if _mapping(terms).get("better_rate") is not True:
        yield from _too_cheap(path, offer, offers, size)


def _too_cheap(path: Path, offer: Section, offers: Mapping[str, Section], size: tuple[str, int]) -> Iterator[Complaint]:
    asset, contents = size
    packs = [(pack[1], sku, one) for sku, one in offers.items() if (pack := _pack(one)) and pack[0] == asset]
    fewest, smallest, other = min(packs, key=lambda pack: pack[0], default=(contents, "", offer))
    costs = dict(_amounts(other))
    for currency, amount in _amounts(offer):
        if currency in costs and Fraction(amount, contents) < Fraction(costs[currency], fewest):
            message = (
                f"sells any amount for less per unit than the smallest pack, {smallest}, does in {currency}; "
                "put it there, or allow it with `better_rate: true`"
            )
            yield Complaint((*path, "exact"), message, at_key=True)
            return


def _lists(offers: Mapping[str, Section], price_lists: Section, minimums: Mapping[str, int]) -> Iterator[Complaint]:
    seen: dict[str, str] = {}
    for name, one in price_lists.items():
        section = _mapping(one)
        path: Path = ("price_lists", name)
        for index, country in enumerate(_list(section.get("countries"))):
            if not isinstance(country, str):
                continue
            if country in seen and seen[country] != name:
                yield Complaint((*path, "countries", index), f"is in the price list {seen[country]} already")
            seen.setdefault(country, name)
        if (made := _list_of(name, section)) is None:
            continue
        for sku, offer in offers.items():
            amount = dict(_amounts(offer)).get(made.from_)
            price = None if amount is None else convert(amount, made)
            if price is not None and (refusal := stripe_refuses(made.currency, price, minimums)):
                near = show_amount(nearest_chargeable(made.currency, price, minimums), made.currency)
                message = (
                    f"makes {show_amount(price, made.currency)} of {sku}, which {refusal}; "
                    f"give {sku} a price of its own for {', '.join(made.countries)}, such as {near}"
                )
                yield Complaint((*path, "rate"), message)
                break


def _list_of(name: str, section: Section) -> PriceList | None:
    """Return a price list that is whole, else None: what is wrong with it is complained of elsewhere."""
    source, currency, rate, ending = (section.get(key) for key in ("from", "currency", "rate", "ending"))
    if not (isinstance(source, str) and isinstance(currency, str) and isinstance(rate, str)):
        return None
    if not isinstance(ending, str | None) or not re.fullmatch(ENDING_PATTERN, "0" if ending is None else ending):
        return None
    if not re.fullmatch(RATE_PATTERN, rate) or not _is_real(source) or not _is_real(currency):
        return None
    return PriceList(name, _texts(section.get("countries")), source, currency, rate, ending)


def _amounts(offer: Section) -> Iterator[tuple[str, int]]:
    """Yield (asset, amount) of the general prices that are fixed."""
    prices = offer.get("prices")
    pairs = list(prices.items()) if isinstance(prices, dict) else []
    for one in map(_mapping, _list(prices)):
        if "countries" not in one:
            pairs.append((one.get("currency"), one.get("amount")))
    for currency, amount in pairs:
        if isinstance(currency, str) and _is_amount(amount):
            yield currency, _whole(amount)


def _pack(offer: Section) -> tuple[str, int] | None:
    contents = _mapping(offer.get("contents"))
    if len(contents) != 1:
        return None
    ((asset, amount),) = contents.items()
    return (asset, _whole(amount)) if _is_amount(amount) else None


def _refuses(currency: str, amount: int, minimums: Mapping[str, int]) -> str | None:
    return stripe_refuses(currency, amount, minimums) if _is_real(currency) else None


def _is_real(currency: str) -> bool:
    return currency in real_currencies()


def _is_amount(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _mapping(value: object) -> Section:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in _list(value) if isinstance(one, str))
