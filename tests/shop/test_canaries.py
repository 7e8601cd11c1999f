"""25 secrets pushed through every way in and every failing path, at debug level: none is met again.

Not in the log, not in the answer to a request that fails, not in the metrics, the audit rows or the events, and not in
what ``storefront … --json`` prints. What a caller may store, such as the metadata of a purchase, is theirs to read.
"""

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from storefront.core.ids import new_id
from storefront.testing import HANG_SECONDS, TINY_SHOP, Shop, running_shop
from storefront.web.logs import configure_logging
from tests.cli.conftest import storefront
from tests.plugins.conftest import Strangers
from tests.postgres import PostgresServer
from tests.shop.canaries import CANARIES, found_in

CONFIGURED = """
gateways:
  sandbox: {secret_key: "${GATEWAY_KEY}", webhook_secret: "${WEBHOOK_SECRET}"}
logging: {level: debug}
"""
RAISES = """
@hookimpl
async def assess_purchase(self, attempt, plan):
    if attempt.quote.offer.sku == "potion":
        raise ValueError("could not read " + SAID)
"""
ROUNDS = 2
NO_SHAPE = ("CVC",)
"""Three digits look like any others: what hides them is their name alone."""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    configure_logging("debug", "json", stream=written)
    yield written
    configure_logging("warning")


