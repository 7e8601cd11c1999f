"""Keeping up with the other processes of a shared database: what they changed that this one holds in memory.

Looks every second, and at once when a commit says that settings or keys have changed.
"""

import asyncio
from contextlib import suppress

import structlog

from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.outcome import DatabaseAway
from storefront.core.database import read_setting
from storefront.core.enduring import Endurance
from storefront.core.jobs import Jobs
from storefront.core.keys import Keys
from storefront.core.services import Services
from storefront.core.timetravel import SETTING as CLOCK_SETTING

LOOK_SECONDS = 1.0
_WATCHED = frozenset({"settings", "api_keys", "catalog_versions"})

log = structlog.get_logger("storefront.keeping_up")


class KeepingUp:
    """Follows the active catalog, the API keys, who was merged, and a sandbox's clock."""

    def __init__(self, services: Services, keys: Keys, jobs: Jobs, endurance: Endurance) -> None:
        self._services = services
        self._endurance = endurance
        self._keys = keys
        self._jobs = jobs
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_commit(self, notice: CommitNotice) -> None:
        if not notice.is_ours and not _WATCHED.isdisjoint(notice.tables):
            self._wake.set()

    def start(self) -> None:
        keeping_up = self._endurance.run("keeping_up", self._keep_up, asyncio.Event())
        self._task = asyncio.create_task(keeping_up, name="storefront-keeping-up")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_up(self) -> None:
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
        """Take over what has changed."""
        services = self._services
        if await services.catalogs.follow():
            log.info("catalog_followed", version=services.catalogs.active.version)
        await self._keys.refresh()
        await services.learn_merges()
        if not services.is_live:
            offset = int(await read_setting(services.reader, CLOCK_SETTING) or 0)
            if offset > services.clock.offset_ms:
                services.clock.offset_ms = offset
                self._jobs.wake()
