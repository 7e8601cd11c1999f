"""How the business is doing, in figures for ``/metrics``: counts and ages, no amounts, nothing personal.

All is read from the database, so every process says the same, whoever did the work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from storefront.core.clock import SECOND_MS, parse_iso
from storefront.core.operating.reconciliations import list_reconciliations
from storefront.core.reading import Row
from storefront.core.refunds import DISPUTE
from storefront.core.services import Services
from storefront.core.tables import inbox, jobs, purchases, reversals, reviews
from storefront.core.tables_purchases import IS_PENDING, IS_WAITING
from storefront.core.tables_reviews import IS_WAITING as IS_REVIEWED
from storefront.core.tables_service import IS_NOT_DONE


@dataclass(frozen=True, slots=True)
class Gauges:
    """Figures of one moment. Ages are business seconds, 0 where nothing is that old."""

    explained_percent: Mapping[str, float] = field(default_factory=dict)
    unexplained_seconds: Mapping[str, float] = field(default_factory=dict)
    inbox: Mapping[tuple[str, str], int] = field(default_factory=dict)
    purchases_pending: int = 0
    purchases_pending_seconds: float = 0.0
    refunds_pending: int = 0
    disputes_open: int = 0
    reviews_open: int = 0
    jobs_dead: int = 0


async def read_gauges(services: Services) -> Gauges:
    """Read all figures; raises ``Unavailable`` while the database does not answer."""
    now = services.clock.now()
    explained, unexplained = {}, {}
    for one in await list_reconciliations(services):
        report = one["report"]
        if report is None:
            continue
        explained[one["gateway"]] = float(report["explained_percent"])
        oldest = report["oldest_unexplained_seconds"]
        waited = 0 if oldest is None else (now - parse_iso(report["at"])) / SECOND_MS + oldest
        unexplained[one["gateway"]] = max(0.0, waited)
    pending = await _pending(services)
    waiting = await _waiting(services)
    return Gauges(
        explained_percent=explained,
        unexplained_seconds=unexplained,
        inbox=await _inbox(services),
        purchases_pending=pending["n"],
        purchases_pending_seconds=max(0.0, (now - (pending["oldest"] or now)) / SECOND_MS),
        refunds_pending=sum(n for cause, n in waiting.items() if cause != DISPUTE),
        disputes_open=waiting.get(DISPUTE, 0),
        reviews_open=await count_reviews(services),
        jobs_dead=await count_dead_jobs(services),
    )


async def _pending(services: Services) -> Row:
    columns: list[Any] = [func.count().label("n"), func.min(purchases.c.created_at).label("oldest")]
    return (await services.reader.scan(select(*columns).select_from(purchases).where(IS_PENDING)))[0]


async def _waiting(services: Services) -> dict[str, int]:
    """Return ``cause -> how many`` of the refunds and disputes that wait for a gateway."""
    counted = select(reversals.c.cause, func.count().label("n")).where(IS_WAITING).group_by(reversals.c.cause)
    return {row["cause"]: row["n"] for row in await services.reader.scan(counted)}


async def count_reviews(services: Services) -> int:
    """Count the purchases that wait for a person."""
    counted = select(func.count().label("n")).select_from(reviews).where(IS_REVIEWED)
    return int((await services.reader.scan(counted))[0]["n"])


async def count_dead_jobs(services: Services) -> int:
    """Count the jobs that were given up; a job that is done is no row any more, so there are few."""
    counted = select(func.count().label("n")).select_from(jobs).where(jobs.c.state == "dead")
    return int((await services.reader.scan(counted))[0]["n"])


async def _inbox(services: Services) -> dict[tuple[str, str], int]:
    """Count what waits and what is set aside, for every gateway that has told anything or could."""
    counted = (
        select(inbox.c.gateway, inbox.c.state, func.count().label("n"))
        .where(IS_NOT_DONE)
        .group_by(inbox.c.gateway, inbox.c.state)
    )
    found = {(name, state): 0 for name in services.gateways for state in ("received", "quarantined")}
    return found | {(row["gateway"], row["state"]): row["n"] for row in await services.reader.scan(counted)}
