"""What stands in the way of an erasure: money and goods under way, and what can be ended on the way."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import and_, bindparam, or_, select

from storefront.core.auto_top_up_rows import TERMS_OF_CUSTOMER
from storefront.core.auto_top_ups import end as end_auto_top_up
from storefront.core.commit.plan import Plan, ReleaseHold
from storefront.core.commit.usage import USAGE
from storefront.core.finalizing import cancel
from storefront.core.holding import PLUGIN
from storefront.core.privacy.register import Person
from storefront.core.reading import PointReader, Query
from storefront.core.services import Services
from storefront.core.tables import auto_top_up_runs, debts, holds, purchases, reversals, usage_periods
from storefront.core.tables_auto_top_ups import IS_OPEN

_PURCHASES = Query(
    select(purchases.c.id, purchases.c.status).where(
        or_(purchases.c.customer_id == bindparam("customer_id"), purchases.c.recipient_id == bindparam("customer_id")),
        or_(*(purchases.c.status == status for status in ("pending", "in_review", "paid"))),
    )
)
_REVERSALS = Query(
    select(reversals.c.id, reversals.c.cause).where(
        reversals.c.customer_id == bindparam("customer_id"),
        or_(reversals.c.state == "pending", reversals.c.state == "open"),
    )
)
_HOLDS = Query(select(holds).where(holds.c.customer_id == bindparam("customer_id"), holds.c.state == "open"))
_DEBTS = Query(select(debts).where(debts.c.customer_id == bindparam("customer_id"), debts.c.amount > 0))
_RUNS = Query(select(auto_top_up_runs.c.id).where(auto_top_up_runs.c.customer_id == bindparam("customer_id"), IS_OPEN))
_BILLS = Query(
    select(usage_periods.c.meter, usage_periods.c.close_at).where(
        usage_periods.c.customer_id == bindparam("customer_id"),
        and_(usage_periods.c.charge != "", usage_periods.c.close_at > 0),
    )
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that is under way, and how it is brought to its end; ``ends``: an erasure does it if it is told to."""

    what: str
    id: str
    how: str
    ends: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "id": self.id, "how": self.how, "ends": self.ends}


@runtime_checkable
class TakesPartInErasures(Protocol):
    """A plugin that has things under way for customers, or keeps of them what no column alone says."""

    async def under_way(self, services: Services, customer_id: str) -> Sequence[Obstacle]:
        """Return what has to be over before the customer can be erased."""
        ...

    async def wind_up(self, services: Services, customer_id: str, actor: str) -> None:
        """End what ``under_way`` says can be ended. Safe to repeat."""
        ...

    async def forget(self, services: Services, person: Person) -> None:
        """Forget what its register of columns does not say, once the customer is erased. Safe to repeat."""
        ...


async def obstacles_of(services: Services, reader: PointReader, customer_id: str) -> list[Obstacle]:
    """Return all that stands in the way, the plugins' too; raises ``PluginAway``."""
    found = [_of_purchase(row) for row in await reader.all(_PURCHASES, customer_id=customer_id)]
    for row in await reader.all(_REVERSALS, customer_id=customer_id):
        what = "dispute" if row["cause"] == "dispute" else "refund"
        found.append(Obstacle(what, row["id"], "wait until the gateway, or the bank, has decided it"))
    found += [one for row in await reader.all(_HOLDS, customer_id=customer_id) if (one := _of_hold(row)) is not None]
    for row in await reader.all(_DEBTS, customer_id=customer_id):
        found.append(Obstacle("debt", row["asset"], f"{row['amount']} {row['asset']} are owed: grant them"))
    for row in await reader.all(_RUNS, customer_id=customer_id):
        found.append(Obstacle("automatic top-up", row["id"], "wait until it is charged or has failed"))
    for row in await reader.all(TERMS_OF_CUSTOMER, customer_id=customer_id):
        if row["state"] != "off":
            found.append(Obstacle("automatic top-up", row["asset"], "switch it off", ends=True))
    for row in await reader.all(_BILLS, customer_id=customer_id):
        found.append(Obstacle("usage", row["meter"], "wait until its period is billed"))
    for name, plugin in _participants(services):
        asked: Callable[[], Awaitable[Sequence[Obstacle]]] = partial(plugin.under_way, services, customer_id)
        found += await services.hooks.ask(name, "under_way", asked)
    return found


async def wind_up(services: Services, customer_id: str, actor: str) -> None:
    """End what can be ended: checkouts, reviews, holds, automatic top-ups, and what plugins have. Safe to repeat.

    Raises:
        PluginAway: a plugin failed; what was ended before stays so.
    """
    for name, plugin in _participants(services):
        await services.hooks.ask(name, "wind_up", partial(plugin.wind_up, services, customer_id, actor))
    reader = services.reader
    for row in await reader.all(_PURCHASES, customer_id=customer_id):
        if row["status"] != "paid":
            await cancel(services, row["id"], owner=None)
    for row in await reader.all(_HOLDS, customer_id=customer_id):
        if (one := _of_hold(row)) is not None and one.ends:
            plan = Plan(actor=actor, anchors={customer_id})
            plan.add(ReleaseHold(row["id"], customer_id, row["asset"]))
            await services.engine.commit(plan)
    for row in await reader.all(TERMS_OF_CUSTOMER, customer_id=customer_id):
        await end_auto_top_up(services, customer_id, row["asset"], actor=actor)


async def let_plugins_forget(services: Services, person: Person) -> None:
    """Let plugins forget what no column says; raises ``PluginAway``."""
    for name, plugin in _participants(services):
        await services.hooks.ask(name, "forget", partial(plugin.forget, services, person))


def _participants(services: Services) -> list[tuple[str, TakesPartInErasures]]:
    manager = services.hooks.manager
    found = ((name, manager.get_plugin(name)) for name in services.hooks.health)
    return [(name, plugin) for name, plugin in found if isinstance(plugin, TakesPartInErasures)]


def _of_purchase(row: Any) -> Obstacle:
    if row["status"] == "paid":
        return Obstacle("purchase", row["id"], "it is paid and nothing was given: refund it")
    how = "cancel it" if row["status"] == "pending" else "decide its review"
    return Obstacle("purchase", row["id"], how, ends=True)


def _of_hold(row: Any) -> Obstacle | None:
    """Return what is in the way; what a plugin holds is the plugin's to tell of."""
    if row["actor"].startswith(PLUGIN):
        return None
    if row["actor"] == USAGE:
        return Obstacle("usage", row["id"], "wait a minute until it is drained from the wallet")
    return Obstacle("hold", row["id"], "capture or release it", ends=True)
