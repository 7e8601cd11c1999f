"""The jobs that wait, and those that were given up; an operator lets them try again."""

from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.clock import iso
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan
from storefront.core.errors import Conflict, NotFound
from storefront.core.operating.pages import read_page
from storefront.core.privileged import record_action
from storefront.core.reading import Query, Row
from storefront.core.services import Services
from storefront.core.tables import jobs

JOB = Query(select(jobs).where(jobs.c.id == bindparam("id")))

log = structlog.get_logger("storefront.jobs")


class JobNotDead(Conflict):
    code = "job_not_dead"
    title = "This job has not been given up"


async def list_jobs(
    services: Services, *, state: str | None = None, limit: int = 50, after: str | None = None
) -> dict[str, Any]:
    """Return a page of jobs, newest first: ``waiting``, ``dead`` or all. One that is done is no more."""
    statement = select(jobs)
    if state is not None:
        statement = statement.where(jobs.c.state == state)
    by = (jobs.c.created_at, jobs.c.id)
    return await read_page(services.reader, statement, by, limit=limit, after=after, shown=job_json)


async def retry_job(services: Services, job_id: str, *, actor: str) -> dict[str, Any]:
    """Let a job that was given up try again, now and as often as a new one; return it.

    Raises:
        NotFound: there is no such job (any more).
        JobNotDead: it waits, and will be run by itself.
    """
    row = await services.reader.first(JOB, id=job_id)
    if row is None:
        raise NotFound("There is no such job: what is done is struck off.")
    if row["state"] != "dead":
        raise JobNotDead("It waits and is run by itself.", due_at=iso(row["due_at"]))
    plan = Plan(actor=actor, anchors={row["anchor"]})
    revive_job(plan, row, services.clock.now())
    record_action(
        plan, "job.retried", actor=actor, about=job_id, facts={"kind": row["kind"]},
        now=services.clock.now(), wall=services.clock.wall(),
    )  # fmt: skip
    try:
        await services.engine.commit(plan)
    except Stale:
        log.info("job_retried_already", job=job_id)
    return job_json(await services.reader.first(JOB, id=job_id) or {**row, **_revived(services.clock.now())})


def revive_job(plan: Plan, row: Row, due_at: int) -> None:
    """Add to a plan that a job waits again, as one that was never tried; somebody else's change makes it stale."""
    expect = {"state": row["state"], "attempts": row["attempts"]}
    plan.add(Change("jobs", (row["id"],), row["anchor"], expect, _revived(due_at)))


def _revived(due_at: int) -> dict[str, Any]:
    return {"state": "waiting", "attempts": 0, "lease_until": 0, "due_at": due_at}


def job_json(row: Row) -> dict[str, Any]:
    """Return a job as an operator sees it; ``last_error`` says why it failed the last time."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "attempts": row["attempts"],
        "due_at": iso(row["due_at"]),
        "last_error": row["last_error"],
        "payload": msgspec.json.decode(row["payload"]),
        "created_at": iso(row["created_at"]),
    }
