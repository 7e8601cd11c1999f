"""A tiny route set behind the real edge, on a real socket, with a clock and a log that tests can read."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from storefront.core.api_keys import KeyHasher, KeyRecord
from storefront.core.clock import Clock
from storefront.core.config.model import RateLimit
from storefront.core.errors import Conflict
from storefront.core.principals import Role
from storefront.core.sessions import Revocations, SessionTokens, SigningKeys
from storefront.routing import Call, ErrorDoc, Routes, respond, respond_bytes
from storefront.web.auth import CredentialAuthenticator
from storefront.web.docs import docs_routes
from storefront.web.edge import SERVER_OPTIONS, Edge, EdgeSettings, mount
from storefront.web.health import health_routes
from storefront.web.limits import RateLimiter
from storefront.web.logs import configure_logging
from storefront.web.metrics import HttpMetrics

ORDER = {
    "type": "object",
    "properties": {
        "sku": {"type": "string", "minLength": 1, "maxLength": 40},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "pay_with": {"enum": ["wallet", "stripe"]},
        "weight": {"type": "number"},
        "big": {"type": "integer"},
        "recipient": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
        "metadata": {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "string"}},
        "lines": {"type": "array", "maxItems": 200, "items": {"type": "integer"}},
    },
    "required": ["sku"],
    "additionalProperties": False,
}
LIST = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "after": {"type": "string"},
        "order": {"enum": ["newest", "oldest"]},
        "dry_run": {"type": "boolean"},
    },
    "additionalProperties": False,
}
FORM = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
    "required": ["sku"],
    "additionalProperties": False,
}


class OutOfTune(Conflict):
    """An error of the tiny route set's own."""

    code = "out_of_tune"
    title = "The instrument is out of tune"


def tiny_routes() -> Routes:
    """Declare one route of each sort; handlers echo what the edge gave them."""
    routes = Routes("tiny", errors=[ErrorDoc("out_of_tune", 409, OutOfTune.title, "Tune it.")])

    @routes.get("/v1/catalog", allow=Role.PUBLIC, answers={200: {"type": "object"}})
    async def list_offers(call: Call) -> web.StreamResponse:
        """List offers.

        Open to everybody.
        """
        return respond(seen(call))

    @routes.get("/v1/things/{id}", allow=Role.CUSTOMER | Role.SERVER, query=LIST, scope="purchases:read")
    async def show_thing(call: Call) -> web.StreamResponse:
        """Show a thing."""
        return respond(seen(call) | {"id": call.path("id")}, headers={"ETag": '"v1"'})

    @routes.post(
        "/v1/orders",
        allow=Role.CUSTOMER | Role.SERVER | Role.PUBLIC,
        body=ORDER,
        idempotent=True,
        limit="checkout",
        refusals=["out_of_tune"],
        answers={201: ORDER},
    )
    async def create_order(call: Call) -> web.StreamResponse:
        """Order."""
        return respond(seen(call), status=201)

    @routes.post("/v1/keys", allow=Role.OPERATOR, body={"type": "object", "additionalProperties": False})
    async def create_key(call: Call) -> web.StreamResponse:
        """Make a key."""
        return respond(seen(call), status=201)

    _add_odd_routes(routes)
    return routes


def _add_odd_routes(routes: Routes) -> None:
    """Declare what fails, what refuses, and what takes or gives something else than JSON."""

    @routes.get("/v1/broken", allow=Role.PUBLIC)
    async def break_down(call: Call) -> web.StreamResponse:
        """Break."""
        raise RuntimeError("postgresql://shop:hunter22@db/shop said no to sk_live_abcdefgh12345678")

    @routes.get("/v1/tune", allow=Role.PUBLIC)
    async def tune(call: Call) -> web.StreamResponse:
        """Refuse."""
        raise OutOfTune("Flat by a third.", cents=-33)

    @routes.post("/webhooks/{gateway}", allow=Role.PUBLIC, raw_body=True, limit="webhook", body_limit=64)
    async def take_event(call: Call) -> web.StreamResponse:
        """Take an event."""
        return respond_bytes(b'{"bytes":%d}' % len(call.raw))

    @routes.post("/shop/buy", allow=Role.CUSTOMER | Role.PUBLIC, form=FORM, page=True)
    async def buy(call: Call) -> web.StreamResponse:
        """Buy by form."""
        return respond(seen(call))

    @routes.get("/v1/slow-stream", allow=Role.PUBLIC)
    async def follow_late(call: Call) -> web.StreamResponse:
        """Stream once the client has hung up."""
        while call.request.transport is not None and not call.request.transport.is_closing():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        return await call.stream("text/event-stream")

    @routes.get("/v1/stream", allow=Role.PUBLIC)
    async def follow(call: Call) -> web.StreamResponse:
        """Stream two events, then fail."""
        stream = await call.stream("text/event-stream")
        await stream.write(b"data: 1\n\n")
        raise RuntimeError("the second event is missing")


