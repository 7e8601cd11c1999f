"""The jobs of pay per use: wallets are drained, periods are closed. Both may come late, twice or not at all."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.plan import CloseUsage, DrainUsage, Plan
from storefront.core.jobs import Again
from storefront.core.services import Services


async def drain_usage(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Bill what is pending in one wallet for one feature."""
    if services.clock.now() < payload["due_at"]:
        return Again(payload["due_at"])  # the machine's clock was set back
    customer_id, rules = payload["customer_id"], services.config.purchases
    plan = Plan(actor="metering", anchors={customer_id})
    plan.add(
        DrainUsage(
            customer_id,
            payload["charge"],
            payload["asset"],
            rules.debt_repay_percent,
            block_spending=rules.debt_blocks_spending,
        )
    )
    await services.engine.commit(plan)
    return None


async def close_usage(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Write the line of a period that is over, or a correction of it."""
    if services.clock.now() < payload["due_at"]:
        return Again(payload["due_at"])
    customer_id = payload["customer_id"]
    plan = Plan(actor="metering", anchors={customer_id})
    plan.add(CloseUsage(customer_id, payload["meter"], payload["charge"], payload["start"]))
    await services.engine.commit(plan)
    return None
