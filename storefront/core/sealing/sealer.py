"""The sealer: follows committed entries and closes seals over them, in the background.

It looks once a second, and no commit wakes it: it is in no hurry, and a purchase never waits for it. A seal
is closed when ``LARGEST_SEAL`` entries wait, or when the oldest has waited ``PATIENCE_SECONDS``: a busy shop
gets a seal per thousand entries, a quiet one gets one for what ten seconds brought, not one per purchase.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import DBAPIError

from storefront.core.clock import Clock
from storefront.core.commit.apply import LateAnswer, LateView
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Stale
from storefront.core.commit.plan import Insert, Key, Late, Plan
from storefront.core.errors import StorefrontError
from storefront.core.pacing import Pace
from storefront.core.reading import Query, Reader
from storefront.core.sealing.entries import Entry, Position, is_after, net_by_account, read_entries
from storefront.core.sealing.merkle import root_of
from storefront.core.sealing.seals import NOTHING_BEFORE, Seal, StoredSeal, end_of, find_newest_seal
from storefront.core.tables import accounts, entries

SEALS_ANCHOR = "seals"
LARGEST_SEAL = 1_000
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 1.0
PAGE = 25
"""Entries read and hashed in one go: about two milliseconds, after which requests come first."""

_CLOSE = "seals.close"
_IS_NEXT = (entries.c.commit_no >= bindparam("commit_no")) & (
    (entries.c.commit_no > bindparam("commit_no")) | (entries.c.id > bindparam("entry_id"))
)
_WAITING = Query(
    select(entries.c.id)
    .where(_IS_NEXT, entries.c.commit_no < bindparam("before"))
    .order_by(entries.c.commit_no, entries.c.id)
    .limit(1)
    .offset(bindparam("skipped"))
)

log = structlog.get_logger("storefront.seals")


class Sealer:
    """Closes seals; one of them works on a database at a time, and two would still never fork the chain."""

    def __init__(
        self,
        reader: Reader,
        engine: CommitEngine,
        clock: Clock,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        largest_seal: int = LARGEST_SEAL,
    ) -> None:
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._largest_seal = largest_seal
        self._closing = asyncio.Lock()
        self._waiting_since: float | None = None
        self._stopping = asyncio.Event()
        engine.register_late_step(_CLOSE, _close)

    def ask_to_stop(self) -> None:
        """Let ``run`` seal what waits, and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Close seals as they fall due until it is asked to stop; failures are logged and tried again."""
        while not self._stopping.is_set():
            await self._try(self.seal_due)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._stopping.wait()
            except TimeoutError:
                continue
        await self._try(self.seal_all)

    async def seal_due(self) -> int:
        """Close the seals that are due and return how many."""
        closed, pace = 0, Pace()
        while not self._stopping.is_set() and await self._is_due():
            closed += await self._close_one(pace)
        return closed

    async def seal_all(self) -> int:
        """Seal everything that can be sealed now, due or not, in one go, and return how many seals that took.

        Raises:
            Stale: another process closed a seal at the same time.
            Unavailable: the shop is closing, or its database is away.
        """
        closed = 0
        while await self._close_one():
            closed += 1
        return closed

    async def _try(self, work: Any) -> None:
        try:
            await work()
        except Exception as error:  # a follower outlives whatever happens to it, and says so
            is_known = isinstance(error, StorefrontError | Stale | OSError | DBAPIError)
            reason = str(error) or type(error).__name__
            log.warning("not_sealed", reason=reason, exc_info=None if is_known else error)

    async def _is_due(self) -> bool:
        end, before = end_of(await find_newest_seal(self._reader)), await self._reader.settled_before()
        if await self._is_waiting(end, before, skipped=self._largest_seal - 1):
            return True
        if not await self._is_waiting(end, before, skipped=0):
            self._waiting_since = None
            return False
        # Patience is counted here and not from the entries' own times: a machine's clock may be set back.
        now = asyncio.get_running_loop().time()
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since >= self._patience_seconds

    async def _is_waiting(self, end: Position, before: int, *, skipped: int) -> bool:
        position = {"commit_no": end.commit_no, "entry_id": end.entry_id}
        return await self._reader.first(_WAITING, **position, before=before, skipped=skipped) is not None

    async def _close_one(self, pace: Pace | None = None) -> bool:
        async with self._closing:
            return await self._close_next(pace)

    async def _close_next(self, pace: Pace | None) -> bool:
        newest = await find_newest_seal(self._reader)
        # What is settled is asked before the entries are read: nothing below it can appear between the two.
        before = await self._reader.settled_before()
        if not await self._is_waiting(end_of(newest), before, skipped=0):
            return False
        batch = _Batch()
        async with self._reader.connect() as connection:
            while len(batch.leaves) < self._largest_seal and not batch.is_complete:
                page = min(PAGE, self._largest_seal - len(batch.leaves))
                after = batch.end or end_of(newest)
                await connection.run_sync(batch.read, after, before, page)
                if pace is not None:
                    await pace.take_breath()
            await connection.run_sync(batch.keep_open_accounts)
        await self._engine.commit(batch.plan(newest, self._clock.wall()))
        self._waiting_since = None
        return True


class _Batch:
    """The entries of one seal: their leaf hashes, and what they moved on open accounts."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.moved: dict[str, int] = {}
        self.first: Position | None = None
        self.end: Position | None = None
        self.is_complete = False

    def read(self, connection: Connection, after: Position, before: int, limit: int) -> None:
        found = read_entries(connection, is_after(after), entries.c.commit_no < before, limit=limit)
        for entry in found:
            self._add(entry)
        self.is_complete = len(found) < limit

    def _add(self, entry: Entry) -> None:
        self.leaves.append(entry.leaf)
        self.first = self.first or entry.position
        self.end = entry.position
        for account, amount in net_by_account(entry.document).items():
            self.moved[account] = self.moved.get(account, 0) + amount

    def keep_open_accounts(self, connection: Connection) -> None:
        """Guarded accounts keep a balance of their own; only open ones get checkpoints."""
        is_open = select(accounts.c.id).where(accounts.c.id.in_(list(self.moved)), accounts.c.guarded == 0)
        self.moved = {row.id: self.moved[row.id] for row in connection.execute(is_open)} if self.moved else {}

    def plan(self, newest: StoredSeal | None, sealed_at: int) -> Plan:
        assert self.first is not None, "a batch is planned when it has entries"
        assert self.end is not None, "a batch is planned when it has entries"
        seal = Seal(
            number=1 if newest is None else newest.seal.number + 1,
            first_commit_no=self.first.commit_no,
            last_commit_no=self.end.commit_no,
            last_entry_id=self.end.entry_id,
            entries=len(self.leaves),
            entries_so_far=len(self.leaves) + (0 if newest is None else newest.seal.entries_so_far),
            root=root_of(self.leaves),
            previous=NOTHING_BEFORE if newest is None else newest.hash,
            sealed_at=sealed_at,
        )
        reads = [_seal_key(seal.number), _seal_key(seal.number - 1), *map(_checkpoint_key, self.moved)]
        facts = {"seal": seal, "leaves": b"".join(self.leaves), "moved": self.moved}
        plan = Plan(actor="sealer", anchors={SEALS_ANCHOR})
        plan.add(Late(_CLOSE, tuple(reads), facts))
        return plan


def _close(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Write the seal if it still continues the chain, and fold its transfers into the checkpoints."""
    seal: Seal = facts["seal"]
    before = view.row(_seal_key(seal.number - 1))
    previous = NOTHING_BEFORE if before is None else bytes(before["hash"])
    is_next = (before is None) == (seal.number == 1) and seal.previous == previous
    if view.row(_seal_key(seal.number)) is not None or not is_next:
        raise Stale(f"seal {seal.number} was closed by another process")
    steps = [
        Insert("seals", (seal.number,), SEALS_ANCHOR, seal.row()),
        Insert("seal_leaves", (seal.number,), SEALS_ANCHOR, {"number": seal.number, "leaves": facts["leaves"]}),
    ]
    for account, amount in facts["moved"].items():
        known = view.row(_checkpoint_key(account))
        balance = amount if known is None else known["balance"] + amount
        row = {"account": account, "balance": balance, "seal": seal.number}
        steps.append(Insert("checkpoints", (account,), SEALS_ANCHOR, row, replace=True))
    return steps


def _seal_key(number: int) -> Key:
    return Key("seals", (number,), SEALS_ANCHOR)


def _checkpoint_key(account: str) -> Key:
    return Key("checkpoints", (account,), SEALS_ANCHOR)
