"""When bought time is over: an event of its own, from which ``on_expire`` follows like all other stages.

The rights that a purchase gave say when. What gives the same right still (bought again, extended) postpones it; a
purchase whose rights were taken back has nothing left that could expire.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.jobs import Again
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import entitlements
from storefront_microtransactions.deliveries.config import ON_EXPIRE, templates_of
from storefront_microtransactions.deliveries.happening import EXPIRED, Happening
from storefront_microtransactions.deliveries.rows import ACTOR

JOB = "microtransactions.expire"
_OF_CUSTOMER = Query(select(entitlements).where(entitlements.c.customer_id == bindparam("customer_id")))


async def order_expiry(services: Services, plan: Plan, happening: Happening) -> None:
    """Order a look at the end of the time that a purchase, or a grant, gave; nothing if it gave none."""
    if not templates_of(happening.offer, ON_EXPIRE):
        return
    customer_id, source_id = happening.customer_id, happening.event.subject
    rows = await services.reader.all(_OF_CUSTOMER, customer_id=customer_id)
    ends = [row["expires_at"] for row in rows if row["source_id"] == source_id and row["expires_at"] is not None]
    if not ends:
        return
    plan.anchors.add(customer_id)
    plan.schedule(
        JOB,
        anchor=customer_id,
        unique_key=f"delivery-expiry:{source_id}",
        due_at=max(ends),
        now=services.clock.now(),
        payload={"customer_id": customer_id, "source_id": source_id, "sku": happening.offer.sku},
    )


async def expire(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Tell that what a purchase gave for a time is over, once; later, if the same right goes on. Safe to run again."""
    customer_id, source_id, now = payload["customer_id"], payload["source_id"], services.clock.now()
    rows = await services.reader.all(_OF_CUSTOMER, customer_id=customer_id)
    own = [row for row in rows if row["source_id"] == source_id and row["ended_at"] is None]
    keys = {row["key"] for row in own if row["expires_at"] is not None}
    if not keys:
        return None
    still = [row for row in rows if row["key"] in keys and row["ended_at"] is None]
    if any(row["expires_at"] is None for row in still):
        return None  # a right for ever has taken its place
    last = max(row["expires_at"] for row in still)
    teller = max((row["expires_at"], row["source_id"]) for row in still if row["sku"] == payload["sku"])
    if teller[1] != source_id:
        return None  # it was bought again: the purchase that ends last tells
    if last > now:
        return Again(last)
    plan = Plan(actor=ACTOR, anchors={customer_id})
    plan.add(Claim(f"{EXPIRED}:{source_id}", customer_id))
    told = {"customer_id": customer_id, "sku": payload["sku"], "source": source_id, "entitlements": sorted(keys)}
    plan.emit(EXPIRED, anchor=customer_id, subject=source_id, payload=told)
    try:
        await services.engine.commit(plan)
    except Taken:
        return None  # an earlier run told it, and died before its job was struck off
    return None
