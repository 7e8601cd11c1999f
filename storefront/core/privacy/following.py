"""Who was erased is sent away at once, in every process: their sessions are over, and so are their streams.

A commit that writes an erasure is told to all processes; whoever comes between it and the look that follows is refused
by the commit engine all the same.
"""

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy import BigInteger, bindparam, select

from storefront.core.clock import SECOND_MS, Clock
from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.outcome import DatabaseAway
from storefront.core.customers import Customers
from storefront.core.enduring import Endurance
from storefront.core.reading import Query, Reader
from storefront.core.sessions import MAX_TTL_SECONDS, Revocations
from storefront.core.tables import erasures
from storefront.core.watching import Watchers

LOOK_SECONDS = 1.0
"""What another process has told may have been lost with a connection: then it is seen a second later."""
KEPT_MS = (MAX_TTL_SECONDS + 60) * SECOND_MS
"""No session outlives an erasure by more: then there is nobody to be sent away."""
_ERASED = Query(
    select(erasures.c.customer_id, erasures.c.ended_sessions_at).where(
        erasures.c.ended_sessions_at > bindparam("since", type_=BigInteger)
    )
)

log = structlog.get_logger("storefront.privacy")


class ErasedCustomers:
    """Ends sessions and streams of customers who were erased, also by other processes."""

    def __init__(
        self,
        reader: Reader,
        clock: Clock,
        revocations: Revocations,
        watchers: Watchers,
        *,
        customers: Customers,
        endurance: Endurance,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._revocations = revocations
        self._watchers = watchers
        self._customers = customers
        self._known: set[str] = set()
        self._endurance = endurance
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_commit(self, notice: CommitNotice) -> None:
        if "erasures" in notice.tables:
            self._wake.set()

    def start(self) -> None:
        self._wake.set()  # those of before the start have sessions too
        following = self._endurance.run("erased_customers", self._follow, asyncio.Event())
        self._task = asyncio.create_task(following, name="storefront-erased-customers")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
            except DatabaseAway:
                log.info("database_unavailable")

    async def look(self) -> None:
        """Send away whoever was erased within the life of a session."""
        found = await self._reader.all(_ERASED, since=self._clock.wall() - KEPT_MS)
        if any(row["customer_id"] not in self._known for row in found):
            self._customers.forget()
        self._known = {row["customer_id"] for row in found}
        for row in found:
            # A session that a process minted before it heard of the erasure ends with the others.
            self._revocations.revoke_customer(row["customer_id"], now_ms=row["ended_sessions_at"] + KEPT_MS)
            self._watchers.end(row["customer_id"])
