"""Server side: everything that happened, in order, at least once."""

import asyncio
import logging
from collections.abc import AsyncIterator

from storefront_sdk.errors import RateLimited, Unavailable
from storefront_sdk.models import Document, Event
from storefront_sdk.transport import Transport, understood

LONGEST_PAUSE_SECONDS = 30.0

log = logging.getLogger("storefront_sdk")


class Events:
    """``shop.events`` of a client with a server key."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(self, after: str | None = None, *, limit: int = 100) -> tuple[list[Event], str]:
        """Return the events behind a cursor (None: from the beginning) and the cursor to go on with."""
        query = {"limit": str(limit), **({"after": after} if after else {})}
        document = (await self._transport.read("/v1/events", query=query)).document

        def page(document: Document) -> tuple[list[Event], str]:
            following, found = str(document["next"]), document["data"]
            events = [Event.of(one, after) for one in found[:-1]]
            return events + [Event.of(one, following) for one in found[-1:]], following

        return understood(page, document)

    async def follow(self, after: str | None = None, *, pause_seconds: float = 1.0) -> AsyncIterator[Event]:
        """Yield events for ever, also those to come; a server that is away is waited for.

        Store ``event.cursor`` when the event is handled, and begin with it the next time.
        """
        failed = 0
        while True:
            try:
                events, after = await self.read(after)
                failed = 0
            except (Unavailable, RateLimited) as error:
                failed += 1
                log.warning("events cannot be read now (%s); asking again", error)
                events = []
            for event in events:
                yield event
            if not events:
                await asyncio.sleep(min(pause_seconds * 2 ** min(failed, 10), LONGEST_PAUSE_SECONDS))
