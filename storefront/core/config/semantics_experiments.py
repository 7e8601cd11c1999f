"""What contradicts itself in price experiments."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from storefront.core.config.forms import read_instant
from storefront.core.config.messages import Complaint
from storefront.core.config.mistakes import show_key
from storefront.core.config.model_experiments import CONTROL
from storefront.core.config.validation import did_you_mean

_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def experiment_complaints(value: Mapping[str, object]) -> Iterator[Complaint]:
    """Say what no schema can: a control that is none, prices that the offer has not, offers in two experiments."""
    offers = _mapping(value.get("offers"))
    seen: dict[str, list[tuple[str, datetime, datetime]]] = {}
    for name, one in _mapping(value.get("experiments")).items():
        experiment = _mapping(one)
        sku = experiment.get("offer")
        yield from _variants(name, _mapping(experiment.get("variants")), _mapping(offers.get(str(sku))))
        begin, end = _instant(experiment.get("from"), _BEGINNING), _instant(experiment.get("until"), _END)
        if begin >= end:
            yield Complaint(("experiments", name, "until"), "must be later than `from`", meant=("experiments", name))
        if not isinstance(sku, str):
            continue
        yield from _not_plain(name, _mapping(offers.get(sku)))
        other = next((known for known, since, until in seen.get(sku, ()) if begin < until and since < end), None)
        if other is not None:
            message = f"is in the experiment {show_key(other)} at the same time: an offer is in one at a time"
            yield Complaint(("experiments", name, "offer"), message)
        seen.setdefault(sku, []).append((name, begin, end))


def _not_plain(name: str, offer: Mapping[str, object]) -> Iterator[Complaint]:
    """Refuse offers whose price is not one number per asset: what a variant changed could not be told from the rest."""
    reasons = {
        "prices": isinstance(offer.get("prices"), list) and "has prices of countries, or such as buyers choose",
        "sales": bool(offer.get("sales")) and "has sales",
        "exact": bool(offer.get("exact")) and "is sold in exact amounts",
    }
    for reason in reasons.values():
        if reason:
            message = f"{reason}: an experiment needs an offer with one fixed price in each asset"
            yield Complaint(("experiments", name, "offer"), message)


def _variants(name: str, variants: Mapping[str, object], offer: Mapping[str, object]) -> Iterator[Complaint]:
    path = ("experiments", name, "variants")
    if variants and CONTROL not in variants:
        yield Complaint(path, f"must have the variant `{CONTROL}`, which pays what the offer says")
    if "prices" in _mapping(variants.get(CONTROL)):
        yield Complaint(
            (*path, CONTROL, "prices"), "must be absent: this variant pays what the offer says", at_key=True
        )
    weights = [_mapping(one).get("weight") for one in variants.values()]
    if weights and all(weight == 0 for weight in weights):
        yield Complaint(path, "must not all have the weight 0")
    priced = list(_mapping(offer.get("prices")))
    for variant, one in variants.items():
        prices = _mapping(_mapping(one).get("prices"))
        if variant != CONTROL and not prices and "prices" not in _mapping(one):
            yield Complaint((*path, variant), "must have `prices`: without them it is like the control")
        for asset in prices:
            if priced and asset not in priced:
                message = f"the offer has no price in {show_key(asset)}{did_you_mean(asset, priced)}"
                yield Complaint((*path, variant, "prices", asset), message, at_key=True)


def _instant(value: object, otherwise: datetime) -> datetime:
    try:
        return otherwise if value is None else read_instant(str(value))
    except (ValueError, OverflowError):
        return otherwise


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
