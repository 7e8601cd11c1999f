"""The asynchronous client; ``blocking.py`` wraps it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as quoted

import aiohttp

from storefront_sdk.cache import Policy, StateCache
from storefront_sdk.errors import NothingCached
from storefront_sdk.models import Check, CustomerState, Event, Item, Offer, Purchase, Quote, Session, Wallet
from storefront_sdk.transport import GetToken, Transport

Price = tuple[int, str]


class StorefrontClient:
    """A game's view of one shop: ``async with StorefrontClient(url, token=…) as shop:``.

    Give ``token`` (a session), ``get_token`` (called for each request; mint anew when it expires) or ``key``
    (a server's secret key). ``session`` is an aiohttp session of yours; ``tries`` bounds the retries.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        get_token: GetToken | None = None,
        key: str | None = None,
        session: aiohttp.ClientSession | None = None,
        tries: int = 4,
        timeout_seconds: float = 15.0,
        pause_seconds: float = 0.25,
    ) -> None:
        given = [one for one in (token, get_token, key) if one is not None]
        if len(given) != 1:
            raise ValueError("give one of token, get_token and key")
        self._transport = Transport(
            base_url,
            get_token=get_token or _always(token or key or ""),
            session=session,
            tries=tries,
            timeout_seconds=timeout_seconds,
            pause_seconds=pause_seconds,
        )
        self._cache = StateCache()
        self._fetching: asyncio.Task[None] | None = None
        self._catalog: tuple[str, list[Offer]] | None = None
        self.sessions = Sessions(self._transport)
        self.events = Events(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that this client opened."""
        await self._transport.close()

    async def catalog(self) -> list[Offer]:
        """Return what is on sale; fetched again only when it has changed."""
        headers = {"If-None-Match": self._catalog[0]} if self._catalog else {}
        reply = await self._transport.read("/v1/catalog", headers=headers)
        if reply.status != 304 or self._catalog is None:
            offers = [Offer.of(offer) for offer in reply.document["offers"]]
            self._catalog = (reply.headers.get("ETag", ""), offers)
        return list(self._catalog[1])

    async def me(self, policy: Policy = Policy.CACHED_OR_FETCHED) -> CustomerState:
        """Return the customer state, from memory if ``policy`` allows.

        Raises:
            NothingCached: ``cache_only``, and nothing was fetched yet.
        """
        if not self._cache.may_answer(policy):
            if policy is Policy.CACHE_ONLY:
                raise NothingCached("There is no state in memory yet.", code="nothing_cached")
            await self._fetch()
        assert self._cache.document is not None, "a fetch has filled the cache"
        return CustomerState.of(self._cache.document)

    async def wallet(self, asset: str, policy: Policy = Policy.CACHED_OR_FETCHED) -> Wallet:
        """Return a wallet; one that was never filled is empty."""
        return (await self.me(policy)).wallets.get(asset, Wallet())

    async def inventory(self, policy: Policy = Policy.CACHED_OR_FETCHED) -> tuple[Item, ...]:
        """Return what the customer owns."""
        return (await self.me(policy)).items

    async def check(self, key: str, amount: int = 1, *, customer: str | None = None) -> Check:
        """Ask "may I?". A right that is held is answered from memory; ``customer`` is for server keys."""
        document = self._cache.document
        if customer is None and document is not None and self._cache.may_answer(Policy.CACHED_OR_FETCHED):
            right = document["entitlements"].get(key)
            if right is not None and right["active"] and right["value"] is True:
                return Check(True, right["reason"], value=True, raw=right)
        query = {"amount": str(amount), **({"customer": customer} if customer else {})}
        reply = await self._transport.read(
            f"/v1/entitlements/{quoted(key, safe='')}", query=query, headers=self._version()
        )
        return Check.of(reply.document)

    async def quote(
        self, sku: str, *, quantity: int = 1, currency: str | None = None, customer: str | None = None
    ) -> Quote:
        """Return exactly what something would cost; nothing is written."""
        body = _body(sku=sku, quantity=quantity, currency=currency, customer=customer)
        return Quote.of((await self._transport.write("/v1/quotes", body, takes_key=False)).document)

    async def purchase(
        self,
        sku: str,
        *,
        quantity: int = 1,
        currency: str | None = None,
        pay_with: str | None = None,
        expected_price: Price | None = None,
        return_url: str | None = None,
        metadata: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        customer: str | None = None,
        idempotency_key: str | None = None,
    ) -> Purchase:
        """Buy one offer, once, however often the call is retried under its key.

        Returns a completed purchase, or a pending one whose buyer pays at ``redirect_url``.

        Raises:
            InsufficientFunds, AlreadyOwned, LimitReached, SoldOut, PriceChanged, OfferClosed: nothing was bought.
            Unavailable: what happened is unknown; call again with the same ``idempotency_key``.
        """
        price = None if expected_price is None else {"amount": expected_price[0], "currency": expected_price[1]}
        body = _body(
            sku=sku,
            quantity=quantity,
            currency=currency,
            pay_with=pay_with,
            expected_price=price,
            return_url=return_url,
            metadata=metadata,
            details=details,
            customer=customer,
        )
        reply = await self._transport.write("/v1/purchases", body, key=idempotency_key)
        self._cache.merge(reply.document["customer"])
        return Purchase.of(reply.document)

    async def get_purchase(self, purchase: Purchase | str) -> Purchase:
        """Return a purchase as it is now."""
        return Purchase.of((await self._transport.read(f"/v1/purchases/{_id(purchase)}")).document)

    async def finalize(self, purchase: Purchase | str) -> Purchase:
        """Have the server ask the gateway now; call it when the buyer comes back from paying."""
        return await self._act(purchase, "finalize")

    async def cancel(self, purchase: Purchase | str) -> Purchase:
        """Cancel an unpaid purchase; one that was paid meanwhile comes back completed."""
        return await self._act(purchase, "cancel")

    async def wait(self, purchase: Purchase | str, *, timeout_seconds: float = 60.0) -> Purchase:
        """Ask until the purchase is no longer pending; raises ``TimeoutError`` after ``timeout_seconds``."""
        until = time.monotonic() + timeout_seconds
        pause = 0.2
        while True:
            found = await self.finalize(purchase)
            if found.status != "pending":
                return found
            if time.monotonic() + pause > until:
                raise TimeoutError(f"{found.id} is still pending")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 3.0)

    async def consume(
        self, sku: str, *, quantity: int = 1, customer: str | None = None, idempotency_key: str | None = None
    ) -> int:
        """Use up items and return how many are left."""
        body = _body(quantity=quantity, customer=customer)
        path = f"/v1/microtransactions/inventory/{quoted(sku, safe='')}/consume"
        reply = await self._transport.write(path, body, key=idempotency_key)
        self._cache.merge(reply.document["customer"])
        return int(reply.document["remaining"])

    async def _act(self, purchase: Purchase | str, verb: str) -> Purchase:
        reply = await self._transport.write(f"/v1/purchases/{_id(purchase)}/{verb}", takes_key=False)
        self._cache.invalidate()
        return Purchase.of(reply.document)

    async def _fetch(self) -> None:
        """Fetch the state; callers that come meanwhile share the one request."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_once())
        await asyncio.shield(self._fetching)

    async def _fetch_once(self) -> None:
        headers = {"If-None-Match": self._cache.etag} if self._cache.etag else {}
        reply = await self._transport.read("/v1/me", headers={**headers, **self._version()})
        if reply.status == 304:
            self._cache.confirm()
        else:
            self._cache.put(reply.document, reply.headers.get("ETag"))

    def _version(self) -> dict[str, str]:
        version = self._cache.version
        return {} if version is None else {"X-Customer-Version": str(version)}


class Sessions:
    """Server side: vouch for a customer."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, customer: str, *, ttl_seconds: int | None = None, country: str | None = None) -> Session:
        """Mint a session for a customer; the token goes to the game's client."""
        body = _body(customer=customer, ttl_seconds=ttl_seconds, country=country)
        return Session.of((await self._transport.write("/v1/sessions", body, takes_key=False)).document)


class Events:
    """Server side: everything that happened, in order."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(self, after: str | None = None, *, limit: int = 100) -> tuple[list[Event], str]:
        """Return the events behind a cursor and the cursor to go on with."""
        query = {"limit": str(limit), **({"after": after} if after else {})}
        document = (await self._transport.read("/v1/events", query=query)).document
        following = str(document["next"])
        events = [
            Event(one["id"], one["type"], one["subject"], one["data"], following, one) for one in document["data"]
        ]
        return events, following

    async def follow(self, after: str | None = None, *, pause_seconds: float = 1.0) -> AsyncIterator[Event]:
        """Yield events for ever. Store ``event.cursor`` once its page is done with: delivery is at least once."""
        while True:
            events, after = await self.read(after)
            for event in events:
                yield event
            if not events:
                await asyncio.sleep(pause_seconds)


def _always(credential: str) -> GetToken:
    async def get() -> str:
        return credential

    return get


def _body(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _id(purchase: Purchase | str) -> str:
    return purchase.id if isinstance(purchase, Purchase) else quoted(purchase, safe="")
