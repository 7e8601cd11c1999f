"""Price experiments, the pure part: who is in which variant, and what that makes of an offer.

The variant of a customer is a hash of the experiment's name and the customer's id, so it needs no store to be the same
everywhere; it is stored all the same, because weights may be changed while people look.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from storefront.core.clock import to_datetime
from storefront.core.commit.plan import SHOP_ANCHOR, Insert, Plan
from storefront.core.config.model import Offer
from storefront.core.config.model_experiments import CONTROL, Experiment, Variant
from storefront.core.errors import StorefrontError
from storefront.core.reading import Row

_SPACE = 2**64


class ExperimentChanged(StorefrontError):
    """A variant that customers may have seen was renamed or priced anew."""

    code = "experiment_changed"
    title = "An experiment cannot be changed into another one"


def is_running(experiment: Experiment, now: int) -> bool:
    """Tell whether ``now`` (business ms) lies in the experiment's half-open time."""
    moment = to_datetime(now)
    begins, ends = experiment.from_, experiment.until
    return (begins is None or begins <= moment) and (ends is None or moment < ends)


def assign(experiment: Experiment, customer_id: str) -> str | None:
    """Return the variant that a customer falls into by the weights as they are; None for whoever takes no part."""
    if _share("audience", experiment.name, customer_id) >= experiment.percent * _SPACE // 100:
        return None
    weights = [(name, variant.weight) for name, variant in experiment.variants.items() if variant.weight]
    total = sum(weight for _, weight in weights)
    place, reached = _share("variant", experiment.name, customer_id) * total // _SPACE, 0
    for name, weight in weights:
        reached += weight
        if place < reached:
            return name
    raise AssertionError("the last variant reaches to the end")


def _share(*parts: str) -> int:
    """Return where a hash of these parts falls in 64 bits, evenly."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def price_variant(offer: Offer, variant: Variant) -> Offer:
    """Return the offer at the general prices of a variant; what the variant does not name stays.

    What a country pays by a price list of its own stays, too.
    """
    if not variant.prices:
        return offer
    listed = tuple(
        replace(price, amount=variant.prices[price.currency])
        if price.currency in variant.prices and not price.countries
        else price
        for price in offer.listed
    )
    return replace(offer, prices={**offer.prices, **variant.prices}, listed=listed)


def add_variants(plan: Plan, experiments: Mapping[str, Experiment], known: Iterable[Row], now: int) -> None:
    """Add the variants that are new to the plan that activates them.

    Raises:
        ExperimentChanged: one that is known has gone, or has other prices.
    """
    stored: dict[str, dict[str, Row]] = {}
    for row in known:
        stored.setdefault(row["experiment"], {})[row["variant"]] = row
    for name, experiment in experiments.items():
        before = stored.get(name, {})
        for variant, row in before.items():
            _refuse_change(experiment, variant, row)
        for variant, one in experiment.variants.items():
            if variant not in before:
                row = {"experiment": name, "variant": variant, "sku": experiment.sku, "prices": _prices(one),
                       "created_at": now}  # fmt: skip
                plan.add(Insert("experiment_variants", (name, variant), SHOP_ANCHOR, row, once=True))


def _refuse_change(experiment: Experiment, variant: str, row: Row) -> None:
    advice = "Customers may have seen it. Take the experiment out, and try the other one under a name of its own."
    if experiment.sku != row["sku"]:
        raise ExperimentChanged(f"The experiment {experiment.name} was about {row['sku']}. {advice}")
    found = experiment.variants.get(variant)
    if found is None:
        raise ExperimentChanged(
            f"The experiment {experiment.name} had a variant {variant}, which is renamed or gone. {advice} "
            f"To let nobody new into it, give it the weight 0."
        )
    if _prices(found) != row["prices"]:
        raise ExperimentChanged(f"The variant {variant} of {experiment.name} had other prices. {advice}")


def _prices(variant: Variant) -> str:
    return msgspec.json.encode(dict(sorted(variant.prices.items()))).decode()


__all__ = ["CONTROL", "ExperimentChanged", "add_variants", "assign", "is_running", "price_variant"]
