"""The connection to one Stripe account: pacing, keys, retries, and answers read as shapes of ours.

Idempotency keys are ours (``<operation>:<our id>``), so a lost reply is answered by the same call again.
The library retries lost connections, 409 and 5xx by itself under the same key, but not 429: we do.
Source: Stripe API 2026-10-28.endive by stripe-python 16.1, read 2026-11-21.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import stripe

from storefront.core.gateways import GatewayFailed, GatewayUnavailable, OutcomeUnknown
from storefront.core.gateways.stripe.pacing import REQUESTS_PER_SECOND, Pacing
from storefront.core.gateways.stripe.translating import read, translate
from storefront.core.gateways.stripe.transport import WholeAnswers
from storefront.core.ids import new_id

MOST_PER_PAGE = 100

T = TypeVar("T")
Call = Callable[[stripe.StripeClient], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long Stripe is waited for, and how often it is asked again within one call.

    ``network_retries`` are the library's own (lost connections, 409, 5xx), ``limited_retries`` ours (429); the pause
    before the first of ours is ``first_pause_seconds``, twice as long before each next one. A ``Retry-After`` above
    ``longest_pause_seconds`` is left to whoever asked.
    """

    timeout_seconds: float = 20
    network_retries: int = 2
    limited_retries: int = 4
    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 5


class ListCall(Protocol):
    """A call for one page of a list."""

    def __call__(self, client: stripe.StripeClient, page: Any) -> Awaitable[object]: ...


class Page(msgspec.Struct):
    """A page of any list of Stripe's."""

    data: list[Any]
    has_more: bool


def options(key: str, *, account: str | None = None) -> Any:
    """Return what goes with a write: its idempotency key, and the connected account it is for."""
    return {"idempotency_key": key} if account is None else {"idempotency_key": key, "stripe_account": account}


def key_of_this_call(operation: str, reference: str) -> str:
    """Return a key for what the object's own state lets happen once (confirm, cancel, expire).

    A key for the object would be worse: Stripe would repeat an old refusal for a day after the state has moved on.
    The library's retries of this one call share it.
    """
    return f"{operation}:{reference}:{new_id('call')}"


class StripeAccount:
    """What all parts of the gateway share. ``requests_per_second`` is for each endpoint."""

    def __init__(
        self,
        name: str,
        *,
        secret_key: str,
        webhook_secrets: Sequence[str],
        connect_webhook_secrets: Sequence[str] = (),
        api_base: str | None = None,
        account: str | None = None,
        minimums: Mapping[str, int] | None = None,
        requests_per_second: float = REQUESTS_PER_SECOND,
        patience: Patience | None = None,
    ) -> None:
        self._name = name
        self._is_live = secret_key.startswith(("sk_live_", "rk_live_"))
        self._webhook_secrets = tuple(webhook_secrets)
        self._connect_webhook_secrets = tuple(connect_webhook_secrets)
        self._account = account
        self._minimums = dict(minimums or {})
        self._pacing = Pacing(requests_per_second)
        self._patience = patience or Patience()
        bases: Any = {} if api_base is None else dict.fromkeys(("api", "files", "connect", "meter_events"), api_base)
        http_client = WholeAnswers(timeout=self._patience.timeout_seconds)
        self._close_http: Callable[[], Awaitable[None]] = http_client.close_async
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses=bases,
            http_client=http_client,
            max_network_retries=self._patience.network_retries,
            stripe_account=account,
        )

    @property
    def name(self) -> str:
        return self._name

    async def close(self) -> None:
        await self._close_http()

    async def _write(self, endpoint: str, shape: type[T], call: Call) -> T:
        """Change something; raises ``OutcomeUnknown`` if it may have happened."""
        return read(await self._ask(endpoint, call, is_write=True), shape, is_write=True)

    async def _read(self, endpoint: str, shape: type[T], call: Call) -> T:
        return read(await self._ask(endpoint, call, is_write=False), shape)

    async def _read_all(
        self, endpoint: str, shape: type[T], call: ListCall, filters: Mapping[str, str] | None = None
    ) -> list[T]:
        """Read a list whole, newest first; ``call`` gets the parameters of a page, ``filters`` among them."""
        found: list[T] = []
        wanted: dict[str, Any] = {**(filters or {}), "limit": MOST_PER_PAGE}
        while True:
            page = read(await self._ask(endpoint, partial(call, page=dict(wanted)), is_write=False), Page)
            found += [read(each, shape) for each in page.data]
            if not page.has_more:
                return found
            wanted["starting_after"] = _last_id(page)

    async def _ask(self, endpoint: str, call: Call, *, is_write: bool) -> object:
        """Call Stripe, translate its errors, and retry what it refuses for being too much at once, or a lock."""
        for attempt in range(self._patience.limited_retries + 1):
            await self._pacing.take(endpoint)
            try:
                return await call(self._client)
            except stripe.RateLimitError as error:
                pause = self._pause(error, attempt)
                if pause is None:
                    raise GatewayUnavailable("Stripe is limiting our requests.") from error
                await asyncio.sleep(pause)
            except stripe.StripeError as error:
                raise translate(error, is_write=is_write) from error
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                # The library reads answers before we do, and stumbles over those of other shapes.
                detail = "Stripe answered in a shape that its library cannot read."
                raise (OutcomeUnknown(detail) if is_write else GatewayFailed(detail)) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _pause(self, error: stripe.RateLimitError, attempt: int) -> float | None:
        """Return how many seconds to wait before asking again, with jitter; None: it has been asked often enough."""
        if attempt == self._patience.limited_retries:
            return None
        wanted = _retry_after(error)
        if wanted > self._patience.longest_pause_seconds:
            return None
        pause: float = self._patience.first_pause_seconds * 2**attempt
        return wanted + pause * (0.5 + random.random() / 2)  # noqa: S311


def _retry_after(error: stripe.RateLimitError) -> float:
    """Return the seconds that the answer asks us to wait; the library does not look at them since 15.3."""
    headers: Mapping[str, str] = error.headers or {}
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(given) if given.isdecimal() else 0.0


def _last_id(page: Page) -> str:
    last = page.data[-1].get("id") if page.data and isinstance(page.data[-1], dict) else None
    if not isinstance(last, str):
        raise GatewayFailed("Stripe says that a list goes on, but not where.")
    return last
