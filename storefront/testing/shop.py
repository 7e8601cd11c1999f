"""One running shop, and what tests do with it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from storefront.app import PARTS, create_app
from storefront.configured_gateways import SandboxSecrets
from storefront.core.audit import Outside, Report, verify_database
from storefront.core.clock import Clock
from storefront.core.config import Config, Secret
from storefront.core.config import Database as DatabaseSection
from storefront.core.database import Database
from storefront.core.ids import new_id
from storefront.core.outgoing.guard import Guard
from storefront.core.sqlite_database import SqliteDatabase
from storefront.joining import Parts
from storefront.plugins import load_to_serve
from storefront.testing.calling import Answer, Caller, Wall, as_json
from storefront.testing.empty_files import lay_tables
from storefront.testing.looking import FileWindow, look_into, tables_of
from storefront.testing.sandbox_control import SandboxControl
from storefront.testing.tiny_shop import SERVER_KEY, TINY_SHOP
from storefront.web.edge import SERVER_OPTIONS

HANG_SECONDS = 60.0
_COUNTED = {
    "receipts": "1 = 0",
    "receipt_keys": "1 = 0",
    "anchors": "id NOT IN ('receipts', 'analytics')",
    "analytics_generations": "1 = 0",
    "analytics_rollups": "1 = 0",
    "analytics_members": "1 = 0",
    "settings": "key <> 'receipts_cursor'",
}


class ShopClient:
    """What tests do with a running shop, whoever runs it. ``purchase`` arguments are answers or their JSON."""

    http: aiohttp.ClientSession
    sandbox: SandboxControl
    database: Database

    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self._customers: dict[str, Caller] = {}

    def as_customer(self, name: str = "ada") -> Caller:
        """Return the API as this customer's session sees it."""
        return self._customers.setdefault(name, Caller(self, None, customer=name))

    def as_server(self) -> Caller:
        return Caller(self, SERVER_KEY)

    def as_nobody(self) -> Caller:
        return Caller(self, None)

    def bearing(self, credential: str) -> Caller:
        """Return the API as the bearer of a key or token sees it."""
        return Caller(self, credential)

    async def session(self, customer: str = "ada", **more: Any) -> str:
        """Mint a session token."""
        answer = await self.as_server().post("/v1/sessions", {"customer": customer, **more})
        assert answer.status == 201, answer
        return str(answer.json["token"])

    async def buy(self, sku: str, *, key: str | None = None, customer: str = "ada", **more: Any) -> Answer:
        """Ask to buy something; ``more`` goes into the body. Without a key each call is a new intention."""
        return await self.as_customer(customer).post("/v1/purchases", {"sku": sku, **more}, key=key or new_id("key"))

    async def pay(
        self, purchase: Answer | Mapping[str, Any], card: str = "4242 4242 4242 4242", challenge: str | None = None
    ) -> int:
        """Fill in the hosted page and return its status: 303 paid, 402 declined, 200 it asks the bank.

        ``challenge`` (pass, fail) is the buyer's answer to 3-D Secure.
        """
        form = {"card_number": card, "action": "pay"} | ({} if challenge is None else {"challenge": challenge})
        url = as_json(purchase)["payment"]["redirect_url"]
        async with self.http.post(url, data=form, allow_redirects=False) as response:
            return response.status

    async def settled(self, purchase: Answer | Mapping[str, Any]) -> Any:
        """Wait until a purchase is no longer pending and return it as the game's server sees it."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                seen = await self.seen(purchase)
                if seen["status"] != "pending":
                    return seen
                await asyncio.sleep(0.01)

    async def seen(self, purchase: Answer | Mapping[str, Any]) -> Any:
        """Return a purchase as it is now."""
        answer = await self.as_server().get(f"/v1/purchases/{as_json(purchase)['id']}")
        assert answer.status == 200, answer
        return answer.json

    async def bought(self, sku: str, *, customer: str = "ada", **more: Any) -> Any:
        """Buy something, pay by card if it costs money, and return the completed purchase."""
        answer = await self.buy(sku, customer=customer, **more)
        assert answer.status in (201, 202), answer
        if answer.status == 202:
            assert await self.pay(answer) == 303
        purchase = await self.settled(answer)
        assert purchase["status"] == "completed", purchase
        return purchase

    async def quiet(self) -> None:
        """Wait until no job is due or running, plugins know what happened, and every outgoing webhook has arrived."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                if await self.is_idle() and await self.sandbox.is_idle() and await self.is_idle():
                    return
                await asyncio.sleep(0.01)

    async def is_idle(self) -> bool:
        """Tell whether no job is due or running."""
        offset = self.query("SELECT value FROM settings WHERE key = 'clock_offset_ms'")
        now = self.wall() + (int(offset[0]["value"]) if offset else 0)
        return not self.query("SELECT 1 AS n FROM jobs WHERE state = 'waiting' AND due_at <= ? LIMIT 1", now)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until ``is_so()`` is true: for what follows from an event or is done by a job."""
        async with asyncio.timeout(HANG_SECONDS):
            while not is_so():  # noqa: ASYNC110 what follows a commit tells nobody when it is done
                await asyncio.sleep(0.02)

    async def advance(self, by: str) -> None:
        """Move business time forward (``45d``, ``35m``) and let everything happen that falls due on the way."""
        answer = await self.as_server().post("/sandbox/clock", {"advance": by})
        assert answer.status == 200, answer

    def balance(self, account: str) -> int:
        """Sum up an account from its transfers; ``customer:ada:gems`` goes by the game's own customer id."""
        parts = account.split(":")
        if parts[0] == "customer":
            found = self.query("SELECT id FROM customers WHERE external_id = ?", parts[1])
            parts[1] = found[0]["id"] if found else "nobody"
        name = ":".join(parts)
        into, out_of = (
            self.query(f"SELECT coalesce(sum(amount), 0) AS amount FROM transfers WHERE {side} = ?", name)  # noqa: S608
            for side in ("destination", "source")
        )
        return int(into[0]["amount"]) - int(out_of[0]["amount"])

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read the database behind the server's back; ``?`` stands for a parameter on either database."""
        return look_into(self.database)(sql, parameters)

    def rows(self) -> dict[str, int]:
        """Count the rows of every table, but for those that receipts and roll-ups get by themselves, a moment after."""
        names = tables_of(look_into(self.database), self.database)
        counts = " UNION ALL ".join(
            f"SELECT '{name}' AS name, count(*) AS n FROM {name} WHERE {_COUNTED.get(name, '1 = 1')}"  # noqa: S608
            for name in names
        )
        return {row["name"]: row["n"] for row in self.query(counts)}

    async def audit(self) -> Report:
        """Run ``audit verify --deep``; a shop in another process is asked nothing about its offers' kinds."""
        return await verify_database(self.database, deep=True)


