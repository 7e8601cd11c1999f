"""One look for all who ask at once: two hundred overlays of a creator that wake together read the queue once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedLooks(Generic[T]):
    """Looks at things by key. Whoever asks gets a look that began after they asked, and as few are made as do."""

    def __init__(self, look: Callable[[str], Awaitable[T]]) -> None:
        self._look = look
        self._next: dict[str, asyncio.Task[T]] = {}
        self._running: dict[str, asyncio.Task[T]] = {}

    async def now(self, key: str) -> T:
        """Return how a thing stands; raises what looking raises."""
        found = self._next.get(key)
        if found is None:
            found = self._next[key] = asyncio.create_task(self._after(key, self._running.get(key)))
        return await asyncio.shield(found)  # one that goes away must not take the others' look along

    async def _after(self, key: str, running: asyncio.Task[T] | None) -> T:
        """Look once the one before has ended: until then others may still join this one."""
        if running is not None:
            await asyncio.wait([running])
        task = self._next.pop(key)
        self._running[key] = task
        try:
            return await self._look(key)
        finally:
            if self._running.get(key) is task:
                del self._running[key]
