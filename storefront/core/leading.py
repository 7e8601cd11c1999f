"""Work that one process per database does at a time: delivering events to plugins, sealing the books.

On SQLite a process has the database to itself, so it always leads. On PostgreSQL whoever holds an advisory
lock leads; when it ends or loses its connection, the database gives the lock to another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

import asyncpg
import structlog

from storefront.core.commit.postgres import CONNECTION_LOST
from storefront.core.enduring import Endurance

Work = Callable[[], Awaitable[None]]
ASK_AGAIN_SECONDS = 1.0
STOP_SECONDS = 10.0

log = structlog.get_logger("storefront.leading")


class Follower(Protocol):
    """Follows the commits of a database; one of its kind works at a time."""

    async def run(self) -> None:
        """Work until ``ask_to_stop``; may be cancelled, and run again, at any time."""
        ...

    def ask_to_stop(self) -> None:
        """Finish what is under way; ``run`` ends soon."""
        ...


class Leader(Protocol):
    """Runs work while this process leads."""

    async def lead(self, work: Work, stopping: asyncio.Event) -> None:
        """Wait until this process leads, and run ``work`` until it ends by itself; give up when ``stopping`` is set.

        If the lead is lost meanwhile, the work is cancelled, and begun anew with the next lead.
        """
        ...


class OnlyLeader:
    """Leads always: nobody else serves the database."""

    async def lead(self, work: Work, stopping: asyncio.Event) -> None:
        await work()


class PostgresLeader:
    """Leads while it holds an advisory lock on a connection of its own."""

    def __init__(self, url: str, lock: tuple[int, int]) -> None:
        self._url = url
        self._lock = lock

    async def lead(self, work: Work, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                if await self._lead_once(work, stopping):
                    return
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.debug("lead_not_taken", reason=str(error))
            await _pause(stopping)

    async def _lead_once(self, work: Work, stopping: asyncio.Event) -> bool:
        """Tell whether the work came to its own end."""
        connection = await asyncpg.connect(self._url, server_settings={"application_name": "storefront-leader"})
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *self._lock):
                await _pause(stopping)
                if stopping.is_set():
                    return False
            log.info("leading")
            running = asyncio.ensure_future(work())
            try:
                return await self._watch(connection, running)
            finally:
                log.info("lead_ended")
                running.cancel()
                await asyncio.wait([running])
        finally:
            connection.terminate()

    async def _watch(self, connection: asyncpg.Connection, running: asyncio.Future[None]) -> bool:
        """Make sure every second that the lock is still ours; ends with the work, raises with the connection."""
        while not running.done():
            await asyncio.wait([running], timeout=ASK_AGAIN_SECONDS)
            await connection.fetchval("SELECT 1", timeout=ASK_AGAIN_SECONDS * 5)
        running.result()
        return True


async def _pause(stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(ASK_AGAIN_SECONDS):
            await stopping.wait()


class Leading:
    """Runs the followers of this process, ``name -> follower``, for as long as it leads; each fails by itself."""

    def __init__(self, leader: Leader, followers: Mapping[str, Follower], endurance: Endurance) -> None:
        self._leader = leader
        self._followers = followers
        self._endurance = endurance
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        leading = self._endurance.run("leading", self._lead, self._stopping)
        self._task = asyncio.create_task(leading, name="storefront-leading")

    async def stop(self) -> None:
        """Let every follower finish what it is at, for a while; what is left goes to the next process."""
        self._stopping.set()
        for follower in self._followers.values():
            follower.ask_to_stop()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_SECONDS)
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _lead(self) -> None:
        await self._leader.lead(self._run, self._stopping)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, follower in self._followers.items():
                group.create_task(self._endurance.run(name, follower.run, self._stopping), name=f"storefront-{name}")
