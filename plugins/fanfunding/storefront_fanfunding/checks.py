"""What no schema can say of the two parts: minima and maxima that contradict each other, and files that are missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint, did_you_mean
from storefront_fanfunding.config import SKU


def check_tips(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of amounts that lie outside of what a creator takes, and of tiers that are none."""
    for name, creator in inside(value, "creators").items():
        tips = inside(creator, "tips")
        least, most = inside(tips, "min"), inside(tips, "max")
        for currency, amount in most.items():
            low = least.get(currency)
            if isinstance(amount, int) and isinstance(low, int) and amount < low:
                yield Complaint(("creators", name, "tips", "max", currency), f"must be at least the minimum, {low}")
        for currency, presets in inside(tips, "presets").items():
            for index, preset in enumerate(presets if isinstance(presets, list) else []):
                if not _is_between(preset, least.get(currency), most.get(currency)):
                    path = ("creators", name, "tips", "presets", currency, index)
                    yield Complaint(path, "must lie between `min` and `max`")
        yield from twice(("creators", name, "tips", "tiers"), tips, "tiers", "tier")
        tiers = [one["id"] for _, one in items(tips, "tiers") if isinstance(one.get("id"), str)]
        for index, variation in items(inside(creator, "alerts"), "variations"):
            wanted = variation.get("tier")
            if isinstance(wanted, str) and wanted not in tiers:
                place = ("creators", name, "alerts", "variations", index, "tier")
                hint = did_you_mean(wanted, tiers) or f"; there are {', '.join(tiers) or 'none'}"
                yield Complaint(place, f"is no tier of this creator's{hint}")


def check_creators(value: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain of creators whom the operator names and nobody describes, and of an offer that takes the tips' name."""
    described = inside(value, "creators")
    for name, told in inside(inside(inside(value, "plugins"), "fanfunding"), "creators").items():
        if name not in described and "file" not in as_mapping(told):
            message = "has no file of their own: say `file:`, or include it"
            example = {name: {"file": f"creators/{name}.yaml"}}
            path = ("plugins", "fanfunding", "creators", name)
            yield Complaint(path, message, at_key=True, example=example, leaves_out=f"creator:{name}")
    if SKU in inside(value, "offers"):
        yield Complaint(("offers", SKU), "is the name that tips are sold under", at_key=True)


def _is_between(value: object, least: object, most: object) -> bool:
    if not isinstance(value, int):
        return True
    return not (isinstance(least, int) and value < least) and not (isinstance(most, int) and value > most)


def twice(path: tuple[str | int, ...], value: Mapping[str, Any], key: str, noun: str) -> Iterator[Complaint]:
    """Complain of ids that stand twice in a list; ``path`` leads to it."""
    seen = set()
    for index, one in items(value, key):
        found = one.get("id")
        if isinstance(found, str) and found in seen:
            yield Complaint((*path, index, "id"), f"is the id of another {noun}")
        seen.add(found if isinstance(found, str) else None)


def items(value: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Return the places and mappings of a list, as far as it is one: nothing is checked yet."""
    found = as_mapping(value).get(key)
    for index, one in enumerate(found if isinstance(found, list) else []):
        yield index, as_mapping(one)


def inside(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a mapping in a mapping; an empty one where there is none."""
    return as_mapping(as_mapping(value).get(key))


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a value that is a mapping; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}
