"""Forgetting ids of usage events: kept longer than an event may be late, so none that comes again counts again."""

from sqlalchemy import select

from storefront.core.clock import DAY_MS
from storefront.core.commit.plan import SHOP_ANCHOR, Plan, Remove
from storefront.core.services import Services
from storefront.core.tables import usage_ids, usage_uniques

AT_ONCE = 1_000
_LONGEST_PERIOD_MS = 31 * DAY_MS


async def forget_usage_ids(services: Services, before: int) -> bool:
    """Drop ids that came in before an instant (business ms), some of them; tell whether there may be more."""
    old = select(usage_ids.c.hash).where(usage_ids.c.received_at < before).limit(AT_ONCE)
    rows = await services.reader.scan(old)
    if rows:
        plan = Plan(actor="retention", anchors={SHOP_ANCHOR})
        plan.add(*(Remove("usage_ids", (row["hash"],), None) for row in rows))
        await services.engine.commit(plan)
    return len(rows) == AT_ONCE


async def forget_uniques(services: Services, before: int) -> bool:
    """Drop the different values of periods that ended long before; no event can fall into them any more.

    A lifetime (its start is 0) never ends, and keeps its values.
    """
    over = (usage_uniques.c.seen_at < before - _LONGEST_PERIOD_MS, usage_uniques.c.start > 0)
    rows = await services.reader.scan(select(usage_uniques).where(*over).limit(AT_ONCE))
    if rows:
        plan = Plan(actor="retention", anchors={row["customer_id"] for row in rows})
        for row in rows:
            identity = (row["customer_id"], row["meter"], row["start"], row["value"])
            plan.add(Remove("usage_uniques", identity, row["customer_id"]))
        await services.engine.commit(plan)
    return len(rows) == AT_ONCE
