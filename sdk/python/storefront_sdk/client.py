"""The asynchronous client; ``blocking.py`` wraps it. What it reads, buys, refunds and uses has a file each."""

import inspect
import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, overload

import aiohttp

from storefront_sdk.auto_top_ups import AutoTopUps
from storefront_sdk.buying import Buying
from storefront_sdk.cache import Clock, StateCache
from storefront_sdk.deliveries import Deliveries
from storefront_sdk.events import Events
from storefront_sdk.grants import Grants
from storefront_sdk.holds import Holds
from storefront_sdk.keeping import Store
from storefront_sdk.models import CustomerState
from storefront_sdk.payment_methods import PaymentMethods
from storefront_sdk.reading import Reading
from storefront_sdk.referrals import Referrals
from storefront_sdk.refunding import Refunding
from storefront_sdk.sessions import Sessions
from storefront_sdk.state import OwnState
from storefront_sdk.storage import Storage
from storefront_sdk.stream import Changes
from storefront_sdk.subscriptions import Subscriptions
from storefront_sdk.tips import Tips
from storefront_sdk.transfers import Transfers
from storefront_sdk.transport import GetToken, Transport
from storefront_sdk.usage import Usage
from storefront_sdk.using import Using

ChangeListener = Callable[[CustomerState], object]
ErrorListener = Callable[[Exception], object]

log = logging.getLogger("storefront_sdk")


class StorefrontClient(Reading, Buying, Refunding, Using):
    """A game's view of one shop: ``async with StorefrontClient(url, token=…) as shop:``.

    Give ``token`` (a session), ``get_token`` (called for each request; mint anew when it expires), ``key`` (a server's
    secret key) or ``public=True`` (for what everybody may do). ``session`` is an aiohttp session of yours; ``tries``
    bounds the retries. ``storage`` keeps the state of ``customer`` between runs. Offline, a right is lent until its end
    and ``grace_seconds``, if its lease lasts so long; ``lease_keys`` (a JWK set) are trusted in place of those that the
    shop publishes. A lost line of ``on("change")`` is opened again after ``reconnect_seconds``, up to 30 times that.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        get_token: GetToken | None = None,
        key: str | None = None,
        public: bool = False,
        session: aiohttp.ClientSession | None = None,
        tries: int = 4,
        timeout_seconds: float = 15.0,
        pause_seconds: float = 0.25,
        reconnect_seconds: float = 1.0,
        storage: Storage | None = None,
        customer: str | None = None,
        grace_seconds: float = 0.0,
        lease_keys: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if sum((token is not None, get_token is not None, key is not None, public)) != 1:
            raise ValueError("give one of token, get_token, key and public")
        if storage is not None and customer is None:
            raise ValueError("with a storage say whose states it keeps: customer")
        self._cache = StateCache(clock, grace_seconds=grace_seconds)
        self._transport = Transport(
            base_url,
            get_token=get_token or _always(token or key),
            customer_version=lambda: self._cache.version,
            session=session,
            tries=tries,
            timeout_seconds=timeout_seconds,
            pause_seconds=pause_seconds,
        )
        store = None if storage is None or customer is None else Store.of(storage, base_url, customer)
        self._own = OwnState(self._transport, self._cache, report=self._report, store=store, keys=lease_keys)
        self._changed = self._cache.invalidate
        self._changes = Changes(
            self._transport, self._own, self._cache,
            told=self._tell, report=self._report, reconnect_seconds=reconnect_seconds,
        )  # fmt: skip
        self._listeners: list[ChangeListener] = []
        self._error_listeners: list[ErrorListener] = []
        self._is_server = key is not None
        self._catalog = None
        self.sessions = Sessions(self._transport)
        self.events = Events(self._transport)
        self.grants = Grants(self._transport)
        self.holds = Holds(self._transport)
        self.payment_methods = PaymentMethods(self._transport)
        self.auto_top_ups = AutoTopUps(self._transport)
        self.referrals = Referrals(self._transport)
        self.transfers = Transfers(self._transport)
        self.subscriptions = Subscriptions(self._transport, self._changed)
        self.tips = Tips(self._transport, self._merge)
        self.usage = Usage(self._transport)
        self.deliveries = Deliveries(self._transport)

    @overload
    def on(self, name: Literal["change"], listener: ChangeListener) -> Callable[[], None]: ...
    @overload
    def on(self, name: Literal["error"], listener: ErrorListener) -> Callable[[], None]: ...
    def on(self, name: str, listener: Callable[[Any], object]) -> Callable[[], None]:
        """Listen: ``change`` is called with each new ``CustomerState``, ``error`` with what goes wrong unseen.

        A listener for ``change`` may be a coroutine function, which is awaited. The first one opens the line, on the
        running loop; it comes back by itself after 1 to 30 seconds, and the last listener to leave closes it. After an
        ``Unauthorized`` or ``Forbidden`` it stays closed. Returns a function that ends this listening. Without a
        listener for ``error`` a warning is logged.
        """
        listeners = self._listeners_of(name)
        listeners.append(listener)
        if name == "change":
            self._changes.start()

        def leave() -> None:
            if listener in listeners:
                listeners.remove(listener)
            if not self._listeners:
                self._changes.stop_soon()

        return leave

    def _listeners_of(self, name: str) -> list[Callable[[Any], object]]:
        if name not in ("change", "error"):
            raise ValueError("there are the events change and error")
        return self._listeners if name == "change" else self._error_listeners

    async def _tell(self, state: CustomerState) -> None:
        """Call each listener; one that raises stops no other."""
        for listener in list(self._listeners):
            try:
                answer = listener(state)
                if inspect.isawaitable(answer):
                    await answer
            except Exception:  # a function of the caller's own, which may raise anything
                log.exception("a listener for changes failed")

    def _report(self, error: Exception) -> None:
        if not self._error_listeners:
            log.warning("%s", error)
        for listener in list(self._error_listeners):
            try:
                listener(error)
            except Exception:  # as above
                log.exception("a listener for errors failed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up, wait for what is being written to the storage, close the connections that this client opened."""
        await self._changes.stop()
        await self._own.close()
        await self._transport.close()


def _always(credential: str | None) -> GetToken:
    async def get() -> str | None:
        return credential

    return get
