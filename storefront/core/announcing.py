"""Telling the other processes of a PostgreSQL database what was committed, so that they need not wait to find out.

Notices go out after the commit, on a connection of their own, many commits in one. They only make things
faster: caches end by themselves, and whoever follows commits also looks every second.
"""

import asyncio
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress

import asyncpg
import msgspec
import structlog

from storefront.core.commit.engine import CommitEngine, CommitNotice
from storefront.core.commit.postgres import CONNECTION_LOST
from storefront.core.enduring import Endurance

CHANNEL = "storefront"
LONGEST_PAYLOAD = 7_900
COME_BACK_SECONDS = 0.5

log = structlog.get_logger("storefront.announcing")


class _Notice(msgspec.Struct):
    """What goes over the wire: who sends it, the highest commit, moved anchors, tables with new rows."""

    sender: str
    commit_no: int
    versions: dict[str, int]
    tables: list[str]


class Announcer:
    """Sends the notices of this process's commits, and hands those of others to the engine's followers."""

    def __init__(self, url: str, engine: CommitEngine, endurance: Endurance) -> None:
        self._url = url
        self._endurance = endurance
        self._engine = engine
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._versions: dict[str, int] = {}
        self._tables: set[str] = set()
        self._commit_no = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        engine.follow(self.on_commit)

    def on_commit(self, notice: CommitNotice) -> None:
        if notice.is_ours:
            self._versions.update(notice.versions)
            self._tables |= notice.tables
            self._commit_no = max(self._commit_no, notice.commit_no)
            self._wake.set()

    def start(self) -> None:
        announcing = self._endurance.run("announcer", self._announce_forever, asyncio.Event())
        self._task = asyncio.create_task(announcing, name="storefront-announcer")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _announce_forever(self) -> None:
        while True:
            try:
                await self._announce()
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.info("announcer_lost_connection", reason=repr(error))
            await asyncio.sleep(COME_BACK_SECONDS)

    async def _announce(self) -> None:
        connection = await asyncpg.connect(self._url, server_settings={"application_name": "storefront-announcer"})
        try:
            await connection.add_listener(CHANNEL, self._hear)
            while True:
                await self._wake.wait()
                self._wake.clear()
                for payload in self._take():
                    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        finally:
            connection.terminate()

    def _take(self) -> list[str]:
        """Return what is to be said now, in payloads that are short enough."""
        anchors, tables = list(self._versions.items()), sorted(self._tables)
        self._versions, self._tables = {}, set()
        return self._payloads(anchors, tables)

    def _payloads(self, anchors: Sequence[tuple[str, int]], tables: list[str]) -> list[str]:
        """Return the notices, halved until each fits: PostgreSQL takes no more than 8,000 bytes at once."""
        payload = msgspec.json.encode(_Notice(self._name, self._commit_no, dict(anchors), tables))
        if len(payload) <= LONGEST_PAYLOAD or len(anchors) < 2:
            return [payload.decode()]
        half = len(anchors) // 2
        return [*self._payloads(anchors[:half], tables), *self._payloads(anchors[half:], tables)]

    def _hear(self, connection: object, pid: int, channel: str, payload: object) -> None:
        try:
            notice = msgspec.json.decode(str(payload), type=_Notice)
        except msgspec.DecodeError:
            log.warning("notice_not_understood")
            return
        if notice.sender != self._name:
            self._engine.tell(CommitNotice(notice.commit_no, notice.versions, frozenset(notice.tables), is_ours=False))
