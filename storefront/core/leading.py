"""Work that one process per database does at a time: delivering events to plugins, sealing the books.

On SQLite a process has the database to itself, so it always leads. On PostgreSQL whoever holds an advisory
lock leads; when it ends or loses its connection, the database gives the lock to another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import asyncpg
import structlog

from storefront.core.commit.postgres import CONNECTION_LOST

Work = Callable[[], Awaitable[None]]
ASK_AGAIN_SECONDS = 1.0

log = structlog.get_logger("storefront.leading")


class Leader(Protocol):
    """Runs work while this process leads."""

    async def lead(self, work: Work) -> None:
        """Wait until this process leads, and run ``work`` until it ends by itself.

        If the lead is lost meanwhile, the work is cancelled, and begun anew with the next lead.
        """
        ...


class OnlyLeader:
    """Leads always: nobody else serves the database."""

    async def lead(self, work: Work) -> None:
        await work()


class PostgresLeader:
    """Leads while it holds an advisory lock on a connection of its own."""

    def __init__(self, url: str, lock: tuple[int, int]) -> None:
        self._url = url
        self._lock = lock

    async def lead(self, work: Work) -> None:
        while True:
            try:
                if await self._lead_once(work):
                    return
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.info("lead_lost", reason=repr(error))
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _lead_once(self, work: Work) -> bool:
        """Tell whether the work came to its own end."""
        connection = await asyncpg.connect(self._url, server_settings={"application_name": "storefront-leader"})
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *self._lock):
                return False
            running = asyncio.ensure_future(work())
            try:
                return await self._watch(connection, running)
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
        finally:
            connection.terminate()

    async def _watch(self, connection: asyncpg.Connection, running: asyncio.Future[None]) -> bool:
        """Make sure every second that the lock is still ours; ends with the work, raises with the connection."""
        while not running.done():
            await asyncio.wait([running], timeout=ASK_AGAIN_SECONDS)
            await connection.fetchval("SELECT 1", timeout=ASK_AGAIN_SECONDS * 5)
        await running
        return True
