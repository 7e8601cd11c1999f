"""All-or-nothing goals and pledges as rows: their states, how they are found, and how asking for too much is refused.

campaign: collecting ──► reached ──► collected | failed          pledge: pending ──► open ──► charging ──► collected
              └──► missed                                                   │          │         └──► failed     │
                                                                          void   withdrawn, released       refunded
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from storefront.core.commit.plan import Key
from storefront.core.errors import NotFound, Refused
from storefront.core.money import Money
from storefront.core.quotes import tax_of
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.config import SKU
from storefront_fanfunding.pledge_tables import CAMPAIGNS, PLEDGES, campaigns, pledges

COLLECTING, REACHED, MISSED = "collecting", "reached", "missed"
PENDING, OPEN, CHARGING = "pending", "open", "charging"
COLLECTED, FAILED, WITHDRAWN, RELEASED, VOID, REFUNDED = (
    "collected", "failed", "withdrawn", "released", "void", "refunded",
)  # fmt: skip
"""``collected`` and ``failed`` are said of campaigns, too."""
PLEDGE_STATES = (PENDING, OPEN, CHARGING, COLLECTED, FAILED, WITHDRAWN, RELEASED, VOID, REFUNDED)
CAMPAIGN_STATES = (COLLECTING, REACHED, MISSED, COLLECTED, FAILED)
LIVE = frozenset({PENDING, OPEN, CHARGING})
"""States of pledges of which something may still come."""
ACTOR = "plugin:fanfunding"
METHOD_GONE = "payment_method_gone"
"""Why a pledge is withdrawn or failed whose fan has removed the card."""

_CAMPAIGN = Query(
    select(campaigns).where(
        campaigns.c.creator_id == bindparam("creator_id"),
        campaigns.c.goal == bindparam("goal"),
    )
)
OF_CREATOR = Query(select(campaigns).where(campaigns.c.creator_id == bindparam("creator_id")))
_PLEDGE = Query(select(pledges).where(pledges.c.id == bindparam("id")))
BY_SETUP = Query(select(pledges).where(pledges.c.setup_id == bindparam("setup_id")))
BY_PURCHASE = Query(select(pledges).where(pledges.c.purchase_id == bindparam("purchase_id")))
OPEN_OF_FAN = Query(
    select(pledges).where(
        pledges.c.customer_id == bindparam("customer_id"),
        pledges.c.creator_id == bindparam("creator_id"),
        pledges.c.goal == bindparam("goal"),
        pledges.c.state == OPEN,
    )
)
OPEN_OF_METHOD = Query(
    select(pledges.c.id).where(
        pledges.c.customer_id == bindparam("customer_id"),
        pledges.c.method == bindparam("method"),
        pledges.c.state == OPEN,
    )
)
OF_METHOD = Query(
    select(pledges.c.id, pledges.c.state).where(
        pledges.c.customer_id == bindparam("customer_id"), pledges.c.method == bindparam("method")
    )
)
_of_campaign = (pledges.c.creator_id == bindparam("creator_id"), pledges.c.goal == bindparam("goal"))
UNDECIDED = Query(
    select(pledges.c.id).where(*_of_campaign, or_(pledges.c.state == OPEN, pledges.c.state == CHARGING)).limit(1)
)
COLLECTED_OF = Query(
    select(func.coalesce(func.sum(pledges.c.worth), 0).label("worth"), func.count().label("many")).where(
        *_of_campaign, or_(pledges.c.state == COLLECTED, pledges.c.state == REFUNDED)
    )
)
NEXT_COLLECTED = Query(
    select(pledges)
    .where(*_of_campaign, pledges.c.state == COLLECTED, pledges.c.id > bindparam("after"))
    .order_by(pledges.c.id)
    .limit(100)
)


class GoalNotOpen(Refused):
    code = "goal_not_open"
    title = "This goal takes no pledges now"


class AlreadyPledged(Refused):
    code = "already_pledged"
    title = "This fan has pledged to this goal already"


class PledgeOver(Refused):
    code = "pledge_over"
    title = "This pledge cannot be moved any more"


async def find_campaign(services: Services, creator_id: str, goal: str) -> Row | None:
    """Return what an all-or-nothing goal holds to; None before its first pledge."""
    return await services.reader.first(_CAMPAIGN, creator_id=creator_id, goal=goal)


async def need_campaign(services: Services, pledge: Mapping[str, Any]) -> Row:
    """Return the campaign of a pledge."""
    row = await find_campaign(services, pledge["creator_id"], pledge["goal"])
    assert row is not None, "a campaign is written with its first pledge"
    return row


async def need_pledge(services: Services, pledge_id: str) -> Row:
    """Return a pledge's row; raises ``NotFound``."""
    row = await services.reader.first(_PLEDGE, id=pledge_id)
    if row is None:
        raise NotFound("There is no such pledge.")
    return row


def total_of(services: Services, pledge: Mapping[str, Any]) -> Money:
    """Return what a pledge is charged, by the tax of today; where the gateway works that out, without it."""
    catalog, price = services.catalogs.active, Money(pledge["amount"], pledge["currency"])
    line = tax_of(catalog, price, catalog.offer(SKU).tax_class, pledge["country"])
    return price if line is None else Money(line.base.amount_minor + line.amount.amount_minor, price.currency)


def campaign_key(campaign: Mapping[str, Any]) -> Key:
    """Name the row of a campaign; ``campaign`` may be a pledge of it."""
    return Key(CAMPAIGNS, (campaign["creator_id"], campaign["goal"]), board_anchor(campaign["creator_id"]))


def pledge_key(pledge: Mapping[str, Any]) -> Key:
    return Key(PLEDGES, (pledge["id"],), pledge["customer_id"])


def backer_key(pledge: Mapping[str, Any]) -> Key:
    """Name what counts a fan's open pledges to a goal: one at most."""
    name = f"fanfunding:pledged:{pledge['creator_id']}:{pledge['goal']}:{pledge['customer_id']}"
    return Key("counters", (name,), pledge["customer_id"])


def told_of(pledge: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what a ``pledge.*`` event tells: our own ids, amounts and states; no name and no message."""
    return {
        "id": pledge["id"],
        "creator_id": pledge["creator_id"],
        "customer_id": pledge["customer_id"],
        "goal": pledge["goal"],
        "amount": {"amount": pledge["amount"], "currency": pledge["currency"]},
        "state": pledge["state"],
        **more,
    }
