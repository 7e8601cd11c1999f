"""A shop and its emulator as real processes that can be killed, and a client of theirs.

The parent keeps each port reserved, so that a process that is started again finds its address free.
"""

import asyncio
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg
import msgspec
import psutil

from tests.forking import Forked

SERVER_KEY = "sk_sandbox_demo"
SANDBOX_KEY = "sk_test_" + "crash_tests"
WEBHOOK_SECRET = "whsec_" + "crash_tests_0123456789abcdef"
HANG_SECONDS = 20.0
START_SECONDS = 60.0
POLL_SECONDS = 0.01
READY_LINE = b"Ready in"

SHOP = """
shop: {name: Crash shop}
mode: sandbox
data: ${DATA}
logging: {level: warning, format: json}
keys:
  - {key: sk_sandbox_demo, kind: server}
plugins: {microtransactions: {}}
purchases: {most_pending: 1000}  # clients that never pay buy for as long as a run takes
assets: {gems: {title: Gems}}
entitlements: {blessing: {title: Lives in a palace}}
offers:
  gems-500: {kind: currency_pack, title: 500 gems, contents: {gems: 500}, prices: {USD: 499}}
  treasury: {kind: currency_pack, title: A million gems, contents: {gems: 1000000}, prices: {USD: 99999}}
  charm: {kind: item, type: consumable, title: Charm, prices: {gems: 10}}
  palace: {kind: item, type: durable, title: Palace, prices: {gems: 1000000000}, grants: [blessing]}
gateways:
  sandbox:
    secret_key: ${SANDBOX_SECRET_KEY}
    webhook_secret: ${SANDBOX_WEBHOOK_SECRET}
"""


class Reply(NamedTuple):
    """What came back, byte for byte."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Process:
    """One command of ours in a process of its own; what it prints goes to ``<name>.log``."""

    def __init__(
        self,
        folder: Path,
        name: str,
        arguments: list[str],
        environ: Mapping[str, str],
        *,
        ready: str,
        workers: int = 0,
    ) -> None:
        self._count = workers
        self._log = folder / f"{name}.log"
        self._arguments = arguments
        self._environ = {**os.environ, **environ}
        self._ready = ready
        self._folder = folder
        self._process: Forked | None = None
        self.start_seconds: list[float] = []

    async def start(self, browser: aiohttp.ClientSession) -> None:
        """Start it and wait until ``ready`` answers; how long that took is kept."""
        began = time.monotonic()
        said_before = self._log.stat().st_size if self._log.exists() else 0
        self._process = self._launch()
        async with asyncio.timeout(START_SECONDS):
            while not await _answers(browser, self._ready):
                await self._look_again()
            # A server gives up where a worker ends before all of them were ready: so none may be killed before that.
            while self._count and READY_LINE not in self._log.read_bytes()[said_before:]:
                await self._look_again()
            await self.until_workers_serve()
        self.start_seconds.append(time.monotonic() - began)

    async def until_workers_serve(self) -> None:
        """Wait until there are as many workers as were asked for, and each of them listens."""
        async with asyncio.timeout(START_SECONDS):
            while [_listens(worker) for worker in self.workers].count(True) != self._count:
                await self._look_again()

    async def _look_again(self) -> None:
        """Wait a moment; what has ended meanwhile will never come up, and its log says why."""
        process = self._process
        assert process is not None, "it runs"
        assert process.poll() is None, f"exit code {process.returncode}: {self._log.read_text()}"
        await asyncio.sleep(POLL_SECONDS)

    def _launch(self) -> Forked:
        with self._log.open("ab") as log:
            return Forked(self._arguments, cwd=self._folder, env=self._environ, stdout=log, stderr=log, may_warn=False)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up. Safe to call twice."""
        if self._process is not None:
            process, self._process = self._process, None
            children = _children(process)
            process.kill()
            process.wait()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(children, timeout=HANG_SECONDS)

    async def kill_parent(self) -> None:
        """SIGKILL a server of several workers, but not them; wait until they have followed it."""
        assert self._process is not None, "it runs"
        process, self._process = self._process, None
        workers = _children(process)
        process.kill()
        process.wait()
        _, alive = await asyncio.to_thread(psutil.wait_procs, workers, HANG_SECONDS)
        assert alive == [], "workers outlive their parent"

    @property
    def pids(self) -> set[int]:
        """The processes that serve: the one that was started, and its workers."""
        assert self._process is not None, "it runs"
        return {self._process.pid, *(worker.pid for worker in self.workers)}

    @property
    def workers(self) -> list[psutil.Process]:
        assert self._process is not None, "it runs"
        return _children(self._process)

    def freeze(self) -> None:
        """Let it hang: connections are taken by the kernel, and nobody answers."""
        assert self._process is not None, "it runs"
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


