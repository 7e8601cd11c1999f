"""Rows of tips and their keys in plans, and the questions that are asked about them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from storefront.core.commit.plan import Key
from storefront.core.errors import NotFound
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront_fanfunding.accounts import queue_anchor
from storefront_fanfunding.tables import alerts, blocks, tips

PENDING, PAID, REFUNDED, VOID = "pending", "paid", "refunded", "void"
TIPS, ALERTS, REVERSALS = "fanfunding_tips", "fanfunding_alerts", "fanfunding_reversals"
OVERLAYS, GRANTS = "fanfunding_overlays", "fanfunding_grants"
QUEUED, UNSETTLED = "queued", "unsettled"
"""How an alert stands that can come on screen, and one whose money is not settled yet."""
SETTLED = "fanfunding.settled"
"""The job that lets an alert into the queue once its money is settled."""
PACES, BLOCKS = "fanfunding_paces", "fanfunding_blocks"
RELEASE = "fanfunding.release"
"""The job that ends the hold of what a tip earned."""

OF_BLOCKED = and_(blocks.c.creator_id == tips.c.creator_id, blocks.c.customer_id == tips.c.customer_id)
"""Joins tips to the rows of senders whom their creator has blocked."""
_TIP = Query(
    select(tips, blocks.c.creator_id.is_not(None).label("is_blocked"))
    .join(blocks, OF_BLOCKED, isouter=True)
    .where(tips.c.id == bindparam("id"))
)
OF_PURCHASE = Query(select(tips).where(tips.c.purchase_id == bindparam("purchase_id")))
SHOWN = Query(
    select(tips, blocks.c.creator_id.is_not(None).label("is_blocked"))
    .join(blocks, OF_BLOCKED, isouter=True)
    .where(
        tips.c.creator_id == bindparam("creator_id"),
        tips.c.sequence < bindparam("before"),
        tips.c.is_held == 0,
        blocks.c.creator_id.is_(None),
        tips.c.state == PAID,
    )
    .order_by(tips.c.sequence.desc())
    .limit(bindparam("most"))
)
ALERT_OF_TIP = Query(select(alerts).where(alerts.c.tip_id == bindparam("tip_id")))
AHEAD = Query(
    select(func.count().label("ahead")).where(
        alerts.c.creator_id == bindparam("creator_id"),
        alerts.c.sequence < bindparam("sequence"),
        (alerts.c.state == "queued") | (alerts.c.state == "shown"),
    )
)


async def need_tip(services: Services, tip_id: str) -> Row:
    """Return a tip's row, and whether its sender ``is_blocked``; raises ``NotFound``."""
    row = await services.reader.first(_TIP, id=tip_id)
    if row is None:
        raise NotFound("There is no such tip.")
    return row


def unpaid(now: int) -> dict[str, Any]:
    """Return the columns of a tip that its payment will write, as they are before it."""
    return {
        "state": PENDING,
        "sequence": None,
        "earned": 0,
        "reserved": 0,
        "back_amount": 0,
        "returned": 0,
        "back_earned": 0,
        "created_at": now,
        "updated_at": now,
        "paid_at": None,
        "release_at": None,
    }


def tip_key(tip_id: str, customer_id: str) -> Key:
    return Key(TIPS, (tip_id,), customer_id)


def reversal_key(reversal_id: str, customer_id: str) -> Key:
    return Key(REVERSALS, (reversal_id,), customer_id)


def release_key(tip_id: str) -> str:
    """Return the unique key of the job that releases what a tip earned."""
    return f"{RELEASE}:{tip_id}"


def settled_key(tip_id: str) -> str:
    """Return the unique key of the job that looks whether a tip's money is settled."""
    return f"{SETTLED}:{tip_id}"


def counter_key(noun: str, creator_id: str) -> Key:
    """Name what counts a creator's ``tips`` or ``alerts``."""
    return Key("counters", (f"fanfunding:{noun}:{creator_id}",), queue_anchor(creator_id))


def value_of(row: Mapping[str, Any] | None, column: str = "value") -> int:
    return 0 if row is None else int(row[column])
