"""The jobs of time: a hold that is over is released, what is left of a lapsed lot goes to breakage.

Both jobs do all that is due in their wallet, so they may come in any order, late, twice or not at all:
reads and spends look at the clock, not at what a job has done.
"""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.plan import LapseWallet, Plan
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
