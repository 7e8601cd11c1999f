"""The emulator for tests and plugin authors: started on a free port, driven by a few verbs."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from storefront.sandbox.app import SANDBOX, create_sandbox
from storefront.sandbox.behaviour import Behaviour
from storefront.sandbox.faults import Fault
from storefront.sandbox.orders import Misbehave
from storefront.sandbox.sandbox import Sandbox
from storefront.sandbox.webhooks import Receipt
from storefront.sandbox.world import Clock

SECRET_KEY = "sk_test_" + "sandbox_key_for_tests"
ENDPOINT_SECRET = "whsec_" + "sandbox_secret_for_tests_0123456789"
QUICK_RETRIES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Paid:
    """What the checkout page answered: the status, where it sent the buyer, and the page's text."""

    status: int
    location: str | None
    text: str


@dataclass(slots=True)
class RunningSandbox:
    """A started emulator; ``url`` is its base address, without a slash at the end."""

    url: str
    secret_key: str
    sandbox: Sandbox
    browser: aiohttp.ClientSession

    async def pay(
        self,
        checkout_url: str,
        card: str = "4242424242424242",
        challenge: str | None = None,
        **fields: str,
    ) -> Paid:
        """Fill in the page at ``checkout_url`` and send it; ``challenge`` (pass, fail) answers 3-D Secure."""
        paid = await self.post(checkout_url, {"card_number": card, "action": "pay", **fields})
        if challenge is not None and paid.status == 200:
            paid = await self.post(checkout_url, {"challenge": challenge})
        return paid

    async def cancel(self, checkout_url: str) -> Paid:
        """Walk away from the page."""
        return await self.post(checkout_url, {"action": "cancel"})

    async def post(self, checkout_url: str, fields: dict[str, str]) -> Paid:
        """Send any form to a checkout page, without following where it leads."""
        async with self.browser.post(checkout_url, data=fields, allow_redirects=False) as response:
            return Paid(response.status, response.headers.get("Location"), await response.text())

    def misbehave(self, fault: Fault | str, on: str = "*", **more: Any) -> None:
        """See ``Sandbox.misbehave``."""
        self.sandbox.misbehave(fault, on, **more)

    async def release_webhooks(self, order: str = "as_created", **more: Any) -> list[Receipt]:
        """See ``Sandbox.release_webhooks``."""
        return await self.sandbox.release_webhooks(order, **more)

    async def charges(self, status: str = "succeeded") -> list[dict[str, Any]]:
        """The charges with this status, oldest first: the judge of "charged once"."""
        books = await self.sandbox.books()
        return [charge for charge in books["charges"] if charge["status"] == status]


@asynccontextmanager
async def running_sandbox(
    folder: Path,
    *,
    endpoint: tuple[str, str] | None = None,
    connect_endpoint: tuple[str, str] | None = None,
    clock: Clock | None = None,
    shop_name: str = "Storefront",
    retry_seconds: Sequence[float] = QUICK_RETRIES,
    behaviour: Behaviour | None = None,
    prefix: str = "",
    misbehave: Sequence[Misbehave] = (),
) -> AsyncIterator[RunningSandbox]:
    """Run an emulator on a free loopback port with its file in ``folder``; a second run finds the same books.

    ``prefix`` ("/sandbox") mounts it under a path of another application, as the shop's server does.
    """
    sock = socket.create_server(("127.0.0.1", 0))  # bound first: the application must know its own address
    url = f"http://127.0.0.1:{sock.getsockname()[1]}{prefix}"
    app = create_sandbox(
        path=folder / "sandbox.sqlite",
        public_url=url,
        secret_key=SECRET_KEY,
        endpoint=endpoint,
        connect_endpoint=connect_endpoint,
        clock=clock,
        shop_name=shop_name,
        retry_seconds=retry_seconds,
        behaviour=behaviour,
        misbehave=misbehave,
    )
    outer = app
    if prefix:
        outer = web.Application()
        outer.add_subapp(prefix, app)
    runner = web.AppRunner(outer)
    try:
        await runner.setup()
        await web.SockSite(runner, sock).start()
        async with aiohttp.ClientSession() as browser:
            yield RunningSandbox(url, SECRET_KEY, app[SANDBOX], browser)
    finally:
        await runner.cleanup()
        sock.close()
