"""What a tier charges for usage: its schema, its mistakes, and its charges as values. The models are the core's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint
from storefront.core.config.model import Offer
from storefront.core.config.model_usage import Charge
from storefront.core.config.schema_usage import KEY_PATTERN, SAYS_KEY, charge_terms
from storefront.core.config.semantics_usage import terms_complaints
from storefront.core.config.typed_usage import make_charge
from storefront.core.kinds import JsonSchema

_EXAMPLE = {"api": {"meter": "api_calls", "model": "per_unit", "price": "0.05", "included": 1000}}
USAGE: JsonSchema = {
    "type": "object",
    "description": "What of its usage is billed with the next renewal, by the feature's key.",
    "propertyNames": {"pattern": KEY_PATTERN, "patternErrorMessage": SAYS_KEY},
    "additionalProperties": {
        "type": "object",
        "properties": {
            "meter": {
                "type": "string",
                "description": "The meter whose quantity is charged.",
                "x-names": ["meter"],
                "examples": ["api_calls"],
            },
            "title": {
                "type": "string",
                "description": "What the invoice's line calls it; the feature's key if absent.",
                "minLength": 1,
                "maxLength": 80,
                "examples": ["API calls"],
            },
            **charge_terms(),
        },
        "required": ["meter", "model"],
        "additionalProperties": False,
        "examples": [_EXAMPLE["api"]],
    },
    "minProperties": 1,
    "maxProperties": 20,
    "examples": [_EXAMPLE],
}
_BILLABLE = ("count", "sum", "max", "latest")


def charges_of(offer: Offer | None) -> dict[str, Charge]:
    """Return ``feature -> charge`` of a tier; ``asset`` is the one that all of its prices are in."""
    part: Mapping[str, Any] = {} if offer is None else offer.part
    found = part.get("usage", {})
    return {
        feature: make_charge(feature, {**section, "mode": "postpaid", "asset": next(iter(offer.prices))})
        for feature, section in found.items()
        if offer is not None
    }


def title_of(offer: Offer, feature: str) -> str:
    part: Mapping[str, Any] = offer.part
    return str(part["usage"][feature].get("title", feature))


def check_usage(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say what is wrong with the usage that tiers charge: of one meter everybody is billed once, in one asset."""
    meters = _mapping(document.get("meters"))
    elsewhere = {_mapping(one).get("meter"): feature for feature, one in _mapping(document.get("usage")).items()}
    families: dict[str, object] = {}
    for sku, offer in _mapping(document.get("offers")).items():
        usage, path = _mapping(_mapping(offer).get("usage")), ("offers", sku, "usage")
        if _mapping(offer).get("kind") != "subscription" or not usage:
            continue
        if len(_assets(_mapping(offer))) != 1:
            message = "needs a tier with prices in one asset alone, in which it is billed"
            yield Complaint(path, message, at_key=True, example={"prices": {"USD": 499}})
        named: set[str] = set()
        for feature, section in usage.items():
            told, here = _mapping(section), (*path, feature)
            yield from terms_complaints(here, told)
            meter = told.get("meter")
            if not isinstance(meter, str):
                continue
            first = families.setdefault(meter, _mapping(offer).get("family"))
            if meter not in meters:
                yield Complaint((*here, "meter"), f"no meter is called {meter}")
            elif _mapping(meters[meter]).get("aggregation") not in _BILLABLE:
                message = "counts a value once in each of its own periods, which are not those of a subscription"
                yield Complaint((*here, "meter"), message)
            elif meter in elsewhere:
                yield Complaint((*here, "meter"), f"is charged by usage.{elsewhere[meter]} already")
            elif meter in named:
                yield Complaint((*here, "meter"), "is charged by another feature of this tier already")
            elif first != _mapping(offer).get("family"):
                yield Complaint(
                    (*here, "meter"), f"is charged by a tier of {first} already: who has both would pay twice"
                )
            named.add(meter)


def _assets(offer: Mapping[str, Any]) -> set[str]:
    """Return all assets that a tier's prices are in, of every interval."""
    others = offer.get("also")
    listed = [
        offer.get("prices"),
        *(_mapping(one).get("prices") for one in (others if isinstance(others, list) else ())),
    ]
    return {asset for prices in listed for asset in _mapping(prices)}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
