"""What came of price experiments: who saw what, who bought, what they brought, and how sure that is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
from sqlalchemy import func, select

from storefront.core.clock import iso
from storefront.core.config.model_experiments import CONTROL, Experiment
from storefront.core.errors import NotFound
from storefront.core.experimenting import is_running
from storefront.core.operating.estimating import (
    CONFIDENCE,
    Interval,
    Sample,
    mean_difference,
    needed_per_variant,
    rate,
    rate_difference,
    shares_mismatch,
)
from storefront.core.refunds import TAKING
from storefront.core.services import Services
from storefront.core.tables import (
    experiment_exposures,
    experiment_purchases,
    experiment_variants,
    purchases,
    reversals,
)

MISMATCH = 0.001
LEAST_EXPOSED, LEAST_CONVERTED = 100, 10
SHOWN_CHANGE = 0.2
PEEKING = (
    "The intervals hold for one look at a time that was fixed beforehand. Who looks again and again, and stops when it "
    "looks good, is wrong far more often than one time in twenty."
)


@dataclass(slots=True)
class _Tally:
    """What one variant came to; ``paid`` is currency -> customer -> what they paid, less what was given back."""

    exposed: int = 0
    buyers: set[str] = field(default_factory=set)
    purchases: int = 0
    refunded: int = 0
    paid: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def sample(self, currency: str) -> Sample:
        """Return what everybody who saw the variant paid; who bought nothing paid nothing."""
        values = self.paid[currency].values()
        return Sample(self.exposed, sum(values), sum(value * value for value in values))


async def list_experiments(services: Services) -> dict[str, Any]:
    """Return what came of every experiment that ever had a variant, the configured ones first."""
    named = select(experiment_variants.c.experiment).distinct().order_by(experiment_variants.c.experiment)
    stored = [row["experiment"] for row in await services.reader.scan(named)]
    configured = [name for name in services.catalogs.active.experiments if name in stored]
    names = dict.fromkeys([*configured, *stored])
    return {"data": [await show_experiment(services, name) for name in names]}


async def show_experiment(services: Services, name: str) -> dict[str, Any]:
    """Return what came of an experiment; raises ``NotFound``."""
    statement = select(experiment_variants).where(experiment_variants.c.experiment == name)
    rows = await services.reader.scan(statement.order_by(experiment_variants.c.variant))
    if not rows:
        raise NotFound("There is no such experiment.")
    configured = services.catalogs.active.experiments.get(name)
    tallies = {row["variant"]: _Tally() for row in rows}
    await _count(services, name, tallies)
    order = sorted(tallies, key=lambda variant: (variant != CONTROL, variant))
    prices = {row["variant"]: msgspec.json.decode(row["prices"]) for row in rows}
    return {
        "name": name,
        "offer": rows[0]["sku"],
        "running": configured is not None and is_running(configured, services.clock.now()),
        "since": iso(min(row["created_at"] for row in rows)),
        "confidence": CONFIDENCE,
        "variants": [_variant(one, configured, prices[one], tallies) for one in order],
        "mismatch": _mismatch(configured, tallies),
        "warnings": _warnings(configured, tallies),
    }


async def _count(services: Services, name: str, tallies: Mapping[str, _Tally]) -> None:
    seen, bought = experiment_exposures.c, experiment_purchases.c
    counted = select(seen.variant, func.count().label("n")).where(seen.experiment == name).group_by(seen.variant)
    for row in await services.reader.scan(counted):
        tallies[row["variant"]].exposed = row["n"]
    given_back = (
        select(reversals.c.purchase_id, func.sum(reversals.c.amount).label("amount"))
        .where(reversals.c.state.in_(sorted(TAKING)))
        .group_by(reversals.c.purchase_id)
        .subquery("given_back")
    )
    made = (
        select(bought.variant, bought.customer_id, purchases.c.currency, purchases.c.total, purchases.c.refunded,
               func.coalesce(given_back.c.amount, 0).label("given_back"))
        .join(purchases, purchases.c.id == bought.purchase_id)
        .join(given_back, given_back.c.purchase_id == bought.purchase_id, isouter=True)
        .where(bought.experiment == name, purchases.c.status == "completed")
    )  # fmt: skip
    for row in await services.reader.scan(made):
        tally = tallies[row["variant"]]
        tally.buyers.add(row["customer_id"])
        tally.purchases += 1
        tally.refunded += row["refunded"] == "full"
        tally.paid[row["currency"]][row["customer_id"]] += max(0, row["total"] - int(row["given_back"]))


def _variant(
    name: str, configured: Experiment | None, prices: Mapping[str, int], tallies: Mapping[str, _Tally]
) -> dict[str, Any]:
    tally, control = tallies[name], tallies.get(CONTROL)
    known = None if configured is None else configured.variants.get(name)
    converted = len(tally.buyers)
    currencies = sorted({currency for one in tallies.values() for currency in one.paid})
    is_compared = control is not None and name != CONTROL
    base = control or tally
    difference = rate_difference(converted, tally.exposed, len(base.buyers), base.exposed) if is_compared else None
    return {
        "name": name,
        "weight": None if known is None else known.weight,
        "prices": dict(prices),
        "exposed": tally.exposed,
        "converted": converted,
        "purchases": tally.purchases,
        "refunded": tally.refunded,
        "rate": _shown(rate(converted, tally.exposed)),
        "uplift": _shown(difference),
        "relative_uplift": _relative(difference, len(base.buyers), base.exposed),
        "revenue": [_revenue(currency, tally, base if is_compared else None) for currency in currencies],
    }


def _revenue(currency: str, tally: _Tally, base: _Tally | None) -> dict[str, Any]:
    sample = tally.sample(currency)
    compared = None if base is None else mean_difference(sample, base.sample(currency))
    return {
        "currency": currency,
        "total": int(sample.total),
        "per_exposed": sample.mean if sample.count else None,
        "uplift": _shown(compared),
    }


def _relative(difference: Interval | None, hits: int, count: int) -> float | None:
    return None if difference is None or hits == 0 else difference.estimate / (hits / count)


def _shown(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else asdict(interval)


def _mismatch(configured: Experiment | None, tallies: Mapping[str, _Tally]) -> float | None:
    """Return how likely these shares are by chance; only the weights of now are known, not those of before."""
    if configured is None:
        return None
    known = [name for name in tallies if name in configured.variants]
    return shares_mismatch(
        [tallies[name].exposed for name in known], [configured.variants[name].weight for name in known]
    )


def _warnings(configured: Experiment | None, tallies: Mapping[str, _Tally]) -> Sequence[str]:
    found = [PEEKING]
    chance = _mismatch(configured, tallies)
    if chance is not None and chance < MISMATCH:
        found.append(
            f"The shares of the variants are not what the weights say (p = {chance:.2g}). Unless the weights were "
            "changed meanwhile, something keeps customers of one variant away: do not trust the rest."
        )
    small = [
        name
        for name, tally in tallies.items()
        if tally.exposed < LEAST_EXPOSED or not LEAST_CONVERTED <= len(tally.buyers) <= tally.exposed - LEAST_CONVERTED
    ]
    if small:
        found.append(
            f"Too few to judge by: {', '.join(sorted(small))}. Each variant needs {LEAST_EXPOSED} customers, and "
            f"{LEAST_CONVERTED} of them who bought and {LEAST_CONVERTED} who did not."
        )
    control = tallies.get(CONTROL)
    needed = None
    if control is not None and control.exposed:
        needed = needed_per_variant(len(control.buyers) / control.exposed, SHOWN_CHANGE)
    if needed is not None and any(tally.exposed < needed for tally in tallies.values()):
        found.append(
            f"To see a change of {SHOWN_CHANGE:.0%} of the control's rate, each variant needs about {needed} customers."
        )
    return found
