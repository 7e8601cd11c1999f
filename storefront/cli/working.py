"""``storefront serve --workers n``: n server processes on one address and one PostgreSQL database.

The parent holds the address, migrates, and runs the payment emulator as one more child where the shop has one.
On Linux each worker listens on a socket of its own at that address (``SO_REUSEPORT``) and the kernel spreads the
connections over them; with one socket for all, whoever wakes up first takes every connection that waits. Elsewhere
the workers share a socket.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from storefront.cli.choices import Choice
from storefront.cli.serving import (
    DRAIN_SECONDS,
    LISTEN_BACKLOG,
    Listener,
    bind,
    inherited,
    serve,
    start_logging,
    stop_signals,
)
from storefront.cli.supervising import Child, Command, say_ready
from storefront.configured_gateways import needs_own_sandbox
from storefront.control.operations import Answer
from storefront.core.api_keys import KeyHasher
from storefront.core.errors import StorefrontError
from storefront.core.shared_keys import SharedKeys, check_keys
from storefront.databases import keys_folder, make_database, signing_keys
from storefront.plugins import PluginHost

READY_SECONDS = 60.0
IS_SPREAD = sys.platform == "linux"
"""Whether the kernel spreads connections over sockets that are bound to one address."""


class NeedsPostgres(StorefrontError):
    code = "needs_postgres"
    title = "Several workers need PostgreSQL"


class WorkerFailed(StorefrontError):
    code = "worker_failed"
    title = "A worker did not start"


@dataclass(frozen=True, slots=True)
class Role:
    """What its parent tells a worker: its number, a socket if all share one, a pipe to say when it is ready."""

    number: int
    listen_on: int | None
    say_ready_on: int | None


async def serve_with_workers(choice: Choice, count: int, announce: Callable[[Answer], None]) -> None:
    """Serve a shop with several processes until SIGINT or SIGTERM; ``announce`` is called once all answer.

    Raises:
        NeedsPostgres: the books are in a SQLite file, which one process serves.
        WorkerFailed: a worker ended before it was ready; it has said why.
    """
    host = choice.load(to_serve=True)
    if not make_database(host).is_shared:
        raise NeedsPostgres(
            "A SQLite file is served by one process. For several workers give the shop a PostgreSQL database: "
            "database: {url: postgresql://…} (storefront move --to takes the books there), or leave out --workers."
        )
    start_logging(host.config.logging.level, host.config.logging.format)
    host.config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _bound(host) as (listener, sandbox):
        await _prepare(host)
        async with stop_signals() as stop:
            sandbox_command, commands = _commands(choice, count, listener, sandbox)
            workers = [Child(one, stop, stop_seconds=DRAIN_SECONDS + 5) for one in commands]
            async with _sandbox_running(sandbox_command) as emulators, _running(workers, stop):
                announce(await _ready([*emulators, *workers], stop))
                with _reload_by_signal(workers):
                    await stop.wait()


@contextmanager
def _bound(host: PluginHost) -> Iterator[tuple[Listener, Listener | None]]:
    """Bind the shop's address, and one for the emulator where the shop has its own."""
    listener = bind(host.config.web.host, host.config.web.port, is_shared=IS_SPREAD)
    sandbox = bind("127.0.0.1", 0) if needs_own_sandbox(host.config) else None
    if not IS_SPREAD:
        listener.socket.listen(LISTEN_BACKLOG)
    try:
        yield listener, sandbox
    finally:
        for bound in (listener, sandbox):
            if bound is not None:
                bound.socket.close()


async def _prepare(host: PluginHost) -> None:
    """Migrate, and look at the keys, before anybody serves: so that what is wrong is said once."""
    database, folder = make_database(host), keys_folder(host.config)
    await database.open(mode=str(host.config.mode))
    try:
        keys = SharedKeys.of(signing_keys(host.config), KeyHasher.load_or_create(folder))
        await check_keys(database.reader, keys, folder)
    finally:
        await database.close()


def _commands(
    choice: Choice, count: int, listener: Listener, sandbox: Listener | None
) -> tuple[Command | None, list[Command]]:
    """Describe the processes to run: the emulator, and the workers."""
    data = () if choice.data is None else ("--data", str(choice.data))
    shop = ("--config", str(choice.config), *data)
    emulator: Command | None = None
    at_sandbox: tuple[str, ...] = ()
    commands = []
    if sandbox is not None:
        fd = sandbox.socket.fileno()
        own = ("sandbox", *shop, "--listen-on", str(fd), "--webhook-url", f"{listener.url}/webhooks/sandbox")
        emulator = Command("sandbox", own, (fd,))
        at_sandbox = ("--sandbox-url", sandbox.url)
    host, port = listener.socket.getsockname()[:2]
    fd = listener.socket.fileno()
    at = ("--host", host, "--port", str(port)) if IS_SPREAD else ("--listen-on", str(fd))
    for number in range(count):
        own = ("serve", *shop, *at, "--worker", str(number), *at_sandbox)
        commands.append(Command(f"worker {number}", own, () if IS_SPREAD else (fd,)))
    return emulator, commands


@asynccontextmanager
async def _running(children: Sequence[Child], stop: asyncio.Event) -> AsyncIterator[None]:
    """Keep children running while the block runs; then end them."""
    tasks = [asyncio.create_task(child.keep_running(), name=child.command.name) for child in children]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def _sandbox_running(command: Command | None) -> AsyncIterator[list[Child]]:
    """Keep the emulator running for longer than the workers: what they are at still needs it."""
    if command is None:
        yield []
        return
    stop = asyncio.Event()
    child = Child(command, stop, stop_seconds=DRAIN_SECONDS + 5)
    async with _running([child], stop):
        yield [child]


async def _ready(children: Sequence[Child], stop: asyncio.Event) -> Answer:
    """Wait until every child has said that it is up; return what the last worker said."""
    facts: Answer = {}
    stopping = asyncio.create_task(stop.wait())
    try:
        for child in children:
            waiting: list[asyncio.Future[Any]] = [child.first_facts, stopping]
            await asyncio.wait(waiting, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                raise WorkerFailed("Stopped before all workers were ready.")
            found = child.first_facts.result() if child.first_facts.done() else None
            if found is None:
                raise WorkerFailed(f"The {child.command.name} did not come up; what it said stands above.")
            facts = found
    finally:
        stopping.cancel()
    return facts


@contextmanager
def _reload_by_signal(workers: Sequence[Child]) -> Iterator[None]:
    """Hand SIGHUP on to one worker: what it activates, all follow."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: any(worker.send_signal(signal.SIGHUP) for worker in workers))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def work(choice: Choice, role: Role) -> None:
    """Be a worker: serve at the address that the parent holds, until it says stop or dies."""
    if role.listen_on is not None:
        listener = inherited(role.listen_on)
    else:
        assert choice.host is not None
        assert choice.port is not None
        listener = bind(choice.host, choice.port, is_shared=True, is_first=False)
    # One of them answers for all on the control socket: what an operator asks is about the database they share.
    await serve(
        choice,
        lambda facts: say_ready(role.say_ready_on, facts),
        listener=listener,
        worker=role.number,
    )
