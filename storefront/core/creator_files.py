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
MOST_AN_HOUR = 120
"""How many versions creators may bring about: each is stored for ever, however often their files change."""
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
        self._seen = look_at(self._files)
        self._pace = Pace(MOST_AN_HOUR)
        self._waits = False
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
        seen = await asyncio.to_thread(look_at, self._files)
        if seen == self._seen:
            return
        now = self._services.clock.wall()
        if not self._pace.may(now):
            if not self._waits:
                log.warning("creators_wait", most_an_hour=MOST_AN_HOUR)
            self._waits = True
            return
        try:
            wanted = await asyncio.to_thread(self._read)
            services = self._services
            changed = await services.catalogs.replace_creators(wanted, services.engine, services.clock, actor=ACTOR)
        except (Stale, DatabaseAway):
            return  # looked at again in a second
        except (ConfigError, StorefrontError) as error:
            self._seen = seen
            log.error("creators_refused", reason=str(error))
            return
        self._waits = False
        if changed:
            self._pace.note(now)
        # Of files that were not watched yet, what they said when they were read is not known: they are looked at again.
        self._seen = seen if wanted.creator_files == self._files else frozenset()
        self._files = wanted.creator_files
        log.info("creators_looked_at", changed=changed, version=services.catalogs.active.version)


def look_at(files: Iterable[Path]) -> Seen:
    """Return what tells that files, or what lies beside them, have changed: what is not there is not in it."""
    found = set()
    for path in {*files, *(file.parent for file in files)}:
        with suppress(OSError):
            stat = path.stat()
            found.add((str(path), stat.st_mtime_ns, stat.st_size if path in files else 0, stat.st_ino))
    return frozenset(found)
