"""What the schemas cannot say of tiers: what one costs, what may hold one, and keys that mean nothing for them.

The check reads the raw document with care, for the schema may have complaints of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from storefront.core.config import Complaint
from storefront_subscriptions.change_rules import DEFAULTS, Direction, Timing
from storefront_subscriptions.config import KIND, read_date

Path = tuple[str | int, ...]

_NO_DATE = "must be next_renewal, a date that exists, or an instant with its offset from UTC"
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
            yield from _tier(sku, offer, document)
            yield from _beside(sku, offer, offers)
        for at, content in enumerate(_list(offer.get("contents")) if offer.get("kind") == "bundle" else ()):
            inner = _mapping(content).get("sku")
            if isinstance(inner, str) and _mapping(offers.get(inner)).get("kind") == KIND:
                message = f"{inner} is subscribed to; a bundle holds what is bought once"
                yield Complaint(("offers", sku, "contents", at, "sku"), message)


def check_reminders(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say which renewals are to be told of that no tier has."""
    section = _mapping(_mapping(document.get("plugins")).get("subscriptions"))
    tiers = [_mapping(offer) for offer in _mapping(document.get("offers")).values()]
    tiers = [offer for offer in tiers if offer.get("kind") == KIND]
    known = [offer.get("interval", "month") for offer in tiers]
    known += [_mapping(other).get("interval") for offer in tiers for other in _list(offer.get("also"))]
    for interval in _mapping(_mapping(section.get("reminders")).get("renewal")):
        if interval not in known:
            path = ("plugins", "subscriptions", "reminders", "renewal", interval)
            yield Complaint(path, "no tier is paid for this interval", at_key=True)


