"""Taking over from a server that died: its leases end at once instead of running out.

A lease keeps two processes from doing the same work. Where one process at a time can serve the database
(its file is locked for as long as a process lives), whoever has the lock knows that every lease it finds
belongs to the dead. Without this a buyer whose request died with the server would wait for half a minute.
"""

import structlog
from sqlalchemy import func, select

from storefront.core.commit.plan import Change, Plan
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import jobs, payments

_SWEEP = "sweep:"
_JOBS = Query(select(jobs.c.id, jobs.c.anchor, jobs.c.lease_until).where(jobs.c.lease_until > 0))
# Every pending purchase has a sweep, so this asks as many rows as there are unfinished purchases, not payments.
_PAYMENTS = Query(
    select(payments.c.id, payments.c.customer_id.label("anchor"), payments.c.lease_until).where(
        payments.c.lease_until > 0,
        payments.c.purchase_id.in_(
            select(func.substr(jobs.c.unique_key, len(_SWEEP) + 1)).where(jobs.c.unique_key.startswith(_SWEEP))
        ),
    )
)

log = structlog.get_logger("storefront.start")


async def end_leases_of_the_dead(services: Services) -> int:
    """End every lease on payments and jobs in one commit; return how many there were.

    Call it at start, before jobs run and requests come, and only while holding the lock on the database.
    """
    plan = Plan(actor="start")
    for table, query in (("payments", _PAYMENTS), ("jobs", _JOBS)):
        for row in await services.reader.all(query):
            _end_lease(plan, table, row)
    if plan.list:
        log.info("leases_ended", count=len(plan.list))
        await services.engine.commit(plan)
    return len(plan.list)


def _end_lease(plan: Plan, table: str, row: Row) -> None:
    plan.anchors.add(row["anchor"])
    plan.add(Change(table, (row["id"],), row["anchor"], {"lease_until": row["lease_until"]}, {"lease_until": 0}))
