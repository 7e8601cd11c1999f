"""Forgetting in time: idempotency records, webhook bodies and the like are kept as long as ``retention:`` says.

From where a buyer began a payment is kept for two days, for declines that are told late. What must never happen twice
is guarded by claims that stay; a webhook keeps its id and its body's hash.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, func, or_, select, true

from storefront.core.buyer_caps import DECLINED, declined_key
from storefront.core.clock import DAY_MS, HOUR_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import SHOP_ANCHOR, Change, Insert, Plan, Remove
from storefront.core.gateways import PaymentState
from storefront.core.jobs import Again
from storefront.core.operators.forgetting import forget_sign_ins
from storefront.core.privacy.register import HASHED, hash_of_body
from storefront.core.services import Services
from storefront.core.tables import counters, idempotency, inbox, payments, setups
from storefront.core.tables_webhooks import webhook_attempts, webhook_deliveries, webhook_endpoints
from storefront.core.usage.forgetting import forget_uniques, forget_usage_ids

AT_ONCE = 200
PAUSE_MS = 24 * HOUR_MS
JOB_ID = "job:retention"
NETWORKS_KEPT_MS = 2 * DAY_MS
_WAITING = (PaymentState.AWAITING, PaymentState.PROCESSING)


async def schedule_retention(services: Services) -> None:
    """Make sure that the job exists; called at every start."""
    now = services.clock.now()
    plan = Plan(actor="start", anchors={SHOP_ANCHOR})
    row = {
        "id": JOB_ID,
        "unique_key": "retention",
        "anchor": SHOP_ANCHOR,
        "kind": "retention",
        "payload": "{}",
        "state": "waiting",
        "due_at": now + HOUR_MS,
        "attempts": 0,
        "lease_until": 0,
        "last_error": None,
        "created_at": now,
    }
    plan.add(Insert("jobs", (JOB_ID,), SHOP_ANCHOR, row, once=True))
    await services.engine.commit(plan)


async def forget(services: Services, payload: Mapping[str, Any]) -> Again:
    """Forget what is old enough, a few rows at a time, and come back later."""
    keep = services.config.retention
    wall = services.clock.wall()
    while await _forget_keys(services, wall - keep.idempotency_days * DAY_MS):
        pass
    while await _forget_bodies(services, wall - keep.webhook_bodies_days * DAY_MS):
        pass
    while await _forget_declines(services):
        pass
    while await _forget_networks(services):
        pass
    while await forget_sign_ins(services, wall - keep.operator_sign_ins_days * DAY_MS):
        pass
    kept_from = services.clock.now() - keep.usage_ids_days * DAY_MS
    while await forget_usage_ids(services, kept_from):
        pass
    while await forget_uniques(services, kept_from):
        pass
    while await _forget_deliveries(services, services.clock.now() - keep.webhook_deliveries_days * DAY_MS):
        pass
    return Again(services.clock.now() + PAUSE_MS)


async def _forget_keys(services: Services, before: int) -> bool:
    """Drop answered idempotency records; an open one still belongs to a purchase."""
    columns = (idempotency.c.caller, idempotency.c.operation, idempotency.c.key)
    old = select(*columns).where(idempotency.c.created_at < before, idempotency.c.state == "answered").limit(AT_ONCE)
    rows = await services.reader.scan(old)
    if rows:
        plan = Plan(actor="retention", anchors={SHOP_ANCHOR})
        for row in rows:
            plan.add(Remove("idempotency", (row["caller"], row["operation"], row["key"]), None))
        await services.engine.commit(plan)
    return len(rows) == AT_ONCE


async def _forget_declines(services: Services) -> bool:
    """Drop the counts of declined payments of hours that are over."""
    over = declined_key("", services.clock.now() - HOUR_MS)
    old = select(counters).where(counters.c.key >= DECLINED, counters.c.key < over).limit(AT_ONCE)
    rows = await services.reader.scan(old)
    if rows:
        plan = Plan(actor="retention", anchors={row["anchor"] for row in rows})
        for row in rows:
            plan.add(Remove("counters", (row["key"],), row["anchor"]))
        await services.engine.commit(plan)
    return len(rows) == AT_ONCE


async def _forget_networks(services: Services) -> bool:
    """Drop from where methods were saved and payments begun: their pages are closed for a day at least.

    Declines that the gateway tells of later than that count nowhere. A payment that waits longer than its page is
    open (a bank debit) keeps it until it is over.
    """
    before = services.clock.now() - NETWORKS_KEPT_MS
    is_left = False
    for name, table, is_over in (("setups", setups, true()), ("payments", payments, payments.c.state.not_in(_WAITING))):
        columns = (table.c.id, table.c.customer_id)
        old = select(*columns).where(table.c.network.is_not(None), table.c.created_at < before, is_over)
        rows = await services.reader.scan(old.limit(AT_ONCE))
        if rows:
            plan = Plan(actor="retention", anchors={row["customer_id"] for row in rows})
            for row in rows:
                plan.add(Change(name, (row["id"],), row["customer_id"], {}, {"network": None}))
            await services.engine.commit(plan)
        is_left = is_left or len(rows) == AT_ONCE
    return is_left


async def _forget_bodies(services: Services, before: int) -> bool:
    """Replace webhook bodies by their hashes."""
    old = (
        select(inbox)
        .where(
            inbox.c.received_at < before,
            inbox.c.state != "received",
            func.substr(inbox.c.raw, 1, len(HASHED)) != HASHED,
        )
        .limit(AT_ONCE)
    )
    rows = await services.reader.scan(old)
    for row in rows:
        anchor = f"inbox:{row['gateway']}"
        plan = Plan(actor="retention", anchors={anchor})
        key = (row["gateway"], row["account"], row["event_id"])
        plan.add(Change("inbox", key, anchor, {"state": row["state"]}, {"raw": hash_of_body(row["raw"])}))
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
    return len(rows) == AT_ONCE


async def _forget_deliveries(services: Services, before: int) -> bool:
    """Drop what was delivered long ago, and all of endpoints that were deleted; dead deliveries are kept."""
    is_old = and_(webhook_deliveries.c.state == "delivered", webhook_deliveries.c.closed_at < before)
    gone = select(webhook_endpoints.c.id).where(webhook_endpoints.c.state == "deleted")
    identity = (webhook_deliveries.c.endpoint_id, webhook_deliveries.c.event_id)
    old = (
        select(*identity, webhook_deliveries.c.state)
        .where(or_(is_old, webhook_deliveries.c.endpoint_id.in_(gone)))
        .limit(AT_ONCE)
    )
    rows = await services.reader.scan(old)
    for row in rows:
        endpoint_id, event_id = row["endpoint_id"], row["event_id"]
        anchor = f"webhook:{endpoint_id}"
        attempts = select(webhook_attempts.c.id).where(
            webhook_attempts.c.endpoint_id == endpoint_id, webhook_attempts.c.event_id == event_id
        )
        plan = Plan(actor="retention", anchors={anchor})
        for attempt in await services.reader.scan(attempts):
            plan.add(Remove("webhook_attempts", (attempt["id"],), anchor))
        # Only if it is still as it was read: it may just have been replayed.
        plan.add(Change("webhook_deliveries", (endpoint_id, event_id), anchor, {"state": row["state"]}, {}))
        plan.add(Remove("webhook_deliveries", (endpoint_id, event_id), anchor))
        try:
            await services.engine.commit(plan)
        except Stale:
            continue
    return len(rows) == AT_ONCE