@pytest.fixture
async def shop(data_folder: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    strangers = Strangers(data_folder / "site")
    monkeypatch.syspath_prepend(strangers.folder)
    said = "; ".join(f"{name}={text}" for name, text in shaped().items())
    strangers.write("careless", RAISES.replace("SAID", repr(said)))
    config = strangers.shop("careless: {unscreened: allow}").replace("gateways: {sandbox: {}}\n", CONFIGURED)
    environ = {"GATEWAY_KEY": CANARIES["gateway secret key"], "WEBHOOK_SECRET": CANARIES["webhook secret"]}
    async with running_shop(data_folder, config, environ=environ) as running:
        yield running


def as_said() -> dict[str, str]:
    """Return the canaries as somebody would write them: the database's password within its address."""
    return {**CANARIES, "database password": f"postgresql://shop:{CANARIES['database password']}@db.example/shop"}


def shaped() -> dict[str, str]:
    """Return those that can be known by their shape."""
    return {name: text for name, text in as_said().items() if name not in NO_SHAPE}


class Pusher:
    """Sends canaries to a shop, and keeps what is said of requests that fail."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.refusals: list[str] = []
        self._next = itertools.cycle(shaped().values())

    async def send(self, method: str, path: str, *, body: bytes | None = None, **headers: str) -> int:
        data: dict[str, Any] = {} if body is None else {"data": body}
        options = {"headers": headers, "allow_redirects": False, **data}
        async with self.shop.http.request(method, path, **options) as response:
            text = await response.text(errors="replace")
            if response.status >= 400:
                self.refusals.append(f"{method} {text}")
            return response.status

    async def push(self, method: str, template: str, credentials: str) -> None:
        """Push canaries into every place of one route: path, query, headers, body and its members."""
        one, two, three, four = (next(self._next) for _ in range(4))
        quoted = quote(one, safe="")
        path = "/".join(quoted if part.startswith("{") else part for part in template.split("/"))
        everything = {**{name.replace(" ", "_"): text for name, text in as_said().items()}, "sku": two, two: three}
        known = {"X-Request-Id": one, "Idempotency-Key": two, "Cookie": f"storefront_session={three}"}
        await self.send(method, path, Authorization=f"Bearer {credentials}", **known)
        await self.send(method, f"{path}?after={quoted}&customer={quoted}", Authorization=f"Bearer {credentials}")
        await self.send(method, path, Authorization=four)
        if method in ("POST", "PUT", "PATCH"):
            for body in (json.dumps(everything).encode(), json.dumps(two).encode(), four.encode()):
                sent = {"Content-Type": "application/json", "Authorization": f"Bearer {credentials}"}
                await self.send(method, path, body=body, **sent, **{"Idempotency-Key": three[:40].replace(" ", "-")})
            form = "&".join(f"{name.replace(' ', '_')}={text}" for name, text in as_said().items()).encode()
            await self.send(method, path, body=form, **{"Content-Type": "application/x-www-form-urlencoded"})


async def test_no_secret_that_is_pushed_in_is_met_again(shop: Shop, log: io.StringIO) -> None:
    pusher = Pusher(shop)
    routes = await routes_of(shop)
    assert len(routes) > 40
    for _ in range(ROUNDS):
        for method, template in routes:
            for credentials in ("sk_sandbox_demo", "ak_sandbox_demo"):
                await pusher.push(method, template, credentials)
    await malformed_webhooks(shop, pusher)
    await failing_purchases(shop, pusher)
    await shop.quiet()

    assert len(pusher.refusals) > 500
    assert leaks("log", log.getvalue().splitlines()) == []
    assert leaks("refusal", pusher.refusals) == []
    metrics = await read_metrics(shop)
    assert leaks("metrics", metrics) == []
    for table in ("audit_actions", "events", "alarms", "jobs"):
        kept = [json.dumps(row, default=str) for row in shop.query(f"SELECT * FROM {table}")]
        assert leaks(table, kept) == []


async def routes_of(shop: Shop) -> list[tuple[str, str]]:
    """Return ``(method, path template)`` of every documented route; what never ends is left out."""
    async with shop.http.get("/openapi.json") as response:
        document = await response.json()
    found = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
    return [route for route in found if route not in (("GET", "/v1/stream"), ("POST", "/sandbox/clock"))]


async def malformed_webhooks(shop: Shop, pusher: Pusher) -> None:
    """Post what no gateway would sign, and what it would with secrets in it."""
    for text in as_said().values():
        await pusher.send("POST", "/webhooks/sandbox", body=text.encode(), **{"Stripe-Signature": f"t=1,v1={text}"})
        event = {"id": f"evt_{abs(hash(text))}", "type": "charge.failed", "data": {"object": {text: as_said()}}}
        assert (await shop.sandbox.post_webhook(event)).status == 200
        assert (await shop.sandbox.post_webhook({**event, "id": text, "type": text})).status in (200, 400)


async def failing_purchases(shop: Shop, pusher: Pusher) -> None:
    """Buy while a plugin raises and the gateway fails, give back with a talkative reason."""
    server = {"Authorization": "Bearer sk_sandbox_demo", "Content-Type": "application/json"}
    metadata = {f"name {number}": text for number, text in enumerate(list(as_said().values())[:15])}

    async def buy(sku: str) -> None:
        body = json.dumps({"sku": sku, "customer": "ada", "metadata": metadata}).encode()
        await pusher.send("POST", "/v1/purchases", body=body, **server, **{"Idempotency-Key": new_id("key")})

    pack = await shop.bought("gems-500")
    await buy("potion")
    for order in ({"fault": "status", "status": 500}, {"fault": "lose_reply"}, {"fault": "truncate"}):
        await shop.sandbox.misbehave(on="POST /v1/checkout/sessions", times=9, **order)
        await buy("gems-500")
        await shop.sandbox.order("misbehave", clear=True)
    grant = {"customer": "ada", "asset": "gems", "amount": 1}
    for reason in shaped().values():
        await pusher.send("POST", "/v1/grants", body=json.dumps({**grant, "reason": reason}).encode(), **server,
                          **{"Idempotency-Key": new_id("key")})  # fmt: skip
    refund = json.dumps({"reason": " ".join(shaped().values())[:400], "amount": 100}).encode()
    path = f"/v1/purchases/{pack['id']}/refunds"
    await pusher.send("POST", path, body=refund, **server, **{"Idempotency-Key": new_id("key")})


async def read_metrics(shop: Shop) -> list[str]:
    async with shop.http.get("/metrics") as response:
        return (await response.text()).splitlines()


def leaks(where: str, texts: list[str]) -> list[str]:
    """Return what was met again: the first place of each secret."""
    found = {name: text for text in reversed(texts) for name in found_in(text)}
    return [f"{where}: {name} in {text[:600]}" for name, text in found.items()]


async def test_a_database_that_is_away_is_not_told_with_its_password(
    tmp_path: Path, postgres_server: PostgresServer, log: io.StringIO
) -> None:
    url = await postgres_server.new_database()
    password = urlsplit(url).password
    assert password
    async with running_shop(tmp_path, database=url) as shop:
        pusher = Pusher(shop)
        await shop.bought("gems-500")
        await shop.quiet()
        await asyncio.to_thread(postgres_server.stop, "immediate")
        sent = {"Authorization": "Bearer sk_sandbox_demo", "Content-Type": "application/json"}
        for path, body in (
            ("/v1/purchases", {"sku": "sword", "customer": "ada"}),
            ("/v1/grants", {"customer": "ada", "asset": "gems", "amount": 1, "reason": "none"}),
        ):
            key = {"Idempotency-Key": "key-1"}
            assert await pusher.send("POST", path, body=json.dumps(body).encode(), **sent, **key) == 503
        assert await pusher.send("GET", "/readyz") == 503
        await asyncio.to_thread(postgres_server.start)
        async with asyncio.timeout(HANG_SECONDS):
            while await pusher.send("GET", "/readyz") != 200:  # noqa: ASYNC110 nobody tells when it is there again
                await asyncio.sleep(0.1)
    assert "database_unavailable" in log.getvalue()
    assert password not in log.getvalue()
    assert [text for text in pusher.refusals if password in text] == []


COMMANDS = (
    ("check", "--json"),
    ("plugins", "--json"),
    ("audit", "verify", "--json"),
    ("keys", "list", "--json"),
    ("migrate", "--status", "--json"),
    ("export", "--json"),
    ("no-such-command",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_command_tells_what_the_configuration_keeps_secret(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The database is away, its address holds a password, and some secrets are of the wrong form."""
    config = tmp_path / "shop.yaml"
    config.write_text(
        TINY_SHOP.replace("gateways: {sandbox: {}}\n", CONFIGURED)
        + "database: {url: 'postgresql://shop:${DATABASE_PASSWORD}@127.0.0.1:1/shop'}\n"
        + "shop_secret: ${SERVER_KEY}\n"
    )
    variables = {
        "DATA": str(tmp_path / "data"),
        "GATEWAY_KEY": CANARIES["gateway secret key"],
        "WEBHOOK_SECRET": CANARIES["webhook secret"],
        "DATABASE_PASSWORD": CANARIES["database password"],
        "SERVER_KEY": CANARIES["server key"],
    }
    for text in (config.read_text(), config.read_text().replace("shop_secret: ${SERVER_KEY}\n", "")):
        config.write_text(text)
        arguments = [*command, "--config", config] if command[0] != "no-such-command" else [*command]
        told = storefront(*arguments, **variables)

        assert told.stdout + told.stderr
        assert found_in(told.stdout + told.stderr) == []
