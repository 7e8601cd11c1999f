"""Work that is due: rows inserted by the plan that makes the work, run by whoever serves the database.

A job is claimed by a lease, so a crash hands it to the next process; every job is idempotent. One that
fails is tried again later and later, and ends in the dead list, where an operator sees it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from sqlalchemy import Select, and_, bindparam, false, or_, select

from storefront.core.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Clock
from storefront.core.commit.engine import CommitEngine, CommitNotice
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Change, Plan, Remove
from storefront.core.enduring import Endurance
from storefront.core.errors import NotFound, StorefrontError, Unavailable
from storefront.core.reading import Query, Reader, Row
from storefront.core.tables import jobs

LEASE_MS = 2 * MINUTE_MS
MOST_AT_ONCE = 20
MOST_ATTEMPTS = 40
LONGEST_PAUSE_MS = 6 * HOUR_MS
POLL_SECONDS = 1.0
PATIENCE_MS = DAY_MS
"""How long housekeeping may wait for company on a journey through time."""

log = structlog.get_logger("storefront.jobs")


@dataclass(frozen=True, slots=True)
class Again:
    """What a handler returns when its job is not over: run it again at ``due_at`` (business ms)."""

    due_at: int


def pause_after(age_ms: int) -> int:
    """Return how long to wait before a gateway is asked again about something as old as this (ms)."""
    return min(max(age_ms, MINUTE_MS), LONGEST_PAUSE_MS)


JobHandler = Callable[[Mapping[str, Any]], Awaitable[Again | None]]


class _Reads:
    """What is due, of the kinds that somebody here runs: the jobs of a plugin that is off wait for it."""

    def __init__(self, kinds: frozenset[str], patient: frozenset[str]) -> None:
        waiting = self._waiting(kinds)
        is_due = and_(jobs.c.due_at <= bindparam("now"), jobs.c.lease_until <= bindparam("wall"))
        self.due = Query(waiting.where(is_due).limit(bindparam("most")))
        self.unfinished = Query(waiting.where(jobs.c.due_at <= bindparam("now")).limit(1))
        self.next = Query(self._waiting(kinds - patient).limit(1))
        self.next_patient = Query(self._waiting(patient).limit(1))

    @staticmethod
    def _waiting(kinds: Iterable[str]) -> Select[Any]:
        is_of_them = or_(false(), *(jobs.c.kind == kind for kind in sorted(kinds)))
        return select(jobs).where(jobs.c.state == "waiting", is_of_them).order_by(jobs.c.due_at)


@lru_cache(8)
def _reads_of(kinds: frozenset[str], patient: frozenset[str]) -> _Reads:
    return _Reads(kinds, patient)


class Jobs:
    """Finds due jobs and runs them, a few at once."""

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock, endurance: Endurance) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._endurance = endurance
        self._handlers: dict[str, JobHandler] = {}
        self._patient: set[str] = set()
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._broken: set[str] = set()

    def register(self, kind: str, handler: JobHandler, *, is_patient: bool = False) -> None:
        """Say who runs jobs of a kind; kinds are unique.

        A patient kind is run when it is due like any other, but a journey through time makes no stop for it alone: it
        is done at the next stop, ``PATIENCE_MS`` late at most.
        """
        if kind in self._handlers:
            raise ValueError(f"two handlers for jobs of kind {kind}")
        self._handlers[kind] = handler
        if is_patient:
            self._patient.add(kind)

    def on_commit(self, notice: CommitNotice) -> None:
        if "jobs" in notice.tables:
            self._wake.set()

    def wake(self) -> None:
        """Look again now: the clock was moved."""
        self._wake.set()

    def start(self) -> None:
        running = self._endurance.run("jobs", self._run_forever, self._stopping)
        self._task = asyncio.create_task(running, name="storefront-jobs")

    async def stop(self) -> None:
        """Finish what is running; what is waiting waits for the next process."""
        self._stopping.set()
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._running:
            await asyncio.wait(self._running, timeout=10)

    async def is_idle(self) -> bool:
        """Tell whether nothing is due and nothing runs, here or in another process."""
        return not self._running and await self._reader.first(self._reads().unfinished, now=self._clock.now()) is None

    async def next_due_at(self) -> int | None:
        """Return when the next job is due (business ms), also one that is due already, and patient ones at last."""
        reads = self._reads()
        stops = [
            int(row["due_at"]) + patience
            for query, patience in ((reads.next, 0), (reads.next_patient, PATIENCE_MS))
            if (row := await self._reader.first(query)) is not None
        ]
        return min(stops, default=None)

    def _reads(self) -> _Reads:
        """Return the questions about all kinds registered so far, which are written anew only if there are more."""
        return _reads_of(frozenset(self._handlers), frozenset(self._patient))

    async def _due(self, most: int) -> Sequence[Row]:
        return await self._reader.all(self._reads().due, now=self._clock.now(), wall=self._clock.wall(), most=most)

    async def _run_forever(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                await self._start_due()
            except Unavailable as away:
                log.warning("jobs_wait", reason=away.code)
            if not self._stopping.is_set():
                await self._pause()

    async def _start_due(self) -> None:
        room = MOST_AT_ONCE - len(self._running)
        for row in await self._due(room) if room > 0 else ():
            if await self._may_run(row):
                task = asyncio.create_task(self._run(row), name=f"job {row['kind']}")
                self._running.add(task)
                task.add_done_callback(self._finished)

    async def _may_run(self, row: Row) -> bool:
        """Claim a job; one whose row is broken is nobody's, and holds up no other."""
        try:
            return await self._claim(row)
        except Exception as error:  # what befalls one job is nothing to the others
            if row["id"] not in self._broken:
                self._broken.add(row["id"])
                log.error("job_not_claimed", kind=row["kind"], job=row["id"], exc_info=error)
            return False

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _claim(self, row: Row) -> bool:
        lease = {"lease_until": self._clock.wall() + LEASE_MS, "attempts": row["attempts"] + 1}
        return await self._change(row, {"lease_until": row["lease_until"]}, lease)

    async def _change(self, row: Row, expect: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
        plan = Plan(actor="jobs", anchors={row["anchor"]})
        plan.add(Change("jobs", (row["id"],), row["anchor"], expect, changes))
        try:
            await self._engine.commit(plan)
        except (Stale, Unavailable):
            return False
        return True

    async def _run(self, row: Row) -> None:
        try:
            again = await self._handlers[row["kind"]](msgspec.json.decode(row["payload"]))
        except Exception as error:
            await self._failed(row, error)
            return
        if again is not None:
            # A job that comes round again and again dies of failures in a row, not of all it ever had.
            await self._change(row, {}, {"due_at": again.due_at, "lease_until": 0, "attempts": 0, "last_error": None})
            return
        plan = Plan(actor="jobs", anchors={row["anchor"]})
        plan.add(Remove("jobs", (row["id"],), row["anchor"]))
        try:
            await self._engine.commit(plan)
        except Unavailable as away:
            # Its lease runs out and it is done again, which changes nothing.
            log.warning("job_not_struck_off", job=row["id"], reason=away.code)

    async def _failed(self, row: Row, error: Exception) -> None:
        attempts = row["attempts"] + 1
        known = isinstance(error, StorefrontError)
        log.warning("job_failed", kind=row["kind"], job=row["id"], attempts=attempts, reason=str(error),
                    exc_info=None if known else error)  # fmt: skip
        changes: dict[str, Any] = {"lease_until": 0, "last_error": f"{type(error).__name__}: {error}"[:500]}
        if attempts >= MOST_ATTEMPTS or isinstance(error, NotFound):
            changes["state"] = "dead"
            log.error("job_dead", kind=row["kind"], job=row["id"])
        else:
            pause = min(SECOND_MS * 2 ** min(attempts, 16), LONGEST_PAUSE_MS)
            changes["due_at"] = self._clock.now() + pause
        await self._change(row, {}, changes)
