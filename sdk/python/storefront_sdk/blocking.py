"""The blocking facade: the same methods, run on a loop of its own in a thread. Nothing is written twice."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Self, TypeVar, overload

from storefront_sdk.auto_top_ups import AutoTopUps
from storefront_sdk.cache import Clock
from storefront_sdk.client import ChangeListener, ErrorListener, StorefrontClient
from storefront_sdk.deliveries import Deliveries
from storefront_sdk.events import Events
from storefront_sdk.grants import Grants
from storefront_sdk.holds import Holds
from storefront_sdk.payment_methods import PaymentMethods
from storefront_sdk.referrals import Referrals
from storefront_sdk.sessions import Sessions
from storefront_sdk.storage import Storage
from storefront_sdk.subscriptions import Subscriptions
from storefront_sdk.tips import Tips
from storefront_sdk.transfers import Transfers
from storefront_sdk.usage import Usage

P = ParamSpec("P")
T = TypeVar("T")
W_co = TypeVar("W_co", covariant=True)


class _Loop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storefront-sdk", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end; an interrupted caller (Ctrl-C) stops the work too."""
        if self.is_closed:
            work.close()
            raise RuntimeError("this BlockingStorefront is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def soon(self, work: Callable[[], None]) -> None:
        """Have something done on the loop, and wait for nothing: also from what is called there."""
        if not self.is_closed:
            self._loop.call_soon_threadsafe(work)

    @property
    def is_closed(self) -> bool:
        return self._loop.is_closed()

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Facade(Generic[W_co]):
    """Holds an object of the asynchronous client and the loop that runs it."""

    def __init__(self, wrapped: W_co, loop: _Loop) -> None:
        self._wrapped = wrapped
        self._loop = loop


def _plain(
    method: Callable[Concatenate[W_co, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[_Facade[W_co], P], T]:
    """Make a method that blocks out of one that is awaited; arguments, result and documentation stay."""

    @functools.wraps(method)
    def call(self: _Facade[W_co], /, *arguments: P.args, **named: P.kwargs) -> T:
        return self._loop.run(method(self._wrapped, *arguments, **named))

    return call


def _plain_iterator(
    method: Callable[Concatenate[W_co, P], AsyncIterator[T]],
) -> Callable[Concatenate[_Facade[W_co], P], Iterator[T]]:
    """The same for a method that is iterated over."""

    @functools.wraps(method)
    def call(self: _Facade[W_co], /, *arguments: P.args, **named: P.kwargs) -> Iterator[T]:
        items = method(self._wrapped, *arguments, **named)

        async def following() -> T:
            return await anext(items)

        while True:
            try:
                yield self._loop.run(following())
            except StopAsyncIteration:
                return

    return call


class BlockingSessions(_Facade[Sessions]):
    """``shop.sessions``, blocking."""

    create = _plain(Sessions.create)


class BlockingEvents(_Facade[Events]):
    """``shop.events``, blocking."""

    read = _plain(Events.read)
    follow = _plain_iterator(Events.follow)


class BlockingGrants(_Facade[Grants]):
    """``shop.grants``, blocking."""

    create = _plain(Grants.create)
    get = _plain(Grants.get)


class BlockingSubscriptions(_Facade[Subscriptions]):
    """``shop.subscriptions``, blocking."""

    subscribe = _plain(Subscriptions.subscribe)
    gift = _plain(Subscriptions.gift)
    list = _plain(Subscriptions.list)
    get = _plain(Subscriptions.get)
    invoices = _plain(Subscriptions.invoices)
    credits = _plain(Subscriptions.credits)
    preview = _plain(Subscriptions.preview)
    change = _plain(Subscriptions.change)
    revoke_change = _plain(Subscriptions.revoke_change)
    cancel = _plain(Subscriptions.cancel)
    pause = _plain(Subscriptions.pause)
    resume = _plain(Subscriptions.resume)


class BlockingTips(_Facade[Tips]):
    """``shop.tips``, blocking."""

    creators = _plain(Tips.creators)
    creator = _plain(Tips.creator)
    give = _plain(Tips.give)
    get = _plain(Tips.get)
    finalize = _plain(Tips.finalize)
    list = _plain(Tips.list)
    goals = _plain(Tips.goals)
    leaderboard = _plain(Tips.leaderboard)


class BlockingTransfers(_Facade[Transfers]):
    """``shop.transfers``, blocking."""

    create = _plain(Transfers.create)
    get = _plain(Transfers.get)


class BlockingHolds(_Facade[Holds]):
    """``shop.holds``, blocking."""

    place = _plain(Holds.place)
    capture = _plain(Holds.capture)
    release = _plain(Holds.release)
    get = _plain(Holds.get)
    list = _plain_iterator(Holds.list)


class BlockingPaymentMethods(_Facade[PaymentMethods]):
    """``shop.payment_methods``, blocking."""

    list = _plain(PaymentMethods.list)
    setup = _plain(PaymentMethods.setup)
    get_setup = _plain(PaymentMethods.get_setup)
    forget = _plain(PaymentMethods.forget)


class BlockingAutoTopUps(_Facade[AutoTopUps]):
    """``shop.auto_top_ups``, blocking."""

    list = _plain(AutoTopUps.list)
    agree = _plain(AutoTopUps.agree)
    end = _plain(AutoTopUps.end)


class BlockingReferrals(_Facade[Referrals]):
    """``shop.referrals``, blocking."""

    get = _plain(Referrals.get)
    use = _plain(Referrals.use)


class BlockingUsage(_Facade[Usage]):
    """``shop.usage``, blocking; without the buffer, which lives on a loop."""

    report = _plain(Usage.report)


class BlockingDeliveries(_Facade[Deliveries]):
    """``shop.deliveries``, blocking."""

    lease = _plain(Deliveries.lease)
    ack = _plain(Deliveries.ack)
    fail = _plain(Deliveries.fail)
    extend = _plain(Deliveries.extend)


class BlockingStorefront(_Facade[StorefrontClient]):
    """``with BlockingStorefront(url, token=…) as shop: shop.purchase("sword-of-dawn")``.

    Takes the arguments and has the methods of ``StorefrontClient``, without ``await``; ``get_token`` is a plain
    function here, called in a thread. May be used from several threads.
    """

    catalog = _plain(StorefrontClient.catalog)
    me = _plain(StorefrontClient.me)
    wallet = _plain(StorefrontClient.wallet)
    inventory = _plain(StorefrontClient.inventory)
    check = _plain(StorefrontClient.check)
    quote = _plain(StorefrontClient.quote)
    purchase = _plain(StorefrontClient.purchase)
    get_purchase = _plain(StorefrontClient.get_purchase)
    finalize = _plain(StorefrontClient.finalize)
    cancel = _plain(StorefrontClient.cancel)
    refund = _plain(StorefrontClient.refund)
    refunds = _plain(StorefrontClient.refunds)
    receipt = _plain(StorefrontClient.receipt)
    wait = _plain(StorefrontClient.wait)
    consume = _plain(StorefrontClient.consume)
    next_opening = _plain(StorefrontClient.next_opening)
    open_container = _plain(StorefrontClient.open_container)

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        get_token: Callable[[], str] | None = None,
        key: str | None = None,
        public: bool = False,
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
        client = StorefrontClient(
            base_url,
            token=token,
            get_token=None if get_token is None else functools.partial(asyncio.to_thread, get_token),
            key=key,
            public=public,
            tries=tries,
            timeout_seconds=timeout_seconds,
            pause_seconds=pause_seconds,
            reconnect_seconds=reconnect_seconds,
            storage=storage,
            customer=customer,
            grace_seconds=grace_seconds,
            lease_keys=lease_keys,
            clock=clock,
        )
        super().__init__(client, _Loop())
        self.sessions = BlockingSessions(client.sessions, self._loop)
        self.events = BlockingEvents(client.events, self._loop)
        self.grants = BlockingGrants(client.grants, self._loop)
        self.holds = BlockingHolds(client.holds, self._loop)
        self.subscriptions = BlockingSubscriptions(client.subscriptions, self._loop)
        self.tips = BlockingTips(client.tips, self._loop)
        self.transfers = BlockingTransfers(client.transfers, self._loop)
        self.payment_methods = BlockingPaymentMethods(client.payment_methods, self._loop)
        self.auto_top_ups = BlockingAutoTopUps(client.auto_top_ups, self._loop)
        self.referrals = BlockingReferrals(client.referrals, self._loop)
        self.usage = BlockingUsage(client.usage, self._loop)
        self.deliveries = BlockingDeliveries(client.deliveries, self._loop)

    @overload
    def on(self, name: Literal["change"], listener: ChangeListener) -> Callable[[], None]: ...
    @overload
    def on(self, name: Literal["error"], listener: ErrorListener) -> Callable[[], None]: ...
    def on(self, name: Any, listener: Callable[[Any], object]) -> Callable[[], None]:
        """Listen as ``StorefrontClient.on`` does; listeners are called in the client's own thread."""

        async def begin() -> Callable[[], None]:
            return self._wrapped.on(name, listener)

        leave = self._loop.run(begin())
        return lambda: self._loop.soon(leave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and the thread. Safe to call twice."""
        if not self._loop.is_closed:
            self._loop.run(self._wrapped.close())
            self._loop.close()