def check_policy(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say that the plugin whose policy is to be asked is not there."""
    plugins = _mapping(document.get("plugins"))
    policy = _mapping(_mapping(plugins.get("subscriptions")).get("dunning")).get("policy")
    if isinstance(policy, str) and policy not in plugins:
        yield Complaint(("plugins", "subscriptions", "dunning", "policy"), f"the plugin {policy} is not enabled")


def _tier(sku: str, offer: Mapping[str, Any], document: Mapping[str, object]) -> Iterator[Complaint]:
    path = ("offers", sku)
    is_free, prices = offer.get("free") is True, offer.get("prices")
    if is_free and prices is not None:
        yield Complaint(
            (*path, "prices"), "has nothing to say of a tier that is `free`", at_key=True, example={"free": False}
        )
    if not is_free and prices is None:
        yield Complaint((*path, "kind"), "needs `prices`, or `free: true`", example={"prices": {"USD": 499}})
    if isinstance(prices, list):
        yield Complaint((*path, "prices"), "must be the short form of a tier: asset -> amount", example={"USD": 499})
    if is_free and "trial" in offer:
        yield Complaint((*path, "trial"), "is for what costs something", at_key=True)
    yield from _existing(offer.get("existing"), (*path, "existing"))
    assets = _mapping(document.get("assets"))
    for asset, granted in _mapping(offer.get("credits")).items():
        if asset not in assets:
            yield Complaint((*path, "credits", asset), "is no currency of this shop's own, and so is not granted",
                            at_key=True)  # fmt: skip
        yield from _roll_over(_mapping(granted), (*path, "credits", asset, "roll_over"))
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


def _roll_over(granted: Mapping[str, Any], path: Path) -> Iterator[Complaint]:
    told = _mapping(granted.get("roll_over"))
    amount, least, most, ceiling = granted.get("amount"), told.get("min"), told.get("max"), told.get("ceiling")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Complaint((*path, "min"), f"must be {most} or less: no more than `max` goes on", example={"min": most})
    if isinstance(amount, int) and isinstance(ceiling, int) and ceiling <= amount:
        message = f"must be more than {amount}: each grant alone comes to that, and nothing would go on"
        yield Complaint((*path, "ceiling"), message, example={"ceiling": amount + 1})


def _existing(told: object, path: Path) -> Iterator[Complaint]:
    if not isinstance(told, str) or told == "next_renewal":
        return
    try:
        read_date(told)
    except (ValueError, OverflowError):
        yield Complaint(path, _NO_DATE, example={"existing": "2027-03-01"})


def _beside(sku: str, offer: Mapping[str, Any], offers: Mapping[str, Mapping[str, Any]]) -> Iterator[Complaint]:
    beside, path = offer.get("beside"), ("offers", sku, "beside")
    if not isinstance(beside, str) or beside not in offers:
        return
    if beside == sku:
        yield Complaint(path, "is the tier itself")
    elif not _is_tier(offers[beside], offer.get("family")):
        yield Complaint(path, f"{beside} is no tier of {offer.get('family')}")
    elif "beside" in offers[beside]:
        yield Complaint(path, f"{beside} stands beside {offers[beside]['beside']} itself: name that one")


def _is_tier(offer: Mapping[str, Any], family: object) -> bool:
    return offer.get("kind") == KIND and offer.get("family") == family


def check_changes(document: Mapping[str, object]) -> Iterator[Complaint]:
    """Say all that is wrong with the rules of changes in this plugin's section."""
    offers = {sku: _mapping(offer) for sku, offer in _mapping(document.get("offers")).items()}
    section = _mapping(_mapping(document.get("plugins")).get("subscriptions"))
    path: Path = ("plugins", "subscriptions")
    yield from _rules(_mapping(section.get("changes")), (*path, "changes"))
    for family, told in _mapping(section.get("families")).items():
        here = (*path, "families", family)
        if not any(_is_tier(offer, family) for offer in offers.values()):
            yield Complaint(here, "no tier is of this family", at_key=True)
            continue
        yield from _rules(_mapping(_mapping(told).get("changes")), (*here, "changes"))
        yield from _pairs(family, _list(_mapping(told).get("pairs")), offers, (*here, "pairs"))


def _rules(rules: Mapping[str, Any], path: Path) -> Iterator[Complaint]:
    for name, rule in rules.items():
        if name not in set(Direction):
            continue  # the schema says so
        default = DEFAULTS[Direction(name)].timing
        yield from _terms(_mapping(rule), (*path, name), default, is_interval=name == Direction.INTERVAL)


def _terms(rule: Mapping[str, Any], path: Path, default: Timing | None, *, is_interval: bool) -> Iterator[Complaint]:
    timing, money = rule.get("timing", default), rule.get("money")
    if timing == Timing.PERIOD_END and money is not None:
        message = "means nothing at a period's end: the next one is charged by the new tier's price"
        yield Complaint((*path, "money"), message, at_key=True)
    if is_interval and timing == Timing.NOW and money in ("none", "next_invoice"):
        message = "an interval that changes now begins a period, which is charged now"
        yield Complaint((*path, "money"), message)
    for at, choice in enumerate(_list(rule.get("choices"))):
        yield from _terms(_mapping(choice), (*path, "choices", at), None, is_interval=is_interval)


def _pairs(family: str, pairs: list[Any], offers: Mapping[str, Mapping[str, Any]], path: Path) -> Iterator[Complaint]:
    seen = set()
    for at, pair in enumerate(map(_mapping, pairs)):
        for end in ("from", "to"):
            sku = pair.get(end)
            if isinstance(sku, str) and sku in offers and not _is_tier(offers[sku], family):
                yield Complaint((*path, at, end), f"{sku} is no tier of {family}")
        named = (pair.get("from"), pair.get("to"))
        if named[0] == named[1]:
            yield Complaint((*path, at, "to"), "is the tier before: its interval or seats follow the family's rules")
        elif named in seen:
            yield Complaint((*path, at), "is there already")
        seen.add(named)
        yield from _terms(pair, (*path, at), None, is_interval=False)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
