"""Creators' own files: whoever leads looks at them, and puts into effect what their creators have changed.

Only that comes into effect: the version that is on sale stays as it is but for its creators, whatever else in the
operator's files has changed meanwhile. A mistake changes nothing, and the log says where it is.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from storefront.core.clock import HOUR_MS
from storefront.core.commit.outcome import DatabaseAway, Stale
from storefront.core.config import Config, ConfigError
from storefront.core.errors import StorefrontError
from storefront.core.services import Services

LOOK_SECONDS = 1.0
MOST_AN_HOUR, MOST_OF_ONE = 600, 60
"""How many versions creators may bring about in an hour, all and each: one is stored for ever, and none may use up what
is the others'."""
ACTOR = "creators"
Seen = frozenset[tuple[str, int, int, int]]

log = structlog.get_logger("storefront.creators")


class Pace:
    """At most so many in any hour."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._noted: deque[int] = deque(maxlen=most)

    def may(self, now: int) -> bool:
        """Tell whether there may be one more now (ms)."""
        return len(self._noted) < self._most or now - self._noted[0] >= HOUR_MS

    def note(self, now: int) -> None:
        self._noted.append(now)


class CreatorFiles:
    """Follows the files; ``read`` reads the whole configuration anew, as the start did: whose file has mistakes is
    refused by itself, and holds up no other creator."""

    def __init__(self, services: Services, read: Callable[[], Config]) -> None:
        self._services = services
        self._read = read
        self._files = services.config.creator_files
        self._seen = self._latest = look_at(self._files)
        self._pace = Pace(MOST_AN_HOUR)
        self._paces: dict[str, Pace] = {}
        self._waiting: frozenset[str] = frozenset()
        self._stopping = asyncio.Event()

    def ask_to_stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Look every second until asked to stop; a shop without creators' files has nothing to look at."""
        while self._files and not self._stopping.is_set():
            await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._stopping.wait()

    async def _look(self) -> None:
        before, self._latest = self._latest, await asyncio.to_thread(look_at, self._files)
        seen = self._latest
        now, services = self._services.clock.wall(), self._services
        may_go_on = any(self._may(name, now) for name in self._waiting)
        if seen != before or (seen == self._seen and not may_go_on):
            return  # what has just been written may be half of it
        try:
            wanted = await asyncio.to_thread(self._read)
            moved = services.catalogs.changed_creators(wanted)
            wait = frozenset(name for name in moved if not self._may(name, now))
            changed = await services.catalogs.replace_creators(
                wanted, services.engine, services.clock, actor=ACTOR, keep=wait
            )
        except (Stale, DatabaseAway):
            return  # looked at again in a second
        except (ConfigError, StorefrontError) as error:
            self._seen = seen
            log.error("creators_refused", reason=str(error))
            return
        if wait - self._waiting:
            log.warning("creators_wait", creators=sorted(wait), most_an_hour=MOST_OF_ONE)
        self._waiting = wait
        if changed:
            self._pace.note(now)
            for name in moved - wait:
                self._paces[name].note(now)
        # Of files that were not watched yet, what they said when they were read is not known: they are looked at again.
        self._seen = seen if wanted.creator_files == self._files else frozenset()
        self._files = wanted.creator_files
        log.info("creators_looked_at", changed=changed, version=services.catalogs.active.version)

    def _may(self, name: str, now: int) -> bool:
        """Tell whether a creator may bring about one more version now."""
        return self._pace.may(now) and self._paces.setdefault(name, Pace(MOST_OF_ONE)).may(now)


def look_at(files: Iterable[Path]) -> Seen:
    """Return what tells that files, or what lies beside them, have changed: what is not there is not in it."""
    found = set()
    for path in {*files, *(file.parent for file in files)}:
        with suppress(OSError):
            stat = path.stat()
            found.add((str(path), stat.st_mtime_ns, stat.st_size if path in files else 0, stat.st_ino))
    return frozenset(found)
