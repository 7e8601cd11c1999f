"""Events to plugins: each plugin with ``on_event`` follows the feed with a cursor of its own, at least once."""

import asyncio
from functools import partial

import msgspec
import structlog
from sqlalchemy import bindparam, select

from storefront.core.commit.engine import CommitNotice
from storefront.core.commit.plan import SHOP_ANCHOR, Insert, Plan
from storefront.core.enduring import Endurance
from storefront.core.errors import Unavailable
from storefront.core.events import START, Cursor, read_events
from storefront.core.pacing import Pace
from storefront.core.reading import Query
from storefront.core.services import Services
from storefront.core.tables import settings

BATCH = 100
POLL_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 1.0

_CURSOR = Query(select(settings.c.value).where(settings.c.key == bindparam("key")))

log = structlog.get_logger("storefront.events")


class EventDispatcher:
    """Hands committed events to the plugins; one that fails waits, the others go on. See ``leading.Follower``."""

    def __init__(self, services: Services, endurance: Endurance) -> None:
        self._services = services
        self._endurance = endurance
        self._reader = services.reader
        self._engine = services.engine
        self._hooks = services.hooks
        self._wakes: dict[str, asyncio.Event] = {}
        self._stopping = asyncio.Event()
        self._delivering: set[str] = set()
        self._unknown: set[str] = set()
        """Plugins that have stored no cursor so far."""

    @property
    def is_idle(self) -> bool:
        """Tell whether every plugin has been handed all that this process has committed, or waits after a failure."""
        return not self._delivering and not any(wake.is_set() for wake in self._wakes.values())

    def on_commit(self, notice: CommitNotice) -> None:
        if "events" in notice.tables:
            for wake in self._wakes.values():
                wake.set()

    async def run(self) -> None:
        self._wakes = {name: asyncio.Event() for name in self._hooks.names_of("on_event")}
        async with asyncio.TaskGroup() as group:
            for name, wake in self._wakes.items():
                follow = partial(self._follow, name, wake)
                enduring = self._endurance.run(f"events:{name}", follow, self._stopping)
                group.create_task(enduring, name=f"events for {name}")

    def ask_to_stop(self) -> None:
        self._stopping.set()
        for wake in self._wakes.values():
            wake.set()

    async def _follow(self, name: str, wake: asyncio.Event) -> None:
        cursor: Cursor | None = None
        while not self._stopping.is_set():
            wake.clear()
            self._delivering.add(name)
            try:
                if self._hooks.health[name].quarantined is None:
                    cursor = await self._begin(name) if cursor is None else cursor
                    if cursor is not None:
                        cursor = await self._deliver(name, cursor)
            except Unavailable as away:
                log.warning("events_wait", plugin=name, reason=away.code)
            finally:
                self._delivering.discard(name)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await wake.wait()
            except TimeoutError:
                continue

    async def _deliver(self, name: str, cursor: Cursor) -> Cursor:
        pace = Pace()
        while not self._stopping.is_set():
            events = await read_events(self._reader, cursor, BATCH)
            if not events:
                return cursor
            reached = cursor
            for event in events:
                await pace.take_breath()
                if not await self._hooks.call_plugin(name, "on_event", services=self._services, event=event):
                    await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
                    break
                reached = event.cursor
            if reached == cursor:
                return cursor
            cursor = reached
            await self._store(name, cursor)
        return cursor

    async def _begin(self, name: str) -> Cursor | None:
        """Return where a plugin goes on, or begins; None while nothing that happens is of interest to it."""
        if name not in self._unknown:
            row = await self._reader.first(_CURSOR, key=f"cursor:{name}")
            if row is not None:
                return msgspec.json.decode(row["value"], type=tuple[int, str, int])
            self._unknown.add(name)
        begins = getattr(self._hooks.manager.get_plugin(name), "events_matter_after", None)
        return START if begins is None else await begins(self._services)

    async def _store(self, name: str, cursor: Cursor) -> None:
        key = f"cursor:{name}"
        plan = Plan(actor=f"plugin:{name}", anchors={SHOP_ANCHOR})
        row = {"key": key, "value": msgspec.json.encode(cursor).decode()}
        plan.add(Insert("settings", (key,), SHOP_ANCHOR, row, replace=True))
        try:
            await self._engine.commit(plan)
        except Unavailable:
            log.warning("cursor_not_stored", plugin=name)
