"""The roller: follows committed entries and events, and keeps the roll-ups, a few seconds behind the selling.

Each commit is folded once: the sums and the number of the last commit that they know are one commit, which compares
that number with the one it began from. Whoever comes second, after a crash or beside another process, changes nothing.
No sale waits for it, and none wakes it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from storefront.core.analytics.batches import read_batch
from storefront.core.analytics.folding import Sums, customers_of, fold
from storefront.core.analytics.generations import (
    ANCHOR,
    GENERATIONS,
    MEMBERS,
    ROLLUPS,
    Generation,
    find_current,
    generation_key,
    member_key,
    read_members,
    rollup_key,
    rollup_row,
)
from storefront.core.analytics.metrics import AllFigures
from storefront.core.clock import Clock
from storefront.core.commit.apply import LateAnswer, LateView
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Insert, Key, Late, Plan
from storefront.core.errors import StorefrontError
from storefront.core.pacing import Pace
from storefront.core.reading import Query, Reader
from storefront.core.tables import entries, events

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 3.0
"""How long what was committed waits for company, so that many sales are counted in one commit."""
AT_ONCE = 100
"""Entries and events that are read and folded in one go beside a shop that sells."""
ALONE = 2_000
_FOLD = "analytics.fold"
_NEWEST = Query(
    select(
        select(func.max(entries.c.commit_no)).scalar_subquery().label("entry"),
        select(func.max(events.c.commit_no)).scalar_subquery().label("event"),
    )
)

log = structlog.get_logger("storefront.analytics")


class Roller:
    """Keeps the roll-ups; see ``leading.Follower``. Two of them would still count nothing twice."""

    def __init__(self, reader: Reader, engine: CommitEngine, clock: Clock, figures: AllFigures) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._figures = figures
        self._stopping = asyncio.Event()
        self._folding = asyncio.Lock()
        engine.register_late_step(_FOLD, _fold)

    def ask_to_stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Fold what is committed until it is asked to stop; failures are logged and tried again."""
        waited, seen = 0.0, -1
        while not self._stopping.is_set():
            try:
                newest = await self._newest()
                waited = waited + POLL_SECONDS if newest > seen else 0.0
                if waited >= PATIENCE_SECONDS:
                    await self.fold_all(Pace())
                    seen, waited = newest, 0.0
            except Exception as error:  # a follower outlives whatever happens to it, and says so
                is_known = isinstance(error, StorefrontError | Stale | OSError | DBAPIError)
                reason = str(error) or type(error).__name__
                log.warning("not_rolled_up", reason=reason, exc_info=None if is_known else error)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    async def catch_up(self) -> None:
        """Fold all that is settled by now, a little at a time, however far another process may get meanwhile."""
        while True:
            try:
                await self.fold_all(Pace())
            except Stale:
                continue
            return

    async def fold_all(self, pace: Pace | None = None) -> Generation:
        """Fold all that is settled into the roll-ups that are read, and return how far they have come.

        In one go, unless a ``pace`` is set: then a little at a time, until it is asked to stop.

        Raises:
            Stale: another process folds at the same time.
            Unavailable: the shop is closing, or its database is away.
        """
        async with self._folding:
            return await self._fold_all(pace)

    async def _fold_all(self, pace: Pace | None) -> Generation:
        generation = await find_current(self._reader) or Generation(1, created_at=self._clock.wall(), is_new=True)
        while not (pace is not None and self._stopping.is_set()):
            further = await self.fold_next(generation, AT_ONCE if pace is not None else ALONE)
            if further is None:
                break
            generation = further
            if pace is not None:
                await pace.take_breath()
        return generation

    async def fold_next(self, generation: Generation, page: int) -> Generation | None:
        """Fold the next commits into a generation, and return it as it stands then; None: there was nothing left."""
        # What is settled is asked before anything is read: nothing below it can appear between the two.
        before = await self._reader.settled_before()
        async with self._reader.connect() as connection:
            sums = await connection.run_sync(self._read, generation, before, page)
        if sums is None:
            return None
        after = replace(
            generation,
            commit_no=sums.commit_no,
            counted_until=max(generation.counted_until, sums.counted_until),
            folded=generation.folded + sums.folded,
            is_new=False,
        )
        await self._engine.commit(_plan(generation, after, sums))
        return after

    def _read(self, connection: Connection, generation: Generation, before: int, page: int) -> Sums | None:
        figures = self._figures
        batch = read_batch(connection, generation.commit_no, before, figures.event_types, page=page)
        if batch is None:
            return None
        sums = Sums()
        fold(batch, figures, read_members(connection, generation.number, customers_of(batch, figures)), sums)
        return sums

    async def _newest(self) -> int:
        row = await self._reader.first(_NEWEST)
        return -1 if row is None else max(-1 if row[name] is None else row[name] for name in ("entry", "event"))


def _plan(before: Generation, after: Generation, sums: Sums) -> Plan:
    reads: list[Key] = [before.key]
    reads += [rollup_key(before.number, key) for key in sums.added]
    reads += [member_key(before.number, customer_id) for customer_id in sums.members]
    plan = Plan(actor="analytics", anchors={ANCHOR})
    plan.add(Late(_FOLD, tuple(reads), {"before": before, "after": after, "sums": sums}))
    return plan


def _fold(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Add sums to the roll-ups if these still stand where the sums begin."""
    before: Generation = facts["before"]
    after: Generation = facts["after"]
    sums: Sums = facts["sums"]
    stored = view.row(generation_key(before.number))
    stands = stored["state"] == before.state and stored["commit_no"] == before.commit_no if stored else before.is_new
    if not stands:
        raise Stale("another process has counted what was committed")
    number = before.number
    steps = [Insert(GENERATIONS, (number,), ANCHOR, after.to_row(), replace=True)]
    for key, (amount, count) in sums.added.items():
        known = view.row(rollup_key(number, key)) or {"amount": 0, "count": 0}
        row = rollup_row(number, key, known["amount"] + amount, known["count"] + count)
        steps.append(Insert(ROLLUPS, rollup_key(number, key).id, ANCHOR, row, replace=True))
    for customer_id, member in sums.members.items():
        row = member.to_row(number, customer_id)
        steps.append(Insert(MEMBERS, (number, customer_id), ANCHOR, row, replace=True))
    return steps
