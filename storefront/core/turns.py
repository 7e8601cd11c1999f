"""Who decides about one thing, one after the other, within this process.

What is committed is looked at again in its commit, so nothing here is needed for the books to be right. But of many
who decide about one thing at once, all but one decide in vain; where deciding has effects of its own (a payment that
is to be replaced is given up first), each keeps the others from ever getting done. Whoever was overtaken takes turns.
"""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """Locks by the id of what is decided about; one that nobody holds or waits for is forgotten."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, subject: str) -> asyncio.Lock:
        """Return the lock of a subject: ``async with turns.of(subscription_id): …``; first come, first served."""
        return self._locks.setdefault(subject, asyncio.Lock())