class Shop(ShopClient):
    """One shop, run in this process; made by ``running_shop``."""

    parts: Parts

    def __init__(
        self,
        config: Path,
        environ: Mapping[str, str],
        wall: Wall,
        *,
        database: str | None = None,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(wall)
        self._guard = guard
        self._config = config
        self._database_url = database
        self._environ = environ
        self._place = _bound(("127.0.0.1", 0))  # bound first: the shop must know its address
        self.url = f"http://127.0.0.1:{self._place.getsockname()[1]}"
        self._runner: web.AppRunner | None = None
        self._window: FileWindow | None = None
        self._commits = asyncio.Event()

    async def start(self) -> None:
        """Start serving, on the same files and address as before."""
        host = load_to_serve(self._config, self._environ)
        if self._database_url is not None:
            host.config = replace(host.config, database=DatabaseSection(Secret(self._database_url)))
        app = create_app(host, own_url=self.url, clock=Clock(self.wall), guard=self._guard, read=self._read)
        self.parts = app[PARTS]
        self.database = self.parts.database
        await lay_tables(self.database)
        self.parts.services.engine.follow(lambda _: self._commits.set())
        secrets = SandboxSecrets.load_or_create(host.config.data_dir, host.config.gateways.get("sandbox"))
        self.sandbox = SandboxControl(self, secrets.secret_key, secrets.webhook_secret)
        runner = web.AppRunner(app, shutdown_timeout=5, **SERVER_OPTIONS)
        await runner.setup()
        self._runner = runner
        self.http = aiohttp.ClientSession(base_url=self.url)
        await web.SockSite(runner, _bound(self._place.getsockname())).start()

    def _read(self) -> Config:
        return load_to_serve(self._config, self._environ).config

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read the database behind the server's back; while it runs on a file, over one connection."""
        if self._runner is None or not isinstance(self.database, SqliteDatabase):
            return super().query(sql, *parameters)
        if self._window is None:
            self._window = FileWindow(self.database.name)
        return self._window.look(sql, parameters)

    async def stop(self) -> None:
        """Shut down as on SIGTERM; safe to call twice."""
        if self._window is not None:
            self._window.close()
            self._window = None
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await self.http.close()
            await runner.cleanup()

    async def restart(self) -> None:
        """Stop and start again on the same files."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        await self.stop()
        self._place.close()

    async def settled(self, purchase: Answer | Mapping[str, Any]) -> Any:
        """Wait until a purchase is no longer pending and return it as the game's server sees it."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                self._commits.clear()
                seen = await self.seen(purchase)
                if seen["status"] != "pending":
                    return seen
                await self._commits.wait()

    async def is_idle(self) -> bool:
        """Tell whether no job is due or running, and every plugin has been handed what happened."""
        return self.parts.dispatcher.is_idle and await self.parts.jobs.is_idle()

    async def audit(self) -> Report:
        """Run ``audit verify --deep``, which asks the kinds of the shop's offers too."""
        services, checks = self.parts.services, self.parts.host.audit_checks()
        outside = Outside(kinds=services.kinds, checks=checks, figures=services.figures)
        return await verify_database(self.database, deep=True, outside=outside)


def _bound(address: tuple[str, int]) -> socket.socket:
    """Return a socket that has an address and may share it; it keeps the place of a shop that is stopped.

    It does not listen: what still asks the shop's own sandbox while that stops is refused at once.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(address)
    return bound


@asynccontextmanager
async def running_shop(
    folder: Path,
    config: str | Path = TINY_SHOP,
    *,
    environ: Mapping[str, str] | None = None,
    wall: Wall | None = None,
    database: str | None = None,
    guard: Guard | None = None,
) -> AsyncIterator[Shop]:
    """Run a shop with its files in ``folder``; ``config`` is a path, or the YAML itself.

    ``${DATA}`` in the configuration is a folder inside; ``environ`` adds more such variables. The books are kept
    in a file there, or in the PostgreSQL database at the address ``database``. ``guard`` says where outgoing webhooks
    may go, instead of the configuration. When the block ends without an
    error, they must be in order.
    """
    path = config if isinstance(config, Path) else folder / "shop.yaml"
    if isinstance(config, str):
        path.write_text(config)
    shop = Shop(path, {"DATA": str(folder / "data"), **(environ or {})}, wall or Wall(), database=database, guard=guard)
    try:
        await shop.start()
        yield shop
        report = await shop.audit()
        assert report.is_clean, "\n".join(violation.message for violation in report.violations)
    finally:
        await shop.close()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """The tiny shop, running; its books are audited when the test is over."""
    async with running_shop(tmp_path) as running:
        yield running