def seen(call: Call) -> dict[str, Any]:
    """What the edge handed to the handler."""
    principal = call.principal
    return {
        "role": principal.role.name,
        "caller": principal.caller,
        "customer": principal.external_id,
        "address": call.address,
        "body": call.body,
        "query": call.query,
        "key": call.idempotency_key,
        "request_id": call.request_id,
    }


@dataclass
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_problem(self, status: int, code: str) -> bool:
        """Whether it is a whole problem document that says this, under its own request id."""
        problem = self.json
        assert self.headers["Content-Type"] == "application/problem+json"
        assert problem["type"] == f"/docs/errors#{problem['code']}"
        assert problem["title"]
        assert problem["request_id"] == self.headers["X-Request-Id"]
        return (self.status, problem["status"], problem["code"]) == (status, status, code)


@dataclass
class World:
    """A running server with the tiny routes."""

    client: TestClient
    edge: Edge
    app: web.Application
    tokens: SessionTokens
    hasher: KeyHasher
    keys: dict[str, KeyRecord]
    revocations: Revocations
    limiter: RateLimiter
    log: StringIO
    clock: "Hands"

    async def send(self, method: str, path: str, *, token: str | None = None, **options: Any) -> Reply:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.client.request(method, path, headers=headers, allow_redirects=False, **options) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.send("GET", path, **options)

    async def order(self, body: bytes | dict[str, Any], *, key: str | None = "k1", **options: Any) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | dict(options.pop("headers", {}))
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.send("POST", "/v1/orders", data=BytesIO(data), headers=headers, **options)

    async def raw(self, request: bytes) -> bytes:
        """Send bytes and return one answer's bytes, head and body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.client.port)
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        writer.close()
        return head + body

    def session(self, customer: str = "ada", **options: Any) -> str:
        return self.tokens.mint(f"cus_{customer}", customer, **options)[0]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@dataclass
class Hands:
    """A clock's hands: wall milliseconds and monotonic nanoseconds, both moved by tests."""

    wall_ms: int = 1_790_000_000_000
    monotonic_ns: int = 5_000_000_000

    def move(self, seconds: float) -> None:
        self.wall_ms += int(seconds * 1000)
        self.monotonic_ns += int(seconds * 1_000_000_000)


@dataclass
class Setting:
    """What a test may want different."""

    settings: EdgeSettings = field(default_factory=lambda: EdgeSettings(public_url="http://shop.example"))
    limits: Mapping[str, tuple[RateLimit, ...]] = field(default_factory=dict)
    demo_keys: bool = True
    level: str = "debug"


Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path):
    """Start a world; keyword arguments are fields of ``Setting`` or of ``EdgeSettings``."""
    async with AsyncExitStack() as stack:

        async def begin(**wanted: Any) -> World:
            own = {name: wanted.pop(name) for name in ("limits", "demo_keys", "level") if name in wanted}
            setting = Setting(**own)
            setting.settings = replace(setting.settings, **wanted)
            return await stack.enter_async_context(_running(setting, tmp_path))

        yield begin
    configure_logging("warning")


@pytest.fixture
async def world(start: Start) -> World:
    return await start()


class _running:
    """Context manager around one world's server."""

    def __init__(self, setting: Setting, folder: Path) -> None:
        hands, log = Hands(), StringIO()
        clock = Clock(lambda: hands.wall_ms)
        keys: dict[str, KeyRecord] = {}
        tokens = SessionTokens(SigningKeys.load_or_create(folder), clock)
        hasher, revocations = KeyHasher.load_or_create(folder), Revocations()
        limiter = RateLimiter(setting.limits, nanoseconds=lambda: hands.monotonic_ns)
        registry = CollectorRegistry()
        routes = [tiny_routes(), health_routes({}, registry)]
        routes.append(docs_routes(routes, shop_name="Tiny"))
        configure_logging(setting.level, "json", stream=log)
        app = web.Application()
        edge = mount(
            app,
            routes,
            authenticator=CredentialAuthenticator(
                tokens, keys.get, hasher=hasher, clock=clock, revocations=revocations, demo_keys=setting.demo_keys
            ),
            limiter=limiter,
            metrics=HttpMetrics(registry),
            settings=setting.settings,
            error_page=lambda request, view, request_id: web.Response(
                text=f"<h1>{view.title}</h1>{request_id}", status=view.status, content_type="text/html"
            ),
        )
        client = TestClient(TestServer(app))
        self._world = World(client, edge, app, tokens, hasher, keys, revocations, limiter, log, hands)

    async def __aenter__(self) -> World:
        await self._world.client.server.start_server(**SERVER_OPTIONS)
        await self._world.client.start_server()
        return self._world

    async def __aexit__(self, *_: object) -> None:
        await self._world.client.close()
