"""Alerts that wait until their money is settled (``alerts: {show: on_settled}`` in the creator's file).

A payment is settled once the gateway's balance transaction of it stands in our copy of the gateway's books. Tips from
the wallet, of other services, and through gateways that keep no such books wait for nothing.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from storefront.core.clock import MINUTE_MS, SECOND_MS
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change
from storefront.core.gateways import BalanceBook, BalanceKind
from storefront.core.jobs import Again
from storefront.core.purchasing import read_purchase
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import gateway_movements
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.alert_queue import alert_event, queue_plan
from storefront_fanfunding.rows import ALERT_OF_TIP, ALERTS, QUEUED, TIPS, UNSETTLED, need_tip

SOON_MS, LATER_MS, PATIENCE_MS = 10 * SECOND_MS, 5 * MINUTE_MS, 10 * MINUTE_MS
_MOVEMENT = Query(
    select(gateway_movements.c.id)
    .where(gateway_movements.c.about == bindparam("about"), gateway_movements.c.kind == str(BalanceKind.PAYMENT))
    .limit(1)
)


async def show_settled(services: Services, payload: Mapping[str, Any]) -> Again | None:
    """Let a tip's alert into the queue once its money is settled. Safe at any time, any number of times."""
    tip = await need_tip(services, payload["tip"])
    if tip["is_settled"]:
        return None
    now = services.clock.now()
    if not await _is_settled(services, tip):
        return Again(now + (SOON_MS if now - tip["paid_at"] < PATIENCE_MS else LATER_MS))
    alert = await services.reader.first(ALERT_OF_TIP, tip_id=tip["id"])
    assert alert is not None, "a tip that is paid has an alert"
    creator_id, anchor = tip["creator_id"], queue_anchor(tip["creator_id"])
    plan = queue_plan(creator_id)
    plan.anchors.add(tip["customer_id"])
    plan.add(Change(TIPS, (tip["id"],), tip["customer_id"], {"is_settled": 0}, {"is_settled": 1, "updated_at": now}))
    after = QUEUED if alert["state"] == UNSETTLED else alert["state"]
    plan.add(Change(ALERTS, (creator_id, alert["sequence"]), anchor, {"state": alert["state"]},
                    {"state": after, "updated_at": now}))  # fmt: skip
    if after == QUEUED:
        plan.add(alert_event(creator_id, alert["sequence"], tip["id"], QUEUED))
    try:
        await services.engine.commit(plan)
    except Stale:
        return Again(now)  # somebody has just judged it
    return None


async def _is_settled(services: Services, tip: Row) -> bool:
    purchase = await read_purchase(services, tip["purchase_id"])
    if not isinstance(services.gateway(purchase["pay_with"]), BalanceBook):
        return True
    return await services.reader.first(_MOVEMENT, about=tip["purchase_id"]) is not None
