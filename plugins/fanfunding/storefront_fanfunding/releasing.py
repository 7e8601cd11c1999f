"""The hold is over: what a tip earned can be paid out, once it has paid what its creator owes."""

from collections.abc import Mapping, Sequence
from typing import Any

from storefront.core.clock import DAY_MS
from storefront.core.commit.apply import LateView
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Emit, Late, Plan, Step, Steps
from storefront.core.jobs import Again
from storefront.core.reading import Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import money_anchor, reserve
from storefront_fanfunding.campaigns import BY_PURCHASE, FAILED, REACHED, need_campaign
from storefront_fanfunding.passbook import Entry, Purse
from storefront_fanfunding.rows import TIPS, need_tip, tip_key
from storefront_fanfunding.settling import event_payload
from storefront_fanfunding.to_creators import give

RELEASE_STEP = "release"
KIND = "tip.released"
_LABEL = "released"


async def release(services: Services, tip_id: str) -> Again | None:
    """Release what a tip has in reserve, once it may be. Safe at any time, any number of times."""
    row = await need_tip(services, tip_id)
    if row["reserved"] == 0:
        return None
    if services.clock.now() < row["release_at"]:
        return Again(row["release_at"])
    if await _may_go_back(services, row):
        return Again(services.clock.now() + DAY_MS)
    await services.engine.commit(_plan(row))
    return None


async def _may_go_back(services: Services, tip: Row) -> bool:
    """Tell whether a tip is a pledge to a goal that gives all back if too little of it comes in: not while it may."""
    pledge = await services.reader.first(BY_PURCHASE, purchase_id=tip["purchase_id"])
    if pledge is None:
        return False
    campaign = await need_campaign(services, pledge)
    return bool(campaign["state"] == FAILED or (campaign["state"] == REACHED and campaign["min_collected"]))


def _plan(row: Row) -> Plan:
    customer_id, creator_id, currency = row["customer_id"], row["creator_id"], row["currency"]
    anchor = money_anchor(creator_id)
    plan = Plan(actor="plugin:fanfunding", anchors={customer_id, anchor})
    entry_id = plan.entry(KIND, about=row["id"], anchor=customer_id, label=_LABEL)
    reads = (tip_key(row["id"], customer_id), *Purse(creator_id, currency).reads)
    facts = {
        "entry": Entry(entry_id, KIND, row["id"]),
        "tip_id": row["id"],
        "customer_id": customer_id,
        "creator_id": creator_id,
        "currency": currency,
    }
    plan.add(Late(f"fanfunding.{RELEASE_STEP}", reads, facts))
    return plan


def release_step(view: LateView, facts: Mapping[str, Any]) -> Sequence[Step]:
    """Late step: move what is left in reserve of a tip; a debt is paid first, whole, and to the shop."""
    creator_id, currency, now = facts["creator_id"], facts["currency"], view.moment.now
    customer_id = facts["customer_id"]
    row = view.row(tip_key(facts["tip_id"], customer_id))
    if row is None:
        raise Stale("a tip that is to be released")
    amount = row["reserved"]
    if amount == 0 or now < row["release_at"]:
        return ()
    steps, purse = Steps(), Purse(creator_id, currency)
    give(view, steps, purse, facts["entry"], source=reserve(creator_id, currency), amount=amount, label=_LABEL)
    changes = {"reserved": 0, "updated_at": now}
    steps.add(Change(TIPS, (row["id"],), customer_id, {"reserved": amount}, changes))
    steps.add(Emit(money_anchor(creator_id), KIND, row["id"], event_payload(row)))
    return steps.list
