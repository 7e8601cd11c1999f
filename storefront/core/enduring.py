"""Work that goes on whatever happens to it: what follows commits, runs jobs, keeps up with other processes.

Whoever works here catches what it knows. What escapes it all the same (a row that somebody broke, a fault of ours) ends
neither it nor anybody else: it is logged, the work begins anew after a pause that grows, and the metrics say so.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
STEADY_SECONDS = 15.0
"""Work that has gone on for so long since it was begun anew has come over what befell it."""

log = structlog.get_logger("storefront.enduring")


@dataclass(slots=True)
class _Trouble:
    """What befell work: how often in a row, what it was, and since when it works again (None: it pauses)."""

    times: int
    what: str
    working_since: float | None = None


class Endurance:
    """Runs the lasting work of one process, each by a name of its own."""

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        """Name of the work -> how often something escaped it."""
        self._troubles: dict[str, _Trouble] = {}

    @property
    def failing(self) -> frozenset[str]:
        """The names of work that pauses, or was begun anew a moment ago, because of what befell it."""
        now = asyncio.get_running_loop().time()
        return frozenset(name for name, one in self._troubles.items() if not _is_over(one, now))

    async def run(self, name: str, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
        """Run ``work`` until it ends by itself; begin it anew when something escapes it, unless ``stopping`` is set.

        It may be cancelled, and run again, at any time.
        """
        self.failures[name] += 0
        while True:
            try:
                await work()
            except Exception as error:  # a follower outlives whatever happens to it, and says so
                pause = self._failed(name, error)
            else:
                self._troubles.pop(name, None)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stopping.wait()
            if stopping.is_set():
                return
            self._troubles[name].working_since = asyncio.get_running_loop().time()

    def _failed(self, name: str, error: Exception) -> float:
        """Note what befell work, log it (its traceback once for as long as it is the same), return the pause."""
        what, before = _said_of(error), self._troubles.get(name)
        if before is not None and _is_over(before, asyncio.get_running_loop().time()):
            before = None
        times = 1 if before is None else before.times + 1
        self._troubles[name] = _Trouble(times, what)
        self.failures[name] += 1
        pause = min(FIRST_PAUSE_SECONDS * (1 << min(times - 1, 16)), LONGEST_PAUSE_SECONDS)
        is_known = before is not None and before.what == what
        log.error("work_failed", work=name, times=times, again_in_seconds=pause, reason=what,
                  exc_info=None if is_known else error)  # fmt: skip
        return pause


def _is_over(trouble: _Trouble, now: float) -> bool:
    return trouble.working_since is not None and now - trouble.working_since >= STEADY_SECONDS


def _said_of(error: Exception) -> str:
    """Return what went wrong in a line: of a group of tasks, what befell the first of them."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:500]
