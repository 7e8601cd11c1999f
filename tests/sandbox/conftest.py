"""An emulator on a temporary file, the official Stripe library pointed at it, and a webhook receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import stripe
from aiohttp import web

from storefront.sandbox.testing import ENDPOINT_SECRET, RunningSandbox, running_sandbox

START_MS = 1_800_000_000_000  # 15 January 2027


class Receiver:
    """A webhook endpoint that answers what it is told and keeps what it got."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.got: list[tuple[bytes, str]] = []
        self._arrived = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._arrived:
            self.got.append((body, request.headers["Stripe-Signature"]))
            self._arrived.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def arrived(self, count: int) -> None:
        """Wait until at least ``count`` have come, signed well or not."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.got) >= count)

    async def wait_for(self, count: int, secret: str = ENDPOINT_SECRET) -> list[stripe.Event]:
        """The events so far, at least ``count``, their signatures verified by the library."""
        await self.arrived(count)
        return [stripe.Webhook.construct_event(body, header, secret) for body, header in self.got]

    def types(self) -> list[str]:
        return [stripe.Webhook.construct_event(body, header, ENDPOINT_SECRET).type for body, header in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


class SettableClock:
    """Business time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def box(tmp_path: Any, clock: SettableClock) -> AsyncIterator[RunningSandbox]:
    """An emulator that posts no webhooks."""
    async with running_sandbox(tmp_path, clock=clock) as box:
        yield box


@pytest.fixture
async def posting_box(tmp_path: Any, receiver: Receiver) -> AsyncIterator[RunningSandbox]:
    """An emulator whose events go to ``receiver``."""
    async with running_sandbox(tmp_path, endpoint=(receiver.url, ENDPOINT_SECRET)) as box:
        yield box


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., stripe.StripeClient]]:
    """Makes Stripe clients for an emulator and closes them."""
    opened: list[stripe.AIOHTTPClient] = []

    def make(box: RunningSandbox, *, retries: int = 0, key: str | None = None) -> stripe.StripeClient:
        http = stripe.AIOHTTPClient()
        opened.append(http)
        base = {"api": box.url, "files": box.url, "connect": box.url, "meter_events": box.url}
        return stripe.StripeClient(
            key or box.secret_key,
            base_addresses=base,
            http_client=http,
            max_network_retries=retries,
        )

    yield make
    for http in opened:
        await http.close_async()


@pytest.fixture
def api(box: RunningSandbox, connect: Callable[..., stripe.StripeClient]) -> stripe.StripeClient:
    """The Stripe library on ``box``, without retries of its own."""
    return connect(box)


@pytest.fixture
def session_params() -> Callable[..., dict[str, Any]]:
    """Parameters of a session for one thing at 4.99 USD; keywords replace or add."""

    def params(unit_amount: int = 499, quantity: int = 1, currency: str = "usd", **more: Any) -> dict[str, Any]:
        price = {"currency": currency, "unit_amount": unit_amount, "product_data": {"name": "500 gems"}}
        return {
            "mode": "payment",
            "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/left",
            "line_items": [{"quantity": quantity, "price_data": price}],
            **more,
        }

    return params


@pytest.fixture
def open_session(
    api: stripe.StripeClient, session_params: Callable[..., dict[str, Any]]
) -> Callable[..., Awaitable[Any]]:
    """Creates a session on ``box``."""

    async def create(**more: Any) -> Any:
        return await api.v1.checkout.sessions.create_async(session_params(**more))

    return create


@pytest.fixture
def control(box: RunningSandbox) -> Callable[..., Awaitable[tuple[int, Any]]]:
    """Posts an order to ``box``'s control API; answers its status and its JSON."""

    async def post(path: str, **order: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {box.secret_key}"}
        async with box.browser.post(f"{box.url}/control/{path}", headers=headers, json=order) as response:
            return response.status, await response.json()

    return post


@pytest.fixture
def charged(api: stripe.StripeClient) -> Callable[..., Awaitable[Any]]:
    """Pays 19.98 USD with a named test card, by the API; answers the charge."""

    async def pay(method: str = "pm_card_visa", **more: Any) -> Any:
        intent = await api.v1.payment_intents.create_async(
            {
                "amount": 1998,
                "currency": "usd",
                "confirm": True,
                "payment_method": method,
                "return_url": "https://shop.example/back",
                "expand": ["latest_charge"],
                **more,
            }
        )
        return intent.latest_charge

    return pay
