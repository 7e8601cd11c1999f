"""A whole shop for tests, ours and any plugin author's: real server, real database, real test payments.

    from storefront.testing import running_shop, shop  # ``shop`` is a pytest fixture

    async def test_gems_arrive_when_they_are_paid(shop):
        purchase = await shop.buy("gems-500")
        await shop.pay(purchase)
        await shop.settled(purchase)
        assert shop.balance("customer:ada:gems") == 500

Your own is ``running_shop(tmp_path, config)``; after it the deep audit must be clean. ``asyncio_mode = "auto"``.
"""

import asyncio
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
import pytest
from aiohttp import web

from storefront.app import PARTS, create_app
from storefront.core.audit import Report, verify_database
from storefront.core.clock import MINUTE_MS, SECOND_MS, Clock, parse_iso
from storefront.core.ids import new_id
from storefront.joining import Parts, SandboxSecrets
from storefront.plugins import load
from storefront.sandbox.webhooks import signature_header
from storefront.web.edge import SERVER_OPTIONS

SERVER_KEY = "sk_sandbox_demo"
PUBLISHABLE_KEY = "pk_sandbox_demo"
OPERATOR_KEY = "ak_sandbox_demo"
HANG_SECONDS = 20.0

TINY_SHOP = """
shop: {name: Tiny shop}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: pk_sandbox_demo, kind: publishable}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins: {microtransactions: {}}
assets: {gems: {title: Gems}}
entitlements: {sword: {title: May wield the sword}, chapters: {title: May read on}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499, EUR: 479}}
  gems-1200: {kind: currency_pack, title: 1200 gems, contents: {gems: 1200}, prices: {USD: 999}}
  sword: {kind: item, type: durable, title: Sword, prices: {gems: 120}, grants: [sword]}
  potion: {kind: item, type: consumable, max_count: 99, title: Potion, prices: {gems: 15}}
  key: {kind: item, type: consumable, title: Key, prices: {gems: 40}, limits: [{per: customer, count: 5, window: day}]}
  lantern: {kind: item, type: durable, title: The last lantern, prices: {gems: 10}, limits: [{per: global, count: 1}]}
  chest: {kind: item, type: durable, title: Chest, prices: {USD: 1499}, grants: [chapters]}
  statue: {kind: item, type: consumable, title: The last statue, prices: {USD: 2500}, limits: [{per: global, count: 1}]}
  pass: {kind: item, type: consumable, title: One each, prices: {USD: 700}, limits: [{per: customer, count: 1}]}
"""
"""A shop with one offer of each sort; limits without a window are for a lifetime."""


class Answer(NamedTuple):
    """What the API answered; ``json`` is None where the body is not JSON."""

    status: int
    json: Any
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """The same, byte for byte."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Wall:
    """The machine's clock, set ahead by as much as a test says; milliseconds when called."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def move(self, seconds: int) -> None:
        """Set the clock ahead, or back with a negative number."""
        self._ahead_ms += seconds * SECOND_MS


class Caller:
    """The API as one credential sees it; a customer's session is minted when first needed."""

    def __init__(self, shop: "Shop", credential: str | None, *, customer: str | None = None) -> None:
        self._shop = shop
        self._credential = credential
        self._customer = customer
        self._renew_at = 0

    async def get(self, path: str, **headers: str) -> Answer:
        return _read(await self.send("GET", path, headers=headers))

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        """Post JSON; ``key`` is the Idempotency-Key."""
        content = None if body is None else msgspec.json.encode(body)
        return _read(await self.send("POST", path, content=content, key=key, headers=headers))

    async def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send any bytes and return the answer's; ``headers`` win over what is set otherwise."""
        sent = {} if content is None else {"Content-Type": "application/json"}
        if key is not None:
            sent["Idempotency-Key"] = key
        credential = await self._bearer()
        if credential is not None:
            sent["Authorization"] = f"Bearer {credential}"
        data = None if content is None else BytesIO(content)
        options: dict[str, Any] = {"data": data, "headers": {**sent, **(headers or {})}, "allow_redirects": False}
        async with self._shop.http.request(method, path, **options) as response:
            return Reply(response.status, await response.read(), response.headers)

    async def _bearer(self) -> str | None:
        if self._customer is not None and self._shop.wall() >= self._renew_at:
            answer = await self._shop.as_server().post("/v1/sessions", {"customer": self._customer})
            assert answer.status == 201, answer
            self._credential = answer.json["token"]
            self._renew_at = parse_iso(answer.json["expires_at"]) - MINUTE_MS
        return self._credential


