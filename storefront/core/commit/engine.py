"""The commit engine: takes the plans that are waiting and writes them in one transaction per batch.

There is no timer: while one batch is on its way to the disk the next one gathers. A store with several
lanes runs as many batches at once, with anchors and idempotency keys of their own each. First come first served;
plans of one anchor, or of one key, keep their order and take at most a few places while others wait. The queue is
bounded to about a second of work; beyond it callers are told to come back.
"""

import asyncio
import copy
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from storefront.core.clock import Clock
from storefront.core.commit.apply import LateStep, apply_plan
from storefront.core.commit.outcome import CommitUnknown, DatabaseAway, Moment, Outcome, Overloaded, Stale
from storefront.core.commit.plan import Plan
from storefront.core.commit.state import State, Writes
from storefront.core.commit.store import Store, Wanted
from storefront.core.errors import StorefrontError, Unavailable

LARGEST_BATCH = 100
PLACES_PER_ANCHOR = 16
LONGEST_QUEUE = 2_000

log = structlog.get_logger("storefront.commit")


@dataclass(frozen=True, slots=True)
class CommitNotice:
    """What followers are told after a commit: its number, the new version of each moved anchor, the tables
    whose rows it wrote, and whether this process made it or heard of it."""

    commit_no: int
    versions: Mapping[str, int]
    tables: frozenset[str]
    is_ours: bool = True


@dataclass(slots=True, eq=False)
class _Waiting:
    plan: Plan
    future: asyncio.Future[Outcome]
    order: frozenset[str]
    """What keeps plans in their order: their anchors, and their key."""


@dataclass(slots=True)
class _Batch:
    waiting: list[_Waiting]
    results: dict[int, Outcome | BaseException] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    tables: frozenset[str] = frozenset()


@dataclass(slots=True)
class Counts:
    """What an engine has done since it was made: batches written, plans in them, seconds for it, plans turned away."""

    batches: int = 0
    plans: int = 0
    seconds: float = 0.0
    overloaded: int = 0


