"""What the schemas cannot say of tiers: what one costs, what may hold one, and keys that mean nothing for them.

The check reads the raw document with care, for the schema may have complaints of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint
from storefront_subscriptions.config import KIND

_MEANINGLESS = {
    "exact": "sells amounts; a tier is subscribed to",
    "sales": "is for what is bought once; a promo code makes the first payment cheaper",
    "transferable": "is for items",
    "limits": "is for what is bought; a customer has one subscription of a family",
}


def check_tiers(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say all that is wrong with the tiers of a document."""
    offers = {sku: _mapping(offer) for sku, offer in _mapping(document.get("offers")).items()}
    for sku, offer in offers.items():
        if offer.get("kind") == KIND:
            yield from _tier(sku, offer)
        for at, content in enumerate(_list(offer.get("contents")) if offer.get("kind") == "bundle" else ()):
            inner = _mapping(content).get("sku")
            if isinstance(inner, str) and _mapping(offers.get(inner)).get("kind") == KIND:
                message = f"{inner} is subscribed to; a bundle holds what is bought once"
                yield Complaint(("offers", sku, "contents", at, "sku"), message)


def _tier(sku: str, offer: Mapping[str, Any]) -> Iterator[Complaint]:
    path = ("offers", sku)
    is_free, prices = offer.get("free") is True, offer.get("prices")
    if is_free and prices is not None:
        yield Complaint((*path, "prices"), "has nothing to say of a tier that is `free`", at_key=True)
    if not is_free and prices is None:
        yield Complaint((*path, "kind"), "needs `prices`, or `free: true`", example={"prices": {"USD": 499}})
    if isinstance(prices, list):
        yield Complaint((*path, "prices"), "must be the short form of a tier: asset -> amount", example={"USD": 499})
    if is_free and "trial" in offer:
        yield Complaint((*path, "trial"), "is for what costs something", at_key=True)
    own = offer.get("interval", "month")
    seen = {own: "the tier's own"} if isinstance(own, str) else {}
    for at, other in enumerate(_list(offer.get("also"))):
        interval = _mapping(other).get("interval")
        if isinstance(interval, str) and interval in seen:
            message = f"{interval} has its prices already: {seen[interval]}"
            yield Complaint((*path, "also", at, "interval"), message)
        elif isinstance(interval, str):
            seen[interval] = f"also[{at}]"
    for key, message in _MEANINGLESS.items():
        if offer.get(key) not in (None, False):
            yield Complaint((*path, key), message, at_key=True)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
