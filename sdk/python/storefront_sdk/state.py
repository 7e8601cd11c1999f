"""The customer's own state: held in memory, fetched by one request at a time, kept in a storage, asked "may I?"."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote as quoted

from storefront_sdk.cache import Policy, StateCache
from storefront_sdk.errors import NotFound, NothingCached, StorefrontError, Unavailable
from storefront_sdk.keeping import Kept, Store
from storefront_sdk.leases import StateLease, verify_lease
from storefront_sdk.models import Check, CustomerState
from storefront_sdk.transport import Transport, understood

REFRESH_PAUSE_SECONDS = 10.0
_MOST_ROUNDS = 3


class OwnState:
    """What is held of the customer whose token the client carries.

    ``keys`` is a JWK set that alone is trusted, or None: the shop's. ``report`` is told what goes wrong behind the
    scenes.
    """

    def __init__(
        self,
        transport: Transport,
        cache: StateCache,
        *,
        report: Callable[[Exception], None],
        store: Store | None = None,
        keys: Mapping[str, Any] | None = None,
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._report = report
        self._store = store
        self._keys = keys
        self._is_pinned = keys is not None
        self._loading: asyncio.Task[None] | None = None
        self._leasing: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._fetching: tuple[int, asyncio.Task[None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshed_at: float | None = None

    async def close(self) -> None:
        """Give up what is still being fetched, and wait for what is being written to the storage."""
        for task in self._tasks - {self._saving}:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def get(self, policy: Policy) -> CustomerState:
        """Return the state, from memory if ``policy`` allows."""
        await self._loaded()
        cache = self._cache
        if not cache.may_answer(policy):
            if policy is Policy.CACHE_ONLY:
                raise NothingCached("There is no state yet.", code="nothing_cached")
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
        if policy is Policy.CACHE_ONLY:
            return await self._check_held(key, amount)
        try:
            await self.get(policy)
            known = self._known(key, amount)
            return Check.of(await self._ask(key, amount) if known is None else known)
        except Unavailable:
            if self._leasing is not None:
                await asyncio.wait({self._leasing})
            if self._cache.lease is None:
                raise
            return self._offline(key, amount)

    def merge(self, change: Mapping[str, Any]) -> None:
        """Merge the ``customer`` member of a mutation's answer."""
        self._cache.merge(change)
        self._save()

    async def _check_held(self, key: str, amount: int) -> Check:
        await self._loaded()
        if not self._cache.is_fetched:
            return self._offline(key, amount)
        known = self._known(key, amount)
        return Check(allowed=False, reason="unknown") if known is None else Check.of(known)

    def _known(self, key: str, amount: int) -> Mapping[str, Any] | None:
        right = self._cache.right(key)
        if right is None or not _is_enough(right["value"], amount):
            return self._cache.denial(key, amount)
        return _yes(right, amount)

    def _offline(self, key: str, amount: int) -> Check:
        right = self._cache.offline_right(key)
        if right is not None and _is_enough(right["value"], amount):
            return Check.of(_yes(right, amount))
        return Check(allowed=False, reason="unknown" if self._cache.lease is None else "offline")

    async def _ask(self, key: str, amount: int) -> Mapping[str, Any]:
        mark = self._cache.mark
        answer = await ask(self._transport, key, amount, customer=None)
        if not answer["allowed"]:
            self._cache.keep_denial(key, amount, answer, mark=mark)
        return answer

    async def _fetch(self) -> None:
        """Fetch; callers that come meanwhile share the one request, and one who gives up stops no other."""
        await asyncio.shield(self._flight())

    def _refresh(self) -> None:
        """Fetch behind the scenes, now and then; what goes wrong is told to whoever listens for errors."""
        now = self._cache.monotonic()
        if self._refreshed_at is None or now - self._refreshed_at >= REFRESH_PAUSE_SECONDS:
            self._refreshed_at = now
            self._flight().add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._report(error)

    def _flight(self) -> asyncio.Task[None]:
        generation = self._cache.generation
        if self._fetching is not None and not self._fetching[1].done() and self._fetching[0] == generation:
            return self._fetching[1]
        task = self._begin(self._fetch_once(generation), "fetches the state")
        self._fetching = generation, task
        return task

    def _begin(self, work: Any, what: str) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work, name=f"storefront-sdk {what}")
        self._tasks.add(task)
        task.add_done_callback(self._landed)
        return task

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it is told; where nobody does, that is no news

    async def _fetch_once(self, generation: int) -> None:
        cache = self._cache
        etag, asked_at = cache.etag, cache.monotonic()
        reply = await self._transport.read("/v1/me", headers={"If-None-Match": etag} if etag else {})
        if reply.status == 304:
            cache.confirm(asked_at=asked_at, generation=generation)
        else:
            understood(CustomerState.of, reply.document)
            document = dict(reply.document)
            if self._store is not None and document["customer"] != self._store.customer:
                kept = self._store.customer
                raise ValueError(f"the token is {document['customer']}'s, and the states of {kept} are kept here")
            is_kept = cache.put(document, reply.headers.get("ETag"), asked_at=asked_at, generation=generation)
            if is_kept and document.get("lease"):
                # Nobody waits for that but who is offline: the state itself came from the shop.
                self._leasing = self._begin(self._vouch(document), "proves a lease")
        self._save()

    async def _vouch(self, document: Mapping[str, Any]) -> None:
        self._cache.vouch(document["lease"], await self._lease_of(document, may_fetch=True))

    async def _lease_of(self, document: Mapping[str, Any], *, may_fetch: bool) -> StateLease | None:
        """Return what the lease in a state says; None without one, or with one that cannot be trusted."""
        token = document.get("lease")
        if not token:
            return None
        lease = verify_lease(token, self._keys or {})
        if lease is None and may_fetch and not self._is_pinned:
            try:
                self._keys = (await self._transport.read("/.well-known/jwks.json", is_public=True)).document
            except StorefrontError as error:
                self._report(error)  # the state is good all the same, but nothing will be answered offline
                return None
            lease = verify_lease(token, self._keys)
        return lease if lease is not None and lease.state["customer"] == document["customer"] else None

    async def _loaded(self) -> None:
        if self._store is None:
            return
        if self._loading is None:
            self._loading = self._begin(self._load(self._store), "reads what was kept")
        await asyncio.shield(self._loading)

    async def _load(self, store: Store) -> None:
        """Take over what an earlier run has kept; a lease that is not right makes all of it as good as absent."""
        kept = await store.read()
        if kept is None:
            return
        if not self._is_pinned:
            self._keys = kept.keys
        lease = await self._lease_of(kept.document, may_fetch=False)
        if kept.document.get("lease") and lease is None:
            return
        state = kept.document if lease is None else {**lease.state, "lease": kept.document["lease"]}
        state.pop("lease_until", None)
        self._cache.restore(state, lease=lease, seen=kept.seen)

    def _save(self) -> None:
        if self._store is not None and self._cache.is_fetched:
            self._saving = self._begin(self._write(self._store, self._saving, self._leasing), "keeps the state")

    async def _write(self, store: Store, *first: asyncio.Task[None] | None) -> None:
        """Write what is held, one text after the other, each with a lease that is known to be right."""
        waiting = {task for task in first if task is not None}
        if waiting:
            await asyncio.wait(waiting)
        document, lease = self._cache.document, self._cache.lease
        assert document is not None, "what was fetched is held"
        # A lease vouches for the state that it was made with, not for what was merged since.
        told = {**document, "lease": None} if lease is None else {**lease.state, "lease": document["lease"]}
        try:
            await store.write(Kept(told, self._cache.seen, None if self._is_pinned else self._keys))
        except Exception as error:  # a storage of the caller's own, which may raise anything
            self._report(error)


async def ask(transport: Transport, key: str, amount: int, *, customer: str | None) -> Mapping[str, Any]:
    """Ask the server for a check; what is not there at all is answered as unknown."""
    query = {"amount": str(amount), **({} if customer is None else {"customer": customer})}
    try:
        document = (await transport.read(f"/v1/entitlements/{quoted(key, safe='')}", query=query)).document
    except NotFound:
        return {"allowed": False, "reason": "unknown", "required": amount}
    understood(Check.of, document)
    return document


def _yes(right: Mapping[str, Any], amount: int) -> Mapping[str, Any]:
    value = right["value"]
    return {"allowed": True, "reason": right["reason"], "required": amount, "resets_at": None, "value": value,
            "remaining": value if type(value) is int else None, "expires_at": right.get("expires_at"),
            "offers": []}  # fmt: skip


def _is_enough(value: Any, amount: int) -> bool:
    return bool(value) if isinstance(value, bool | str) else bool(value >= amount)
