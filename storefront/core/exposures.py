"""Which variant of an experiment a customer has seen: stored before they see it, once, and never changed.

It is stored when a customer first sees a price of it: once per customer and experiment, not per look. A later look is a
read, and mostly not even that. So weights can be edited while an experiment runs, and nobody changes sides.
"""

from collections import OrderedDict
from collections.abc import Mapping

from sqlalchemy import bindparam, select

from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Insert, Plan
from storefront.core.config.model_experiments import Experiment
from storefront.core.experimenting import assign
from storefront.core.reading import Query, Reader
from storefront.core.tables import experiment_exposures

ACTOR = "experiments"
_OF_CUSTOMER = Query(
    select(experiment_exposures.c.experiment, experiment_exposures.c.variant).where(
        experiment_exposures.c.customer_id == bindparam("customer_id")
    )
)
_MOST_REMEMBERED = 20_000


class Exposures:
    """Who has seen which variant; remembered, because it never changes."""

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def variants(self, customer_id: str, experiments: Mapping[str, Experiment]) -> dict[str, str]:
        """Return ``experiment -> variant`` of a customer, storing what is new; who takes no part is not in it.

        Raises:
            Unavailable: it cannot be stored now; what is not stored is not shown.
        """
        found = {name: self._known[name, customer_id] for name in experiments if (name, customer_id) in self._known}
        if len(found) < len(experiments):
            rows = await self._reader.all(_OF_CUSTOMER, customer_id=customer_id)
            found = {row["experiment"]: row["variant"] for row in rows if row["experiment"] in experiments}
        for name, experiment in experiments.items():
            if name not in found:
                variant = assign(experiment, customer_id)
                if variant is not None:
                    found[name] = await self._expose(customer_id, experiment, variant)
            if name in found:
                self._remember(name, customer_id, found[name])
        return found

    def _remember(self, experiment: str, customer_id: str, variant: str) -> None:
        self._known[experiment, customer_id] = variant
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)

    async def _expose(self, customer_id: str, experiment: Experiment, variant: str) -> str:
        """Store that a customer sees a variant; return the one that was stored first. Safe to race."""
        now = self._clock.now()
        plan = Plan(actor=ACTOR, anchors={customer_id})
        plan.add(Claim(f"experiment:{experiment.name}:{customer_id}", variant))
        row = {"experiment": experiment.name, "customer_id": customer_id, "variant": variant, "exposed_at": now}
        plan.add(Insert("experiment_exposures", (experiment.name, customer_id), customer_id, row))
        payload = {"customer_id": customer_id, "experiment": experiment.name, "variant": variant}
        plan.emit("experiment.exposed", anchor=customer_id, subject=experiment.name, payload=payload)
        try:
            await self._engine.commit(plan)
        except Taken as taken:
            return taken.holder
        return variant
