"""Who waits to hear that a customer's state has changed: woken by commits, of this process and of others."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from storefront.core.commit.engine import CommitNotice
from storefront.core.errors import Refused, Unavailable

MOST_PER_CUSTOMER = 8
MOST = 5_000


class TooManyStreams(Refused):
    code = "too_many_streams"
    title = "This customer has as many streams open as there may be"


class Watch:
    """One wait for news of one customer."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self.is_over = False

    def wake(self) -> None:
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for news, at most so long; tell whether there is any."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True


class Watchers:
    """All watches of one process."""

    def __init__(self) -> None:
        self._watches: dict[str, list[Watch]] = {}
        self._count = 0
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether the shop is closing: who waits for anything should answer now."""
        return self._is_over

    def on_commit(self, notice: CommitNotice) -> None:
        if self._watches:
            for anchor in notice.versions:
                for watch in self._watches.get(anchor, ()):
                    watch.wake()

    @contextmanager
    def watch(self, customer_id: str, *, at_most: int = MOST_PER_CUSTOMER) -> Iterator[Watch]:
        """Watch a customer's state, or what hangs under another anchor, while the block runs.

        Raises:
            TooManyStreams: this customer has enough of them.
            Unavailable: the process has, or is closing.
        """
        watches = self._watches.setdefault(customer_id, [])
        if len(watches) >= at_most:
            raise TooManyStreams(at_most=at_most)
        if self._count >= MOST or self._is_over:
            raise Unavailable("There are too many streams here; try again in a moment.")
        watch = Watch()
        watches.append(watch)
        self._count += 1
        try:
            yield watch
        finally:
            self._count -= 1
            watches.remove(watch)
            if not watches:
                self._watches.pop(customer_id, None)

    def end(self, customer_id: str) -> None:
        """End the watches of one customer, who is another one now: their clients come back as that one."""
        for watch in self._watches.get(customer_id, ()):
            watch.is_over = True
            watch.wake()

    def close(self) -> None:
        """End all watches: the shop is closing."""
        self._is_over = True
        for customer_id in self._watches:
            self.end(customer_id)
