"""One export after another in a server: few at once, off the event loop, and each with its two audit rows."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from storefront.core.commit.plan import SHOP_ANCHOR, Plan
from storefront.core.errors import NotFound, Unavailable
from storefront.core.exporting.columns import Context
from storefront.core.exporting.formats import Encoder
from storefront.core.exporting.lists import CUSTOMER, Export, Wanted
from storefront.core.exporting.reading import stream_pages, values_of
from storefront.core.privileged import record_action
from storefront.core.services import Services

MOST_AT_ONCE = 2
BUSY_SECONDS = 10
BEGUN, ENDED = "export.begun", "export.ended"


class Exports:
    """The lists of one shop, and what of them is being taken out."""

    def __init__(self, services: Services, lists: Mapping[str, Export]) -> None:
        self._services = services
        self.lists = lists
        self._running = 0

    def need(self, name: str) -> Export:
        """Return a list; raises ``NotFound``."""
        found = self.lists.get(name)
        if found is None:
            raise NotFound("There is no such list: GET /v1/exports says which there are.")
        return found

    async def read_filters(self, export: Export, given: Mapping[str, str]) -> Wanted:
        """Read filters as they were given; the customer is named by the game's id.

        Raises:
            Invalid: the list has no such filter, or a time is none.
            NotFound: there is no such customer.
        """
        Wanted.read(export, given, customer_id=None)  # what is no filter here is said before anybody is looked up
        named = given.get(CUSTOMER)
        customer_id = None if named is None else await self._services.customers.need(named)
        return Wanted.read(export, given, customer_id=customer_id)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Take part while the block runs; raises ``Unavailable`` while enough exports run already."""
        if self._running >= MOST_AT_ONCE:
            raise Unavailable(
                f"{MOST_AT_ONCE} exports are running; a third has to wait.", retry_after_seconds=BUSY_SECONDS
            )
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def stream(
        self, wanted: Wanted, encoder: Encoder, *, format_name: str, actor: str
    ) -> AsyncGenerator[bytes, None]:
        """Yield the file piece by piece; whoever stops early closes the iterator, and the read ends.

        That it begins stands in the books before the first byte is out; how far it came, when it ends.
        """
        clock, reader = self._services.clock, self._services.reader
        context = Context.of(self._services.config, now=clock.now(), wall=clock.wall())
        told = {"format": format_name, "filters": wanted.to_json()}
        rows, is_whole = 0, False
        await record_export(self._services, BEGUN, wanted.export.name, told, actor=actor)
        try:
            yield await asyncio.to_thread(encoder.begin)
            async with reader.connect() as connection:
                async for page in stream_pages(connection, wanted, context):
                    count, piece = await asyncio.to_thread(_encode, encoder, wanted.export, page, context)
                    if piece:
                        yield piece
                    rows += count
            yield await asyncio.to_thread(encoder.end)
            is_whole = True
        finally:
            facts = {**told, "rows": rows, "whole": is_whole}
            await record_export(self._services, ENDED, wanted.export.name, facts, actor=actor)


async def record_export(services: Services, action: str, name: str, facts: Mapping[str, Any], *, actor: str) -> None:
    """Write down who takes which list out, and later how many rows it was."""
    plan = Plan(actor=actor, anchors={SHOP_ANCHOR})
    now, wall = services.clock.now(), services.clock.wall()
    record_action(plan, action, actor=actor, about=name, facts=facts, now=now, wall=wall)
    await services.engine.commit(plan)


def _encode(encoder: Encoder, export: Export, page: Any, context: Context) -> tuple[int, bytes]:
    values = values_of(export, page, context)
    return len(values), encoder.add(values)
