"""Receivers of webhooks on this machine, and shops that may send to them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from storefront.testing import HANG_SECONDS, OPERATOR_KEY, TINY_SHOP, Answer, Caller, Shop, running_shop
from storefront.testing.calling import read_answer

PATH = "/v1/webhook-endpoints"


class Received(NamedTuple):
    """One message as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = msgspec.json.decode(self.body)
        return event


class Receiver:
    """Somebody else's server: answers ``status`` with ``headers`` and ``answer``, and keeps all that came."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self.answer = b""
        self.release = asyncio.Event()
        self.release.set()
        self.url = ""
        self.origin = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path, headers, await request.read()))
        await self.release.wait()
        return web.Response(status=self.status, headers=self.headers, body=self.answer)

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.received]

    def of_type(self, event_type: str) -> list[Received]:
        return [one for one in self.received if one.event["type"] == event_type]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    server = TestServer(app)
    await server.start_server()
    receiver.origin = str(server.make_url("/")).rstrip("/")
    receiver.url = f"{receiver.origin}/hooks"
    try:
        yield receiver
    finally:
        receiver.release.set()
        await server.close()


@pytest.fixture
async def new_receiver() -> AsyncIterator[Callable[[], Any]]:
    """Makes receivers that listen until the test is over."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(receiving())


@pytest.fixture
async def receiver(new_receiver: Callable[[], Any]) -> Receiver:
    one: Receiver = await new_receiver()
    return one


def allowing(*receivers: Receiver) -> str:
    """The tiny shop's YAML, with these receivers allowed."""
    return TINY_SHOP + f"webhooks: {{allow: [{', '.join(one.origin for one in receivers)}]}}\n"


@pytest.fixture
async def shop(data_folder: Path, database_url: str | None, receiver: Receiver) -> AsyncIterator[Shop]:
    """The tiny shop, which may send to ``receiver``; its books are audited when the test is over."""
    async with running_shop(data_folder, allowing(receiver), database=database_url) as running:
        yield running


class Operator:
    """An operator at the API of a shop, or ``caller`` who tries to be one."""

    def __init__(self, shop: Shop, caller: Caller | None = None) -> None:
        self._caller = caller or shop.bearing(OPERATOR_KEY)

    async def add(self, url: str, *types: str) -> dict[str, Any]:
        answer = await self.send("POST", "", {"url": url, "event_types": list(types)})
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.json
        return made

    async def send(self, method: str, path: str, body: Any = None) -> Answer:
        content = None if body is None else msgspec.json.encode(body)
        return read_answer(await self._caller.send(method, PATH + path, content=content))

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.send(method, path, body)
        assert answer.status in (200, 202, 204), answer
        return answer.json

    async def deliveries(self, endpoint: dict[str, Any], state: str = "") -> list[dict[str, Any]]:
        query = f"?state={state}" if state else ""
        found: list[dict[str, Any]] = (await self.ok("GET", f"/{endpoint['id']}/deliveries{query}"))["data"]
        return found


@pytest.fixture
def operator(shop: Shop) -> Operator:
    return Operator(shop)


async def settled(shop: Shop) -> None:
    """Wait until every event is a delivery and none is due."""
    async with asyncio.timeout(HANG_SECONDS):
        while not await shop.parts.webhooks.dispatcher.is_idle():  # noqa: ASYNC110 nobody tells when it is
            await asyncio.sleep(0.01)
