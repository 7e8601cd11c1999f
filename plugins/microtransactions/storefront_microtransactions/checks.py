"""What the schemas cannot say of offers: bundles that hold themselves, drops that nobody could be given.

Each check reads the raw document with care, for the schema may have complaints of its own.
"""

from collections.abc import Iterator, Mapping

from storefront.core.config import Complaint
from storefront_microtransactions.drawing import SPACE

Offers = Mapping[str, Mapping[str, object]]
_DROPPED_KINDS = ("item", "container")


def check_offers(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say all that is wrong with the offers of this plugin's kinds."""
    offers = {sku: _mapping(offer) for sku, offer in _mapping(document.get("offers")).items()}
    assets = _mapping(document.get("assets"))
    for sku, offer in offers.items():
        match offer.get("kind"):
            case "item":
                yield from _item(sku, offer)
            case "bundle":
                yield from _bundle(sku, offer, offers)
            case "container":
                yield from _container(sku, offer, offers, assets)


def _item(sku: str, offer: Mapping[str, object]) -> Iterator[Complaint]:
    kind, path = offer.get("type"), ("offers", sku)
    if kind == "timed" and "duration" not in offer:
        yield Complaint((*path, "type"), "needs a `duration`", example={"duration": "30d"})
    if kind in ("durable", "consumable") and "duration" in offer:
        yield Complaint((*path, "duration"), "is for `type: timed`", at_key=True, meant=(*path, "type"))
    if kind == "timed" and "max_count" in offer:
        message = "is for what is counted; a timed item is one thing, whose end moves"
        yield Complaint((*path, "max_count"), message, at_key=True, meant=(*path, "duration"))
    if kind == "timed" and offer.get("unique") is True:
        yield Complaint((*path, "unique"), "is for what is counted; a timed item is one thing, whose end moves")
    if kind == "timed" and offer.get("transferable") is True:
        message = "is for what is counted; a timed item runs out with whom it was given to"
        yield Complaint((*path, "transferable"), message)
    if "on_full" in offer and (kind != "consumable" or "max_count" not in offer):
        message = "says what happens at `max_count` of a consumable"
        yield Complaint((*path, "on_full"), message, at_key=True, meant=(*path, "max_count"))


def _bundle(sku: str, offer: Mapping[str, object], offers: Offers) -> Iterator[Complaint]:
    path = ("offers", sku, "contents")
    seen: dict[str, int] = {}
    worths: dict[str, int] = {}
    for at, content in enumerate(_list(offer.get("contents"))):
        inner = _mapping(content).get("sku")
        if not isinstance(inner, str) or inner not in offers:
            continue
        if inner in seen:
            yield Complaint((*path, at, "sku"), f"is in it already, as [{seen[inner]}]: say how many there")
            continue
        seen[inner] = at
        way = _way_back(offers, inner, sku)
        if way is not None:
            told = " holds ".join([sku, *way])
            yield Complaint((*path, at, "sku"), f"would put the bundle into itself: {told}")
            continue
        for currency, countries in _markets(offer).items():
            worth = _mapping(_mapping(content).get("worth")).get(currency)
            price = _general_price(offers[inner], currency)
            if worth is None and price is None and (lacks := _lacking(offers[inner], currency, countries)):
                message = (
                    f"{inner} {lacks}: say what one of it is worth there, so that a refund of it can be worked out"
                )
                yield Complaint((*path, at), message, example={"sku": inner, "worth": {currency: 100}})
            value = worth if worth is not None else price
            worths[currency] = worths.get(currency, 0) + (value if type(value) is int else 1)
    for currency, total in worths.items():
        if not total:
            yield Complaint(path, f"is worth nothing in {currency}: something in it must be")


def _markets(offer: Mapping[str, object]) -> Mapping[str, set[str]]:
    """Return ``currency -> countries`` of where an offer has prices; the country "" stands for all others."""
    prices = offer.get("prices")
    if isinstance(prices, dict):
        return {str(currency): {""} for currency in prices}
    found: dict[str, set[str]] = {}
    for one in _list(prices):
        currency, countries = _mapping(one).get("currency"), _mapping(one).get("countries", [""])
        if isinstance(currency, str):
            found.setdefault(currency, set()).update(one for one in _list(countries) if isinstance(one, str))
    return found


def _general_price(offer: Mapping[str, object], currency: str) -> object:
    """Return the amount of an offer's price in a currency for buyers everywhere; None if there is none."""
    prices = offer.get("prices")
    if isinstance(prices, dict):
        return prices.get(currency)
    general = (_mapping(one) for one in _list(prices) if "countries" not in _mapping(one))
    return next((one.get("amount", 1) for one in general if one.get("currency") == currency), None)


def _lacking(inner: Mapping[str, object], currency: str, countries: set[str]) -> str | None:
    """Say where a bundle is sold and what is in it has no price; None if nowhere."""
    priced = _markets(inner).get(currency, set())
    if not priced:
        return f"has no price in {currency}, in which the bundle is sold"
    missing = countries - priced
    if not missing:
        return None
    if "" in missing:
        return f"has a price in {currency} in {', '.join(sorted(priced))} alone, and the bundle is sold everywhere"
    return f"has no price in {currency} in {', '.join(sorted(missing))}, where the bundle is sold"


def _way_back(offers: Offers, start: str, goal: str) -> list[str] | None:
    """Return how a bundle leads back to ``goal``, or None if it does not."""
    if start == goal:
        return [goal]
    stack, seen = [[start]], {start}
    while stack:
        way = stack.pop()
        offer = offers.get(way[-1], {})
        for content in _list(offer.get("contents")) if offer.get("kind") == "bundle" else ():
            inner = _mapping(content).get("sku")
            if inner == goal:
                return [*way, goal]
            if isinstance(inner, str) and inner not in seen:
                seen.add(inner)
                stack.append([*way, inner])
    return None


def _container(
    sku: str, offer: Mapping[str, object], offers: Offers, assets: Mapping[str, object]
) -> Iterator[Complaint]:
    path = ("offers", sku)
    drops = _list(offer.get("drops"))
    known: dict[frozenset[tuple[str, int]], int] = {}
    for key in ("drops", "guaranteed"):
        for at, drop in enumerate(_list(offer.get(key))):
            yield from _drop(sku, (*path, key, at), _mapping(drop), offers, assets)
            given = _mapping(_mapping(drop).get("gives"))
            gives = frozenset((name, count) for name, count in given.items() if type(count) is int)
            if key == "drops" and gives in known:
                message = f"gives the same as [{known[gives]}]: add the weights"
                yield Complaint((*path, key, at, "gives"), message)
            elif key == "drops" and len(gives) == len(given):
                known[gives] = at
    if "max_repeats" in offer and len(drops) < 2:
        yield Complaint((*path, "max_repeats"), "needs a second drop that can come up instead")
    weights = [weight for drop in drops if type(weight := _mapping(drop).get("weight")) is int]
    if sum(weights) >= SPACE:
        yield Complaint((*path, "drops"), f"has weights of {sum(weights)} in all; they must be below 2^32")


def _drop(
    sku: str, path: tuple[str | int, ...], drop: Mapping[str, object], offers: Offers, assets: Mapping[str, object]
) -> Iterator[Complaint]:
    needs_instead = None
    for name in _mapping(drop.get("gives")):
        place = (*path, "gives", name)
        if name in assets and name in offers:
            yield Complaint(place, "is an offer and a currency of this shop: rename one of them", at_key=True)
        elif name not in assets and name not in offers:
            yield Complaint(place, "is neither an offer nor a virtual currency of this shop", at_key=True)
        elif name == sku:
            yield Complaint(place, "would put the container into itself", at_key=True)
        elif name in offers and offers[name].get("kind") not in _DROPPED_KINDS:
            message = (
                f"is a {offers[name].get('kind')}; items, containers and virtual currencies come out of containers"
            )
            yield Complaint(place, message, at_key=True)
        elif name in offers and (offers[name].get("type") == "durable" or "max_count" in offers[name]):
            needs_instead = name
    if needs_instead is not None and "instead" not in drop:
        message = f"needs `instead`: what comes out for who can own no more {needs_instead}"
        yield Complaint(path, message, example={"instead": {asset: 20}} if (asset := next(iter(assets), "")) else None)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
