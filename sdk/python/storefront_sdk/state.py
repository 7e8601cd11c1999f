"""The customer's own state: held in memory, fetched by one request at a time, asked "may I?"."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote as quoted

from storefront_sdk.cache import Policy, StateCache
from storefront_sdk.errors import NotFound, NothingCached
from storefront_sdk.models import Check, CustomerState
from storefront_sdk.transport import Transport, understood

REFRESH_PAUSE_SECONDS = 10.0
_MOST_ROUNDS = 3

log = logging.getLogger("storefront_sdk")


class OwnState:
    """What is held of the customer whose token the client carries."""

    def __init__(self, transport: Transport, cache: StateCache) -> None:
        self._transport = transport
        self._cache = cache
        self._fetching: tuple[int, asyncio.Task[None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshed_at: float | None = None

    async def close(self) -> None:
        """Give up what is still being fetched."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def get(self, policy: Policy) -> CustomerState:
        """Return the state, from memory if ``policy`` allows."""
        cache = self._cache
        if not cache.may_answer(policy):
            if policy is Policy.CACHE_ONLY:
                raise NothingCached("There is no state in memory yet.", code="nothing_cached")
            await self._fetch()
            for _ in range(_MOST_ROUNDS):  # a change may have come in while the answer was on its way
                if cache.is_good:
                    break
                await self._fetch()
        elif policy is Policy.CACHED_OR_FETCHED and cache.is_stale:
            self._refresh()
        assert cache.document is not None, "a fetch has filled the cache"
        return CustomerState.of(cache.document)

    async def check(self, key: str, amount: int, policy: Policy) -> Check:
        """Answer from what is held if that says yes; else ask, once per question and state."""
        if policy is Policy.FETCH:
            return Check.of(await ask(self._transport, key, amount, customer=None))
        if policy is not Policy.CACHE_ONLY:
            await self.get(policy)
        known = self._known(key, amount)
        if known is None and policy is Policy.CACHE_ONLY:
            return Check(allowed=False, reason="unknown")
        if known is None:
            mark = self._cache.mark
            known = await ask(self._transport, key, amount, customer=None)
            if not known["allowed"]:
                self._cache.keep_denial(key, amount, known, mark=mark)
        return Check.of(known)

    def _known(self, key: str, amount: int) -> Mapping[str, Any] | None:
        right = self._cache.right(key)
        if right is None or not _is_enough(right["value"], amount):
            return self._cache.denial(key, amount)
        value = right["value"]
        remaining = value if type(value) is int else None
        return {"allowed": True, "reason": right["reason"], "required": amount, "remaining": remaining,
                "resets_at": None, "value": value, "expires_at": right.get("expires_at"), "offers": []}  # fmt: skip

    async def _fetch(self) -> None:
        """Fetch; callers that come meanwhile share the one request, and one who gives up stops no other."""
        await asyncio.shield(self._flight())

    def _refresh(self) -> None:
        """Fetch behind the scenes, now and then; what goes wrong is logged."""
        now = self._cache.monotonic()
        if self._refreshed_at is None or now - self._refreshed_at >= REFRESH_PAUSE_SECONDS:
            self._refreshed_at = now
            self._flight()

    def _flight(self) -> asyncio.Task[None]:
        generation = self._cache.generation
        if self._fetching is not None and not self._fetching[1].done() and self._fetching[0] == generation:
            return self._fetching[1]
        task = asyncio.create_task(self._fetch_once(generation), name="storefront-sdk fetches the state")
        self._tasks.add(task)
        task.add_done_callback(self._landed)
        self._fetching = generation, task
        return task

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.debug("the customer state could not be fetched: %s", error)

    async def _fetch_once(self, generation: int) -> None:
        cache = self._cache
        etag, asked_at = cache.etag, cache.monotonic()
        reply = await self._transport.read("/v1/me", headers={"If-None-Match": etag} if etag else {})
        if reply.status == 304:
            cache.confirm(asked_at=asked_at, generation=generation)
            return
        understood(CustomerState.of, reply.document)
        cache.put(dict(reply.document), reply.headers.get("ETag"), asked_at=asked_at, generation=generation)


async def ask(transport: Transport, key: str, amount: int, *, customer: str | None) -> Mapping[str, Any]:
    """Ask the server for a check; what is not there at all is answered as unknown."""
    query = {"amount": str(amount), **({} if customer is None else {"customer": customer})}
    try:
        document = (await transport.read(f"/v1/entitlements/{quoted(key, safe='')}", query=query)).document
    except NotFound:
        return {"allowed": False, "reason": "unknown", "required": amount}
    understood(Check.of, document)
    return document


def _is_enough(value: Any, amount: int) -> bool:
    return bool(value) if isinstance(value, bool | str) else bool(value >= amount)
