"""Forgetting how operators signed in: sessions and links that are over, a while after their end.

Who signed in when, and by what, stays in the audit trail.
"""

from sqlalchemy import select

from storefront.core.commit.plan import Plan, Remove
from storefront.core.operators.people import LINKS, SESSIONS, anchor_of
from storefront.core.services import Services
from storefront.core.tables_operators import console_sessions, operator_links

AT_ONCE = 200


async def forget_sign_ins(services: Services, before: int) -> bool:
    """Drop sessions and links that were over before an instant (wall ms), some of them; tell whether more may be left.

    What ended early goes with what ran out: both open nothing.
    """
    is_left = False
    for name, table in ((SESSIONS, console_sessions), (LINKS, operator_links)):
        old = select(table.c.digest, table.c.operator_id).where(table.c.expires_at < before).limit(AT_ONCE)
        rows = await services.reader.scan(old)
        if rows:
            plan = Plan(actor="retention", anchors={anchor_of(row["operator_id"]) for row in rows})
            plan.add(*(Remove(name, (row["digest"],), anchor_of(row["operator_id"])) for row in rows))
            await services.engine.commit(plan)
        is_left = is_left or len(rows) == AT_ONCE
    return is_left
