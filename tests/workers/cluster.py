"""Shops as several real processes on one PostgreSQL, and what tests do with them from outside."""

import asyncio
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from storefront.configured_gateways import SandboxSecrets
from storefront.databases import make_database
from storefront.plugins import load
from storefront.testing import HANG_SECONDS, SERVER_KEY, Answer, ShopClient, Wall
from storefront.testing.sandbox_control import SandboxControl
from tests.forking import Forked

START_SECONDS = 90.0
PROCESS = re.compile(r"^storefront_process\{(?P<labels>[^}]*)\}", re.MULTILINE)
OFFSET = re.compile(r"^storefront_clock_offset_seconds(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class Served:
    """One ``storefront serve`` command; its processes' log is ``<name>.log`` in ``folder``."""

    def __init__(self, folder: Path, config: Path, environ: Mapping[str, str], *options: str, name: str) -> None:
        self.config = config
        self.environ = environ
        self.log = folder / f"{name}.log"
        command = ["serve", "--config", str(config), *options]
        with self.log.open("ab") as errors:
            self.process = Forked(
                command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=errors, may_warn=False
            )
        self.url, self.sandbox_url = self._hear_addresses()

    def _hear_addresses(self) -> tuple[str, str]:
        """Return where the shop is and where its payment emulator is."""
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        told = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told += line
            if "Ready in" in line:
                break
        watchdog.cancel()
        shop, checkout = re.search(r"Shop +(http://\S+)/shop", told), re.search(r"Checkout +(http://\S+)", told)
        if shop is not None and checkout is not None:
            return shop[1], checkout[1]
        raise AssertionError(f"it did not start:\n{told}\n{self.log.read_text()}")

    def children(self) -> dict[str, int]:
        """Return ``name -> process id`` of what it runs: ``worker 0``, ``sandbox``."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                arguments = child.cmdline()
            except psutil.NoSuchProcess:
                continue
            if "--worker" in arguments:
                found[f"worker {arguments[arguments.index('--worker') + 1]}"] = child.pid
            elif "sandbox" in arguments:
                found["sandbox"] = child.pid
        return found

    def stop(self) -> int:
        """Stop as an operator would, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(HANG_SECONDS * 3)

    def kill(self) -> None:
        """End all of it, however it stands. Safe to call twice."""
        pids = list(self.children().values()) if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()  # not read to its end: children that are left have it too
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


class Cluster(ShopClient):
    """A shop whose requests go to several processes: to any of them, or to one by ``at``.

    ``urls`` are the addresses it is served at; ``processes`` is how many there are in all.
    """

    def __init__(self, served: Sequence[Served], *, processes: int) -> None:
        super().__init__(Wall())
        self._served = served
        self._processes = processes
        first = served[0]
        host = load(first.config, {**os.environ, **first.environ})
        self.database = make_database(host)
        secrets = SandboxSecrets.load_or_create(host.config.data_dir, host.config.gateways.get("sandbox"))
        self.sandbox = SandboxControl(self, secrets.secret_key, secrets.webhook_secret, url=first.sandbox_url)
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Open connections to every process."""
        self.http = await self._stack.enter_async_context(new_session(self._served[0].url, limit=128))
        self._each: dict[str, aiohttp.ClientSession] = {}
        async with asyncio.timeout(HANG_SECONDS):
            while len(self._each) < self._processes:
                for served in self._served:
                    await self._meet(served.url)

    async def _meet(self, url: str) -> None:
        session = await self._stack.enter_async_context(new_session(url, limit=1))
        self._each.setdefault(await process_of(session), session)

    async def close(self) -> None:
        await self._stack.aclose()

    def at(self, number: int) -> "AtProcess":
        """Return the shop as one process of it shows it; numbers go round."""
        sessions = list(self._each.values())
        return AtProcess(self, sessions[number % len(sessions)])

    async def advance(self, by: str) -> None:
        await super().advance(by)
        offset = self.query("SELECT value FROM settings WHERE key = 'clock_offset_ms'")[0]["value"]
        for session in self._each.values():  # the others follow within a second
            await until_async(lambda session=session: _clock_is(session, int(offset)))


class AtProcess(ShopClient):
    """A cluster's shop over one connection to one of its processes."""

    def __init__(self, cluster: Cluster, http: aiohttp.ClientSession) -> None:
        super().__init__(cluster.wall)
        self.http, self.database, self.sandbox = http, cluster.database, cluster.sandbox
        self._customers = {}


async def process_of(session: aiohttp.ClientSession) -> str:
    """Tell which process is at the other end of a connection."""
    text = await metrics_of(session)
    found = PROCESS.search(text)
    assert found is not None, text
    return found["labels"]


async def metrics_of(session: aiohttp.ClientSession) -> str:
    # Strangers may not ask so often as tests do.
    async with session.get("/metrics", headers={"Authorization": f"Bearer {SERVER_KEY}"}) as response:
        assert response.status == 200, await response.text()
        return await response.text()


def new_session(url: str, *, limit: int) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=HANG_SECONDS * 3)
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=limit), timeout=timeout)


async def _clock_is(session: aiohttp.ClientSession, offset: int) -> bool:
    found = OFFSET.search(await metrics_of(session))
    return found is not None and float(found[1]) * 1000 == offset


async def until_async(is_so: Callable[[], Any]) -> None:
    """Wait until what ``is_so()`` awaits is true."""
    async with asyncio.timeout(HANG_SECONDS):
        while not await is_so():  # noqa: ASYNC110 another process tells nobody here
            await asyncio.sleep(0.05)


@contextmanager
def serving(
    folder: Path, config: str, database: str, *options: str, name: str = "serve", **environ: str
) -> Iterator[Served]:
    """Serve a shop with ``${DATA}`` in ``folder`` and its books in ``database``; all of it is gone afterwards."""
    folder.mkdir(exist_ok=True)
    path = folder / "shop.yaml"
    path.write_text(config + "database: {url: '${DATABASE_URL}'}\nlogging: {level: warning, format: json}\n")
    given = {"DATA": str(folder / "data"), "DATABASE_URL": database, **environ}
    served = Served(folder, path, given, "--port", "0", *options, name=name)
    try:
        yield served
    finally:
        served.kill()


@asynccontextmanager
async def cluster_of(*served: Served, processes: int) -> AsyncIterator[Cluster]:
    """Open a client of a served shop; when the block ends without an error, its books must be in order."""
    cluster = Cluster(served, processes=processes)
    try:
        await cluster.open()
        yield cluster
        report = await cluster.audit()
        assert report.is_clean, "\n".join(violation.message for violation in report.violations)
    finally:
        await cluster.close()


def spread(answers: Sequence[Answer]) -> set[str]:
    """Return which processes gave the answers, as the beginnings of their request ids."""
    return {answer.headers["X-Request-Id"][:-8] for answer in answers}


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Return what a server logged."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
