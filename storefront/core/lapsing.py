"""The jobs of time: a hold that is over is released, the rest of a lapsed lot goes to breakage, an item is taken away.

They do all that is due in their wallet or inventory, so they may come in any order, late, twice or not at all:
reads and spends look at the clock, not at what a job has done.
"""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.plan import ExpireItem, LapseWallet, Plan
from storefront.core.jobs import Again
from storefront.core.services import Services


async def lapse_wallet(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Release the holds and lapse the lots of a wallet whose time is over; safe to run again."""
    customer_id, due_at = payload["customer_id"], payload["due_at"]
    if services.clock.now() < due_at:
        return Again(due_at)  # the machine's clock was set back
    plan = Plan(actor="lapsing", anchors={customer_id})
    plan.add(LapseWallet(customer_id, payload["asset"]))
    await services.engine.commit(plan)
    return None


async def expire_item(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Take away an item whose time is over, and tell; one that lasts on has another job. Safe to run again."""
    customer_id = payload["customer_id"]
    plan = Plan(actor="lapsing", anchors={customer_id})
    plan.add(ExpireItem(customer_id, payload["sku"]))
    await services.engine.commit(plan)
    return None
