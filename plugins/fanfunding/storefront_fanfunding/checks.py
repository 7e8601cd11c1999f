"""What no schema can say of the two parts: minima and maxima that contradict each other, and files that are missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint
from storefront_fanfunding.config import SKU


def check_tips(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of amounts that lie outside of what a creator takes."""
    for name, creator in _inside(value, "creators").items():
        tips = _inside(creator, "tips")
        least, most = _inside(tips, "min"), _inside(tips, "max")
        for currency, amount in most.items():
            low = least.get(currency)
            if isinstance(amount, int) and isinstance(low, int) and amount < low:
                yield Complaint(("creators", name, "tips", "max", currency), f"must be at least the minimum, {low}")
        for currency, presets in _inside(tips, "presets").items():
            for index, preset in enumerate(presets if isinstance(presets, list) else []):
                if not _is_between(preset, least.get(currency), most.get(currency)):
                    path = ("creators", name, "tips", "presets", currency, index)
                    yield Complaint(path, "must lie between `min` and `max`")
        yield from _twice(name, tips)


def _twice(name: str, tips: Mapping[str, Any]) -> Iterator[Complaint]:
    tiers, seen = tips.get("tiers"), set()
    for index, tier in enumerate(tiers if isinstance(tiers, list) else []):
        found = _mapping(tier).get("id")
        if isinstance(found, str) and found in seen:
            yield Complaint(("creators", name, "tips", "tiers", index, "id"), "is the id of another tier")
        seen.add(found if isinstance(found, str) else None)


def check_creators(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of creators whom the operator names and nobody describes, and of an offer that takes the tips' name."""
    described = _inside(value, "creators")
    for name, told in _inside(_inside(_inside(value, "plugins"), "fanfunding"), "creators").items():
        if name not in described and "file" not in _mapping(told):
            message = "has no file of their own: say `file:`, or include it"
            example = {name: {"file": f"creators/{name}.yaml"}}
            yield Complaint(("plugins", "fanfunding", "creators", name), message, at_key=True, example=example)
    if SKU in _inside(value, "offers"):
        yield Complaint(("offers", SKU), "is the name that tips are sold under", at_key=True)


def _is_between(value: object, least: object, most: object) -> bool:
    if not isinstance(value, int):
        return True
    return not (isinstance(least, int) and value < least) and not (isinstance(most, int) and value > most)


def _inside(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _mapping(_mapping(value).get(key))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
