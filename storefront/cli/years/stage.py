"""A shop in this process whose clock and life are in our hands: it may be moved on by days, and be down for days."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from storefront.app import PARTS, create_app
from storefront.cli.serving import Listener, bind, listening, start_logging
from storefront.cli.story import SERVER_KEY, Answer, NotAsTold
from storefront.configured_gateways import SandboxSecrets
from storefront.control.desk import Desk
from storefront.core.audit import Outside, Report, verify_database
from storefront.core.clock import Clock
from storefront.core.tables import customers, payment_methods, payments
from storefront.plugins import load

REQUEST_SECONDS = 60.0
QUIET_SECONDS = 600.0
LOOK_AGAIN_SECONDS = 0.02


class Stage:
    """The shop, what its server is asked by HTTP, and what gateways and banks do outside of it."""

    def __init__(self, config: Path, data: Path) -> None:
        self._config = config
        self._environ = {"DATA": str(data)}
        self._ahead_ms = 0
        self._port = 0
        self._life = AsyncExitStack()

    def wall(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    @property
    def now(self) -> int:
        """Business time, in milliseconds."""
        return self._parts.services.clock.now()

    async def open(self) -> None:
        """Start the server, on the same files and address as before."""
        host = load(self._config, self._environ)
        start_logging(host.config.logging.level, host.config.logging.format)
        host.config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        listener: Listener = bind("127.0.0.1", self._port)
        self._port = listener.socket.getsockname()[1]
        app = create_app(host, own_url=listener.url, clock=Clock(self.wall))
        self._parts = app[PARTS]
        self._desk = Desk(self._parts, url=listener.url, read=lambda: load(self._config, self._environ))
        secrets = SandboxSecrets.load_or_create(host.config.data_dir, host.config.gateways["sandbox"])
        self._emulator = {"Authorization": f"Bearer {secrets.secret_key}"}
        await self._life.enter_async_context(listening(app, listener))
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        self.http = await self._life.enter_async_context(aiohttp.ClientSession(listener.url, timeout=timeout))
        assert self._parts.emulator is not None, "the shop has the sandbox for its gateway"
        self._clock = await self._life.enter_async_context(self._parts.emulator.connect())

    async def close(self) -> None:
        """Stop the server as SIGTERM does; safe to call twice."""
        await self._life.aclose()

    async def be_down(self, days_ms: int) -> None:
        """Let the server be down for so long; what fell due meanwhile is made up for before anything else happens."""
        await self.close()
        self._ahead_ms += days_ms
        await self.open()
        await self._wake()

    async def move(self, by_ms: int) -> None:
        """Move all clocks on, in one leap, and let everything happen that has fallen due."""
        self._ahead_ms += by_ms
        await self._wake()

    async def _wake(self) -> None:
        await self._clock.set(self.now)
        self._parts.jobs.wake()
        self._parts.webhooks.dispatcher.wake()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until no job is due or running and the gateway has told all that it has to tell."""
        async with asyncio.timeout(QUIET_SECONDS):
            while True:
                is_quiet = await self._parts.jobs.is_idle() and (await self._clock.read()).is_idle
                if is_quiet and await self._parts.jobs.is_idle():
                    return
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        """Ask the shop as the game's server does."""
        headers = {"Authorization": f"Bearer {SERVER_KEY}"} | ({} if key is None else {"Idempotency-Key": key})
        async with self.http.request(method, path, json=body, headers=headers) as response:
            return Answer(response.status, await response.json())

    async def pay(self, url: str, card: str) -> int:
        """Fill in the gateway's page and return its status: 303 paid, 402 declined."""
        form = {"card_number": card, "action": "pay"}
        async with self.http.post(url, data=form, allow_redirects=False) as response:
            return response.status

    async def order(self, what: str, body: Mapping[str, Any]) -> Any:
        """Let something happen outside: ``misbehave``, ``cards``, ``disputes`` of the emulator's control."""
        async with self.http.post(f"/sandbox/control/{what}", json=body, headers=self._emulator) as response:
            answer = await response.json()
            if response.status != 200:
                raise NotAsTold(f"Not as told: the gateway answered {response.status} to {what}: {answer}")
            return answer

    async def cards_of(self, customer: str) -> list[str]:
        """Return what the gateway calls a customer's saved cards, the newest first, as their bank would know them."""
        statement = (
            select(payment_methods.c.reference)
            .join(customers, customers.c.id == payment_methods.c.customer_id)
            .where(customers.c.external_id == customer)
            .order_by(payment_methods.c.id.desc())
        )
        return [row["reference"] for row in await self._parts.services.reader.scan(statement)]

    async def payment_of(self, purchase: str) -> str | None:
        """Return what the gateway calls the payment of a purchase, if money was taken."""
        statement = select(payments.c.gateway_payment).where(payments.c.purchase_id == purchase)
        rows = await self._parts.services.reader.scan(statement)
        return rows[0]["gateway_payment"] if rows else None

    async def figures(self, since: str) -> dict[str, Any]:
        """Return what an operator's shell is told by ``subscriptions.figures``."""
        return await self._desk.ask("subscriptions.figures", {"from": since})

    async def audit(self) -> Report:
        """Run ``audit verify --deep`` with what plugins add to it."""
        services, checks = self._parts.services, self._parts.host.audit_checks()
        outside = Outside(kinds=services.kinds, checks=checks, figures=services.figures)
        return await verify_database(self._parts.database, deep=True, outside=outside)
