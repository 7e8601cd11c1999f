"""When rights that were bought for a time are over: an event of its own, from which ``on_expire`` follows.

Items that last have an end themselves, which the core tells (``item.expired``). What other kinds give for a time says
its rights. What gives the same right still (bought again, extended) postpones the end; a purchase whose rights were
taken back has nothing left that could expire.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.commit.outcome import Taken
from storefront.core.commit.plan import Claim, Plan
from storefront.core.jobs import Again
from storefront.core.kinds import Lasts
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import entitlements
from storefront_microtransactions.deliveries.config import ON_EXPIRE, templates_of
from storefront_microtransactions.deliveries.happening import RIGHTS_EXPIRED
from storefront_microtransactions.deliveries.pieces import Piece
from storefront_microtransactions.deliveries.rows import ACTOR

JOB = "microtransactions.expire"
_OF_CUSTOMER = Query(select(entitlements).where(entitlements.c.customer_id == bindparam("customer_id")))


async def order_expiry(services: Services, plan: Plan, customer_id: str, piece: Piece) -> None:
    """Order a look at the end of the rights that an offer gave; nothing if they have none, or end with an item."""
    lasts = services.kind_as(piece.offer.kind, Lasts)
    if not templates_of(piece.offer, ON_EXPIRE) or (lasts is not None and lasts.ends_with(piece.offer) is not None):
        return
    rows = await services.reader.all(_OF_CUSTOMER, customer_id=customer_id)
    ends = [row["expires_at"] for row in rows if _is_of(row, piece.source, piece.offer.sku)]
    if not ends:
        return
    plan.anchors.add(customer_id)
    plan.schedule(
        JOB,
        anchor=customer_id,
        unique_key=f"delivery-expiry:{piece.source}:{piece.offer.sku}",
        due_at=max(ends),
        now=services.clock.now(),
        payload={
            "customer_id": customer_id,
            "source_id": piece.source,
            "sku": piece.offer.sku,
            "quantity": piece.quantity,
            "catalog_version": piece.catalog_version,
        },
    )


def _is_of(row: Row, source_id: str | None, sku: str) -> bool:
    """Tell whether a right was given for a time, by this source and for this offer."""
    return row["source_id"] == source_id and row["sku"] == sku and row["expires_at"] is not None


async def expire(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Tell that what a purchase gave for a time is over, once; later, if the same right goes on. Safe to run again."""
    customer_id, source_id, sku, now = (
        payload["customer_id"],
        payload["source_id"],
        payload["sku"],
        services.clock.now(),
    )
    rows = await services.reader.all(_OF_CUSTOMER, customer_id=customer_id)
    keys = {row["key"] for row in rows if _is_of(row, source_id, sku) and row["ended_at"] is None}
    if not keys:
        return None
    still = [row for row in rows if row["key"] in keys and row["ended_at"] is None]
    if any(row["expires_at"] is None for row in still):
        return None  # a right for ever has taken its place
    last = max(row["expires_at"] for row in still)
    teller = max((row["expires_at"], row["source_id"]) for row in still if row["sku"] == sku)
    if teller[1] != source_id:
        return None  # it was bought again: the purchase that ends last tells
    if last > now:
        return Again(last)
    plan = Plan(actor=ACTOR, anchors={customer_id})
    plan.add(Claim(f"{RIGHTS_EXPIRED}:{source_id}:{sku}", customer_id))
    told = {name: payload[name] for name in ("customer_id", "sku", "quantity", "catalog_version")}
    told |= {"source": source_id, "entitlements": sorted(keys)}
    plan.emit(RIGHTS_EXPIRED, anchor=customer_id, subject=source_id, payload=told)
    try:
        await services.engine.commit(plan)
    except Taken:
        return None  # an earlier run told it, and died before its job was struck off
    return None