class SandboxControl:
    """The payment emulator as tests use it: what goes wrong next, who paid, and its books as the judge."""

    def __init__(self, shop: "Shop", secret_key: str, webhook_secret: str) -> None:
        self._shop = shop
        self._headers = {"Authorization": f"Bearer {secret_key}"}
        self.webhook_secret = webhook_secret

    async def misbehave(self, fault: str, on: str = "*", **more: Any) -> None:
        """Let the next matching requests suffer ``lose_request``, ``lose_reply``, ``status``, ``delay``,
        ``truncate`` or ``rate_limit``; ``on`` is such as ``POST /v1/checkout/sessions``."""
        await self._control("misbehave", {"fault": fault, "on": on, **more})

    async def webhooks(self, mode: str, times: int | None = None) -> None:
        """Deliver the next events (all, without a number) ``normal``, ``hold``, ``drop``, ``duplicate``
        or ``before_reply``."""
        await self._control("misbehave", {"webhooks": {"mode": mode, "times": times}})

    async def release(self, order: str = "as_created", *, copies: int = 1) -> list[dict[str, Any]]:
        """Send what is held, one after the other; answers ``[{event, type, answer}]``."""
        answer = await self._control("webhooks/release", {"order": order, "copies": copies})
        return list(answer["sent"])

    async def change_amount(self, purchase: Answer | Mapping[str, Any], amount: int) -> None:
        """Make an open checkout charge another amount than it was opened with."""
        session = next(s for s in (await self.books())["sessions"] if s["client_reference_id"] == _json(purchase)["id"])
        await self._control("amount", {"session": session["id"], "amount_total": amount})

    async def books(self) -> dict[str, Any]:
        """Charges, refunds, sessions and totals, oldest first."""
        async with self._shop.http.get("/sandbox/control/books", headers=self._headers) as response:
            books: dict[str, Any] = await response.json()
            return books

    async def charged(self) -> list[tuple[str | None, int]]:
        """Return ``(purchase id, amount)`` of every charge that succeeded, oldest first."""
        charges = (await self.books())["charges"]
        return [(c["client_reference_id"], c["amount"]) for c in charges if c["status"] == "succeeded"]

    async def post_webhook(self, event: Any, *, secret: str | None = None, age_seconds: int = 0) -> Answer:
        """Post an event of your own making, signed as the gateway would, or with another secret or age."""
        raw = event if isinstance(event, bytes) else msgspec.json.encode(event)
        signed_at = time.time_ns() // 1_000_000_000 - age_seconds
        headers = {"Stripe-Signature": signature_header(raw, secret or self.webhook_secret, signed_at)}
        return _read(await self._shop.as_nobody().send("POST", "/webhooks/sandbox", content=raw, headers=headers))

    async def is_idle(self) -> bool:
        async with self._shop.http.get("/sandbox/control/clock", headers=self._headers) as response:
            return bool((await response.json())["idle"])

    async def _control(self, name: str, body: Any) -> Any:
        async with self._shop.http.post(f"/sandbox/control/{name}", json=body, headers=self._headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer


class Shop:
    """One running shop; made by ``running_shop``. ``purchase`` arguments are answers or their JSON."""

    http: aiohttp.ClientSession
    parts: Parts

    def __init__(self, config: Path, environ: Mapping[str, str], wall: Wall) -> None:
        self.wall = wall
        self._config = config
        self._environ = environ
        self._socket = socket.create_server(("127.0.0.1", 0))  # bound first: the shop must know its address
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._runner: web.AppRunner | None = None
        self._customers: dict[str, Caller] = {}
        self._commits = asyncio.Event()

    async def start(self) -> None:
        """Start serving, on the same files and address as before."""
        host = load(self._config, self._environ)
        app = create_app(host, own_url=self.url, clock=Clock(self.wall))
        self.parts = app[PARTS]
        self.parts.services.engine.follow(lambda _: self._commits.set())
        secrets = SandboxSecrets.load_or_create(host.config.data_dir, host.config.gateways.get("sandbox"))
        self.sandbox = SandboxControl(self, secrets.secret_key, secrets.webhook_secret)
        runner = web.AppRunner(app, shutdown_timeout=5, **SERVER_OPTIONS)
        await runner.setup()
        self._runner = runner
        self.http = aiohttp.ClientSession(base_url=self.url)
        await web.SockSite(runner, self._socket.dup()).start()

    async def stop(self) -> None:
        """Shut down as on SIGTERM; safe to call twice."""
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
        self._socket.close()

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
        url = _json(purchase)["payment"]["redirect_url"]
        async with self.http.post(url, data=form, allow_redirects=False) as response:
            return response.status

    async def settled(self, purchase: Answer | Mapping[str, Any]) -> Any:
        """Wait until a purchase is no longer pending and return it as the game's server sees it."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                self._commits.clear()
                seen = await self.seen(purchase)
                if seen["status"] != "pending":
                    return seen
                await self._commits.wait()

    async def seen(self, purchase: Answer | Mapping[str, Any]) -> Any:
        """Return a purchase as it is now."""
        answer = await self.as_server().get(f"/v1/purchases/{_json(purchase)['id']}")
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
        """Wait until no job is due or running and every webhook that goes out has arrived."""
        jobs = self.parts.jobs
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                if await jobs.is_idle() and await self.sandbox.is_idle() and await jobs.is_idle():
                    return
                await asyncio.sleep(0.01)

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
        moved = self.query(
            "SELECT (SELECT total(amount) FROM transfers WHERE destination = ?1)"
            " - (SELECT total(amount) FROM transfers WHERE source = ?1) AS amount",
            name,
        )
        return int(moved[0]["amount"])

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read the database behind the server's back."""
        with closing(sqlite3.connect(f"file:{self.parts.database.name}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, parameters)]

    def rows(self) -> dict[str, int]:
        """Count the rows of every table."""
        tables = self.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return {t["name"]: self.query(f"SELECT count(*) AS n FROM {t['name']}")[0]["n"] for t in tables}  # noqa: S608

    async def audit(self) -> Report:
        """Run ``audit verify --deep``."""
        return await verify_database(self.parts.database, deep=True)


@asynccontextmanager
async def running_shop(
    folder: Path,
    config: str | Path = TINY_SHOP,
    *,
    environ: Mapping[str, str] | None = None,
    wall: Wall | None = None,
) -> AsyncIterator[Shop]:
    """Run a shop with its files in ``folder``; ``config`` is a path, or the YAML itself.

    ``${DATA}`` in the configuration is a folder inside; ``environ`` adds more such variables. When the
    block ends without an error, the books must be in order.
    """
    path = config if isinstance(config, Path) else folder / "shop.yaml"
    if isinstance(config, str):
        path.write_text(config)
    shop = Shop(path, {"DATA": str(folder / "data"), **(environ or {})}, wall or Wall())
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


def _read(reply: Reply) -> Answer:
    is_json = "json" in reply.headers.get("Content-Type", "")
    return Answer(reply.status, msgspec.json.decode(reply.body) if is_json else None, reply.headers)


def _json(purchase: Answer | Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = purchase.json if isinstance(purchase, Answer) else purchase
    return found