class Port:
    """A loopback port that nobody else gets, while processes of ours come and go on it."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def give_back(self) -> None:
        self._socket.close()


class World:
    """A shop's server and its emulator, mounted in the server or ``standalone``, and a browser on both.

    ``more`` are further sections of the shop's YAML.
    """

    browser: aiohttp.ClientSession

    def __init__(
        self,
        folder: Path,
        *,
        standalone: bool,
        database: str | None = None,
        workers: int = 1,
        shop: str = SHOP,
        more: str = "",
    ) -> None:
        self.database_url = database
        self._ports = [Port(), Port()]
        serve, sandbox = (port.number for port in self._ports)
        self.url = f"http://127.0.0.1:{serve}"
        self.sandbox_url = f"http://127.0.0.1:{sandbox}" if standalone else f"{self.url}/sandbox"
        self._data = folder / "data"
        self._data.mkdir()
        config = folder / "shop.yaml"
        url = f"    url: {self.sandbox_url}\n" if standalone else ""
        config.write_text(shop + url + more + ("" if database is None else "database: {url: '${DATABASE_URL}'}\n"))
        environ = {
            "DATA": str(self._data),
            "DATABASE_URL": database or "",
            "SANDBOX_SECRET_KEY": SANDBOX_KEY,
            "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        at = ["--config", str(config), "--data", str(self._data)]
        serving = ["serve", *at, "--port", str(serve), *(["--workers", str(workers)] if workers > 1 else [])]
        count = workers if workers > 1 else 0
        self.server = Process(folder, "serve", serving, environ, ready=f"{self.url}/readyz", workers=count)
        self.emulator = (
            Process(
                folder,
                "sandbox",
                ["sandbox", *at, "--port", str(sandbox), "--webhook-url", f"{self.url}/webhooks/sandbox"],
                environ,
                ready=f"{self.sandbox_url}/control/clock",
            )
            if standalone
            else None
        )

    async def open(self) -> None:
        self.browser = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANG_SECONDS))
        await self.start()

    async def close(self) -> None:
        self.kill()
        await self.browser.close()
        for port in self._ports:
            port.give_back()

    async def start(self) -> None:
        """Start what is not running."""
        emulator = [] if self.emulator is None else [self.emulator]
        await asyncio.gather(*(p.start(self.browser) for p in (self.server, *emulator) if not p.is_running))

    def kill(self) -> None:
        """SIGKILL everything at once."""
        self.server.kill()
        if self.emulator is not None:
            self.emulator.kill()

    @property
    def workers(self) -> list[psutil.Process]:
        return self.server.workers

    @property
    def database(self) -> Path:
        return self._data / "storefront.sqlite"

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Read the books from outside, whether anybody serves them or not."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the books from outside, on either database."""
        if self.database_url is None:
            return self.query(sql)
        connection = await asyncpg.connect(self.database_url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what marks a stage in the books."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                if condition():
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def until_sessions(self, count: int) -> None:
        """Wait until the emulator has opened so many checkouts."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                if len((await self.books())["sessions"]) >= count:
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Reply:
        """Ask the shop as the game's server; raises ``aiohttp.ClientError`` where no answer came."""
        headers = {"Authorization": f"Bearer {SERVER_KEY}"} | ({} if key is None else {"Idempotency-Key": key})
        async with self.browser.post(f"{self.url}{path}", json=body, headers=headers) as response:
            return Reply(response.status, await response.read(), response.headers)

    async def read(self, path: str) -> Reply:
        headers = {"Authorization": f"Bearer {SERVER_KEY}"}
        async with self.browser.get(f"{self.url}{path}", headers=headers) as response:
            return Reply(response.status, await response.read(), response.headers)

    async def get(self, path: str) -> Any:
        reply = await self.read(path)
        assert reply.status == 200, reply
        return reply.json

    async def buy(self, customer: str, sku: str, *, key: str) -> Reply:
        return await self.post("/v1/purchases", {"customer": customer, "sku": sku}, key=key)

    async def pay(self, purchase: Any) -> int:
        """Fill in the hosted page of a purchase (its JSON) and return the page's status: 303 paid."""
        form = {"card_number": "4242424242424242", "action": "pay"}
        url = purchase["payment"]["redirect_url"]
        async with self.browser.post(url, data=form, allow_redirects=False) as response:
            return response.status

    async def control(self, name: str, body: Any) -> Any:
        """Order the emulator to do something."""
        async with self.browser.post(
            f"{self.sandbox_url}/control/{name}", json=body, headers={"Authorization": f"Bearer {SANDBOX_KEY}"}
        ) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def books(self) -> Any:
        """Return the emulator's books: the judge of who was charged."""
        headers = {"Authorization": f"Bearer {SANDBOX_KEY}"}
        async with self.browser.get(f"{self.sandbox_url}/control/books", headers=headers) as response:
            return await response.json()


async def _answers(browser: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with browser.get(url) as response:
            return response.status < 500
    except aiohttp.ClientConnectionError:
        return False


def _children(process: Forked) -> list[psutil.Process]:
    return psutil.Process(process.pid).children() if process.poll() is None else []


def _listens(process: psutil.Process) -> bool:
    try:
        return any(connection.status == psutil.CONN_LISTEN for connection in process.net_connections("tcp"))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # it has just died
