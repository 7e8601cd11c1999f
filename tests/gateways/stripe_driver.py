"""The other side of the Stripe gateway: our emulator, its pages, its control and its webhooks."""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import stripe
from aiohttp import web

from storefront.core.gateways import Checkout, SetupRequest
from storefront.core.gateways.stripe import StripeGateway
from storefront.core.ids import new_id
from storefront.core.money import Money
from storefront.sandbox.behaviour import Behaviour
from storefront.sandbox.testing import ENDPOINT_SECRET, RunningSandbox, running_sandbox
from storefront.sandbox.webhooks import signature_header
from storefront.testing import HANG_SECONDS
from tests.gateways.strict_requests import StrictProxy, strict_proxy

GOOD, DECLINES, FAILS_LATER, ASKS = "4242424242424242", "4000000000000002", "4000000000000341", "4000002760003184"
DAY_MS = 24 * 3600 * 1000
OTHER_SECRET = "whsec_" + "of_another_endpoint_0123456789"
ATTEMPTS_OF_THE_LIBRARY = 3


@dataclass(slots=True)
class Mail:
    """What the emulator has posted to the endpoint."""

    raw: list[bytes] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)


class StripeDriver:
    """See ``storefront.testing.gateway_contract.driver``."""

    takes = (
        Money(50, "USD"),
        Money(99_999_999, "USD"),
        Money(50, "JPY"),
        Money(1230, "KWD"),
        Money(500, "ISK"),
        Money(5000, "UGX"),
        Money(17500, "HUF"),
        Money(1_000_000, "MGA"),
        Money(5010, "TND"),
    )
    refuses = (
        Money(49, "USD"),
        Money(100_000_000, "USD"),
        Money(1234, "KWD"),
        Money(1_000_001, "MGA"),
        Money(17499, "HUF"),
    )

    def __init__(self, box: RunningSandbox, gateway: StripeGateway, strict: StrictProxy, mail: Mail) -> None:
        self.box = box
        self.gateway = gateway
        self.strict = strict
        self.mail = mail
        self._meters: dict[str, str] = {}

    def now(self) -> int:
        return self.box.sandbox.now_ms

    async def pay(self, checkout: Checkout) -> None:
        assert (await self.box.pay(checkout.redirect_url, GOOD)).status == 303

    async def be_declined(self, checkout: Checkout) -> None:
        assert (await self.box.pay(checkout.redirect_url, DECLINES)).status == 402

    async def walk_away(self, checkout: Checkout) -> None:
        assert (await self.box.cancel(checkout.redirect_url)).status == 303

    async def lose_reply(self) -> None:
        self.box.misbehave("lose_reply", "*", times=ATTEMPTS_OF_THE_LIBRARY)

    async def save(self, checkout: Checkout) -> None:
        await self.pay(checkout)

    async def save_declining(self, payer: str) -> str:
        return await self._save(payer, FAILS_LATER)

    async def save_asking(self, payer: str) -> str:
        return await self._save(payer, ASKS)

    async def confirm(self, url: str) -> None:
        assert (await self.box.post(url, {"challenge": "pass"})).status == 303

    async def dispute(self, payment: str) -> None:
        await self.control("disputes", {"payment_intent": payment})

    async def warn(self, payment: str) -> None:
        await self.control("early_fraud_warnings", {"payment_intent": payment})

    async def finish_onboarding(self, page: Checkout) -> None:
        assert (await self.box.post(page.redirect_url, {"action": "finish"})).status == 303

    async def settle(self) -> None:
        await self.box.sandbox.set_clock(self.now() + 8 * DAY_MS)

    async def make_meter(self, meter: str) -> None:
        async with self.library() as client:
            made = await client.v1.billing.meters.create_async(
                {"display_name": meter, "event_name": meter, "default_aggregation": {"formula": "sum"}}
            )
        self._meters[meter] = made.id

    async def used(self, meter: str, payer: str) -> int:
        end = self.now() // 60_000 * 60 + 60
        wanted: Any = {"customer": payer, "start_time": end - 24 * 3600, "end_time": end}
        async with self.library() as client:
            page = await client.v1.billing.meters.event_summaries.list_async(self._meters[meter], wanted)
        return round(sum(summary.aggregated_value for summary in page.data))

    async def last_webhook(self) -> bytes:
        wanted = "checkout.session.completed"
        async with asyncio.timeout(HANG_SECONDS), self.mail.arrived:
            while not (found := [raw for raw in self.mail.raw if json.loads(raw)["type"] == wanted]):
                await self.mail.arrived.wait()
        return found[-1]

    def sign(self, raw: bytes, *, is_ours: bool = True, age_seconds: int = 0) -> Mapping[str, str]:
        secret = ENDPOINT_SECRET if is_ours else OTHER_SECRET
        return {"Stripe-Signature": signature_header(raw, secret, int(time.time()) - age_seconds)}

    async def control(self, path: str, body: Mapping[str, Any]) -> Any:
        """Give the emulator an order."""
        headers = {"Authorization": f"Bearer {self.box.secret_key}"}
        url = f"{self.box.url}/control/{path}"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer

    @asynccontextmanager
    async def library(self) -> AsyncIterator[stripe.StripeClient]:
        """Speak to the emulator beside the gateway."""
        http = stripe.AIOHTTPClient()
        bases: Any = dict.fromkeys(("api", "files", "connect", "meter_events"), self.box.url)
        try:
            yield stripe.StripeClient(self.box.secret_key, base_addresses=bases, http_client=http)
        finally:
            await http.close_async()

    async def _save(self, payer: str, card: str) -> str:
        known = {method.reference for method in await self.gateway.saved_methods(payer)}
        wanted = SetupRequest(
            new_id("set"), new_id("cus"), payer, "USD", "https://shop.example/back", "https://shop.example/left"
        )
        page = await self.gateway.open_setup(wanted)
        assert (await self.box.pay(page.redirect_url, card, "pass")).status == 303
        return next(one.reference for one in await self.gateway.saved_methods(payer) if one.reference not in known)


@asynccontextmanager
async def stripe_driver(folder: Path) -> AsyncIterator[StripeDriver]:
    """Run an emulator with a webhook endpoint, the strict checker in front of it, and a gateway that speaks to that."""
    async with contextlib.AsyncExitStack() as stack:
        mail = Mail()
        hook = await stack.enter_async_context(_endpoint(mail))
        box = await stack.enter_async_context(
            running_sandbox(folder, endpoint=(hook, ENDPOINT_SECRET), behaviour=Behaviour(automatic_payouts=False))
        )
        strict = await stack.enter_async_context(strict_proxy(box.url))
        gateway = StripeGateway(
            "stripe",
            secret_key=box.secret_key,
            webhook_secrets=[ENDPOINT_SECRET],
            api_base=strict.url,
            requests_per_second=math.inf,
        )
        stack.push_async_callback(gateway.close)
        yield StripeDriver(box, gateway, strict, mail)


@asynccontextmanager
async def _endpoint(mail: Mail) -> AsyncIterator[str]:
    async def hear(request: web.Request) -> web.Response:
        async with mail.arrived:
            mail.raw.append(await request.read())
            mail.arrived.notify_all()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()
