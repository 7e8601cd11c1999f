"""How the business is doing, in figures for ``/metrics``: counts, ages and averages, no turnover, nothing personal.

All is read from the database, so every process says the same, whoever did the work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from storefront.core.alarms import ALARM_CLOSED
from storefront.core.clock import SECOND_MS, parse_iso
from storefront.core.operating.payment_gauges import PaymentCost, read_payment_costs
from storefront.core.operating.reconciliations import list_reconciliations
from storefront.core.reading import Row
from storefront.core.refunds import DISPUTE
from storefront.core.sealing.entries import is_after
from storefront.core.sealing.seals import end_of, find_newest_seal
from storefront.core.services import Services
from storefront.core.tables import alarms, claims, entries, inbox, jobs, purchases, reversals, reviews
from storefront.core.tables_purchases import IS_PENDING, IS_WAITING
from storefront.core.tables_reviews import IS_WAITING as IS_REVIEWED
from storefront.core.tables_service import IS_NOT_DONE, IS_TO_DO

MOST_UNSEALED = 10_000
"""Entries that wait for their seal are counted up to here: beyond it, how many more there are says nothing new."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """Figures of one moment. Ages are business seconds, 0 where nothing is that old; that of entries is the machine's.

    ``alarms_open`` is ``kind -> how many``, ``alarms_raised`` how many there ever were.
    """

    explained_percent: Mapping[str, float] = field(default_factory=dict)
    unexplained_seconds: Mapping[str, float] = field(default_factory=dict)
    inbox: Mapping[tuple[str, str], int] = field(default_factory=dict)
    purchases_pending: int = 0
    purchases_pending_seconds: float = 0.0
    refunds_pending: int = 0
    disputes_open: int = 0
    reviews_open: int = 0
    reviews_open_seconds: float = 0.0
    jobs_dead: int = 0
    jobs_due_seconds: float = 0.0
    unsealed: int = 0
    unsealed_seconds: float = 0.0
    alarms_open: Mapping[str, int] = field(default_factory=dict)
    alarms_raised: int = 0
    payment_costs: Sequence[PaymentCost] = ()


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
    reviewed = await _reviews(services)
    unsealed = await _unsealed(services)
    raised = await _alarms(services)
    return Gauges(
        explained_percent=explained,
        unexplained_seconds=unexplained,
        inbox=await _inbox(services),
        purchases_pending=pending["n"],
        purchases_pending_seconds=_age(now, pending["oldest"]),
        refunds_pending=sum(n for cause, n in waiting.items() if cause != DISPUTE),
        disputes_open=waiting.get(DISPUTE, 0),
        reviews_open=reviewed["n"],
        reviews_open_seconds=_age(now, reviewed["oldest"]),
        jobs_dead=await count_dead_jobs(services),
        jobs_due_seconds=_age(now, await _first_due(services)),
        unsealed=unsealed["n"],
        unsealed_seconds=_age(services.clock.wall(), unsealed["oldest"]),
        alarms_open={kind: row["n"] - row["closed"] for kind, row in raised.items()},
        alarms_raised=sum(row["n"] for row in raised.values()),
        payment_costs=await read_payment_costs(services),
    )


def _age(now: int, since: int | None) -> float:
    """Return the seconds since a moment (ms), 0 where there is none or it is still to come."""
    return 0.0 if since is None else max(0.0, (now - since) / SECOND_MS)


async def _pending(services: Services) -> Row:
    columns: list[Any] = [func.count().label("n"), func.min(purchases.c.created_at).label("oldest")]
    return (await services.reader.scan(select(*columns).select_from(purchases).where(IS_PENDING)))[0]


async def _waiting(services: Services) -> dict[str, int]:
    """Return ``cause -> how many`` of the refunds and disputes that wait for a gateway."""
    counted = select(reversals.c.cause, func.count().label("n")).where(IS_WAITING).group_by(reversals.c.cause)
    return {row["cause"]: row["n"] for row in await services.reader.scan(counted)}


async def count_reviews(services: Services) -> int:
    """Count the purchases that wait for a person."""
    return int((await _reviews(services))["n"])


async def _reviews(services: Services) -> Row:
    columns: list[Any] = [func.count().label("n"), func.min(reviews.c.opened_at).label("oldest")]
    return (await services.reader.scan(select(*columns).select_from(reviews).where(IS_REVIEWED)))[0]


async def count_dead_jobs(services: Services) -> int:
    """Count the jobs that were given up; a job that is done is no row any more, so there are few."""
    counted = select(func.count().label("n")).select_from(jobs).where(jobs.c.state == "dead")
    return int((await services.reader.scan(counted))[0]["n"])


async def _first_due(services: Services) -> int | None:
    """Return since when (ms) the first job is due; one that is still to come counts for nothing in the age."""
    first = select(func.min(jobs.c.due_at).label("due_at")).where(IS_TO_DO)
    due_at: int | None = (await services.reader.scan(first))[0]["due_at"]
    return due_at


async def _unsealed(services: Services) -> Row:
    """Count the entries that no seal holds, and say when the oldest was recorded (wall ms); walks an index."""
    end = end_of(await find_newest_seal(services.reader))
    waiting = select(entries.c.recorded_at).where(is_after(end)).order_by(entries.c.commit_no, entries.c.id)
    some = waiting.limit(MOST_UNSEALED).subquery()
    columns: list[Any] = [func.count().label("n"), func.min(some.c.recorded_at).label("oldest")]
    return (await services.reader.scan(select(*columns)))[0]


async def _alarms(services: Services) -> dict[str, Row]:
    """Return ``kind -> {n, closed}``."""
    closed = claims.c.key == ALARM_CLOSED + alarms.c.id
    columns: list[Any] = [func.count().label("n"), func.count(claims.c.key).label("closed")]
    counted = select(alarms.c.kind, *columns).join(claims, closed, isouter=True).group_by(alarms.c.kind)
    return {row["kind"]: row for row in await services.reader.scan(counted)}


async def _inbox(services: Services) -> dict[tuple[str, str], int]:
    """Count what waits and what is set aside, for every gateway that has told anything or could."""
    counted = (
        select(inbox.c.gateway, inbox.c.state, func.count().label("n"))
        .where(IS_NOT_DONE)
        .group_by(inbox.c.gateway, inbox.c.state)
    )
    found = {(name, state): 0 for name in services.gateways for state in ("received", "quarantined")}
    return found | {(row["gateway"], row["state"]): row["n"] for row in await services.reader.scan(counted)}
