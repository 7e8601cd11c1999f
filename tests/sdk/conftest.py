"""A road between the SDK and a running shop, on which replies get lost and strangers answer."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from storefront_sdk import StorefrontClient

from storefront.testing import TINY_SHOP, Shop, running_shop

_METHODS = (b"GET ", b"POST ")


class Road:
    """A TCP proxy; ``requests`` are those that came by (``GET /v1/me``), ``heads`` their headers as sent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost = 0
        self._answers: deque[bytes] = deque()
        self.requests: list[str] = []
        self.heads: list[str] = []
        self.statuses: list[int] = []
        self.url = ""

    def lose_replies(self, count: int = 1) -> None:
        """Let the next requests arrive, and cut the connection when they are answered."""
        self._lost = count

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        """Answer the next request here; the shop never sees it."""
        fields = {"Content-Length": str(len(body)), "Connection": "close", **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        self._answers.append(f"HTTP/1.1 {status} Said\r\n{lines}\r\n{body}".encode())

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, back}
        for pump in (self._forward(reader, back, writer), self._return(there, writer)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader, back, writer) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                if chunk.startswith(_METHODS):
                    head = chunk.split(b"\r\n\r\n")[0].decode()
                    self.heads.append(head)
                    self.requests.append(head.split(" HTTP/")[0])
                    if self._answers:
                        writer.write(self._answers.popleft())
                        break
                back.write(chunk)
        back.close()
        if not reader.at_eof():
            writer.close()

    async def _return(self, there, writer) -> None:
        with suppress(ConnectionError):
            while chunk := await there.read(65536):
                if chunk.startswith(b"HTTP/1.1 "):
                    if self._lost:
                        self._lost -= 1
                        break
                    self.statuses.append(int(chunk[9:12]))
                writer.write(chunk)
        writer.close()


@pytest.fixture
async def shop(data_folder, database_url) -> AsyncIterator[Shop]:
    """The tiny shop without leases: requests are counted here, and what proves them is in ``test_leases``."""
    async with running_shop(data_folder, TINY_SHOP + "leases: {hours: 0}\n", database=database_url) as running:
        yield running


@pytest.fixture
async def road(shop) -> AsyncIterator[Road]:
    """The road to the tiny shop."""
    road = Road(int(shop.url.rpartition(":")[2]))
    await road.start()
    yield road
    await road.close()


@pytest.fixture
async def ada(shop, road) -> AsyncIterator[StorefrontClient]:
    """Ada's game client, by the road; she has 500 gems."""
    await shop.bought("gems-500")
    async with StorefrontClient(road.url, token=await shop.session("ada"), pause_seconds=0.01) as client:
        yield client


@pytest.fixture
async def server(shop) -> AsyncIterator[StorefrontClient]:
    """The game's server, straight to the shop."""
    async with StorefrontClient(shop.url, key="sk_sandbox_demo", pause_seconds=0.01) as client:
        yield client


@pytest.fixture
def client(road) -> Callable[..., StorefrontClient]:
    """Makes clients by the road, with options of their own."""
    return lambda **options: StorefrontClient(road.url, **{"pause_seconds": 0.01, **options})
