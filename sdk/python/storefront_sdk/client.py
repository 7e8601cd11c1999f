"""The asynchronous client; ``blocking.py`` wraps it. What it reads, buys, refunds and uses has a file each."""

from types import TracebackType
from typing import Self

import aiohttp

from storefront_sdk.auto_top_ups import AutoTopUps
from storefront_sdk.buying import Buying
from storefront_sdk.cache import StateCache
from storefront_sdk.deliveries import Deliveries
from storefront_sdk.events import Events
from storefront_sdk.grants import Grants
from storefront_sdk.holds import Holds
from storefront_sdk.payment_methods import PaymentMethods
from storefront_sdk.reading import Reading
from storefront_sdk.referrals import Referrals
from storefront_sdk.refunding import Refunding
from storefront_sdk.sessions import Sessions
from storefront_sdk.state import OwnState
from storefront_sdk.subscriptions import Subscriptions
from storefront_sdk.transfers import Transfers
from storefront_sdk.transport import GetToken, Transport
from storefront_sdk.usage import Usage
from storefront_sdk.using import Using


class StorefrontClient(Reading, Buying, Refunding, Using):
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
        self._cache = StateCache()
        self._transport = Transport(
            base_url,
            get_token=get_token or _always(token or key or ""),
            customer_version=lambda: self._cache.version,
            session=session,
            tries=tries,
            timeout_seconds=timeout_seconds,
            pause_seconds=pause_seconds,
        )
        self._own = OwnState(self._transport, self._cache)
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
        self.subscriptions = Subscriptions(self._transport, self._cache.invalidate)
        self.usage = Usage(self._transport)
        self.deliveries = Deliveries(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that this client opened."""
        await self._own.close()
        await self._transport.close()


def _always(credential: str) -> GetToken:
    async def get() -> str:
        return credential

    return get