class CommitEngine:
    """Applies plans: ``outcome = await engine.commit(plan)``."""

    def __init__(
        self, store: Store, clock: Clock, *, longest_queue: int = LONGEST_QUEUE, largest_batch: int = LARGEST_BATCH
    ) -> None:
        self._store = store
        self.largest_batch = largest_batch
        self._clock = clock
        self.longest_queue = longest_queue
        self.counts = Counts()
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._running: dict[asyncio.Task[None], frozenset[str]] = {}
        self._busy: set[str] = set()
        self._late: dict[str, LateStep] = {}
        self._followers: list[Callable[[CommitNotice], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def register_late_step(self, name: str, function: LateStep) -> None:
        """Make a pure function available to plans; names are unique."""
        if name in self._late:
            raise ValueError(f"two late steps are called {name}")
        self._late[name] = function

    def follow(self, callback: Callable[[CommitNotice], None]) -> None:
        """Call ``callback`` on the loop after each commit; it must be quick and must not raise."""
        self._followers.append(callback)

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_forever(), name="storefront-commit")

    async def stop(self) -> None:
        """Commit what is waiting, then stop; later commits are told that the shop is closing."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    @property
    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done() and not self._is_stopping

    @property
    def waiting(self) -> int:
        """How many plans wait for the next batch."""
        return len(self._queue)

    async def commit(self, plan: Plan) -> Outcome:
        """Apply ``plan`` durably and return its outcome.

        Raises:
            Refused: nothing was written. Where the plan has ``on_refused`` steps, those were written and
                the outcome carries the refusal instead.
            Stale: a row moved since the plan was decided; decide again.
            Unavailable: overloaded, stopping, or the database is away; nothing was written.
        """
        if not self.is_alive:
            raise Unavailable("The shop is closing; try again in a moment.")
        if len(self._queue) >= self.longest_queue:
            self.counts.overloaded += 1
            raise Overloaded
        waiting = _Waiting(plan, asyncio.get_running_loop().create_future(), _order(plan))
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.future

    async def preview(self, plan: Plan) -> Outcome:
        """Apply ``plan`` to the books as they stand now, write nothing, and return what would come of it.

        Raises:
            Refused, Stale, Unavailable: as ``commit`` does.
        """
        found: list[Outcome | BaseException] = []

        def decide(state: State, commit_no: int) -> Writes:
            moment = Moment(self._clock.now(), self._clock.wall(), commit_no)
            # On a copy: the store takes what it loaded for what the database holds.
            found[:] = [self._apply(copy.deepcopy(state), plan, moment)]
            return Writes()

        await self._store.transact(Wanted.of(plan.anchors, plan.reads(), plan.searches()), decide)
        (outcome,) = found
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def _write_forever(self) -> None:
        try:
            while self._queue or not self._is_stopping:
                if not self._queue or len(self._running) == self._store.lanes:
                    await self._sleep()
                    continue
                # Requests that have arrived already come along: two turns of the loop, no timer.
                for _ in range(2):
                    await asyncio.sleep(0)
                waiting = self._take_batch()
                if self._store.lanes == 1:
                    await self._write_batch(waiting)
                elif waiting:
                    self._start_lane(waiting)
                elif self._queue:
                    await self._sleep()  # all that wait need anchors that are under way
            if self._running:
                await asyncio.wait(self._running)
        finally:
            while self._queue:
                _fail(self._queue.popleft(), Unavailable("The shop is closing; try again in a moment."))

    async def _sleep(self) -> None:
        """Wait for a plan, for a lane, or for the end."""
        self._wake.clear()
        await self._wake.wait()

    def _start_lane(self, waiting: list[_Waiting]) -> None:
        anchors = frozenset[str]().union(*(one.order for one in waiting))
        task = asyncio.create_task(self._write_batch(waiting), name="storefront-commit-lane")
        self._running[task] = anchors
        self._busy |= anchors
        task.add_done_callback(self._end_lane)

    def _end_lane(self, task: asyncio.Task[None]) -> None:
        self._busy -= self._running.pop(task)
        self._wake.set()

    def _take_batch(self) -> list[_Waiting]:
        """Take plans in order; an anchor with many of them lets others in, and keeps its own order."""
        taken: list[_Waiting] = []
        passed: list[_Waiting] = []
        places: Counter[str] = Counter()
        most = self._fair_share()
        while self._queue and len(taken) < most:
            waiting = self._queue.popleft()
            if waiting.future.cancelled():
                continue
            anchors = waiting.order
            if not self._busy.isdisjoint(anchors) or any(places[anchor] >= PLACES_PER_ANCHOR for anchor in anchors):
                # From here on this anchor's plans wait together, so that they keep their order.
                places.update(dict.fromkeys(anchors, PLACES_PER_ANCHOR))
                passed.append(waiting)
                continue
            if waiting.plan.is_alone and taken:
                self._queue.appendleft(waiting)
                break
            places.update(anchors)
            taken.append(waiting)
            if waiting.plan.is_alone:
                break
        while passed and len(taken) < most and not self._queue and not self._busy:
            if any(one.plan.is_alone for one in (*taken, passed[0])):
                break
            taken.append(passed.pop(0))
        self._queue.extendleft(reversed(passed))
        return taken

    def _fair_share(self) -> int:
        """Return how many plans a batch may take: what waits is shared among the lanes that are free."""
        free = self._store.lanes - len(self._running)
        return min(self.largest_batch, -(-len(self._queue) // free))

    async def _write_batch(self, waiting: list[_Waiting]) -> None:
        if not waiting:
            return
        try:
            await self._transact(waiting)
        except (DatabaseAway, CommitUnknown) as away:
            log.error(away.code, plans=len(waiting), reason=repr(away.__cause__))
            for one in waiting:
                _fail(one, away)
        except Exception as error:
            await self._write_one_by_one(waiting, error)

    async def _write_one_by_one(self, waiting: list[_Waiting], error: Exception) -> None:
        """Keep one bad plan from taking its batch with it."""
        if len(waiting) == 1:
            log.error("commit_failed", actor=waiting[0].plan.actor, exc_info=error)
            _fail(waiting[0], error)
            return
        for one in waiting:
            await self._write_batch([one])

    async def _transact(self, waiting: list[_Waiting]) -> None:
        batch = _Batch(waiting)
        anchors = {anchor for one in waiting for anchor in one.plan.anchors}
        reads = [read for one in waiting for read in one.plan.reads()]
        searches = [search for one in waiting for search in one.plan.searches()]

        def decide(state: State, commit_no: int) -> Writes:
            return self._decide(batch, state, commit_no)

        began = time.monotonic()
        commit_no = await self._store.transact(Wanted.of(anchors, reads, searches), decide)
        self.counts.seconds += time.monotonic() - began
        self.counts.batches += 1
        self.counts.plans += len(waiting)
        for number, one in enumerate(waiting):
            result = batch.results[number]
            if isinstance(result, BaseException):
                _fail(one, result)
            elif not one.future.done():
                one.future.set_result(result)
        if batch.versions or batch.tables:
            self.tell(CommitNotice(commit_no, batch.versions, batch.tables))

    def tell(self, notice: CommitNotice) -> None:
        """Tell everybody who follows commits of one, also of one that another process made."""
        for follower in self._followers:
            follower(notice)

    def _decide(self, batch: _Batch, state: State, commit_no: int) -> Writes:
        """Apply every plan of the batch; runs in the store's transaction, maybe in another thread."""
        moment = Moment(self._clock.now(), self._clock.wall(), commit_no)
        batch.results.clear()
        for number, one in enumerate(batch.waiting):
            batch.results[number] = self._apply(state, one.plan, moment)
        batch.versions = {anchor: state.anchors[anchor][0] for anchor in state.moved_anchors}
        writes = state.writes()
        # Plain names, whatever subclass of str a plan named its tables by: notices go over the wire.
        batch.tables = frozenset(map(str, (*writes.inserts, *writes.updates)))
        return writes

    def _apply(self, state: State, plan: Plan, moment: Moment) -> Outcome | BaseException:
        try:
            return apply_plan(state, plan, moment, self._late)
        except (StorefrontError, Stale) as known:
            return known
        except Exception as error:
            log.error("plan_failed", actor=plan.actor, exc_info=error)
            return error


def _order(plan: Plan) -> frozenset[str]:
    if plan.idempotency is None:
        return frozenset(plan.anchors)
    return frozenset((*plan.anchors, " ".join(("key", *map(str, plan.idempotency.row.id)))))


def _fail(waiting: _Waiting, error: BaseException) -> None:
    if not waiting.future.done():
        waiting.future.set_exception(error)
