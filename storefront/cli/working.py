"""``storefront serve --workers n``: n server processes on one address and one PostgreSQL database.

The parent binds the address, migrates, runs the payment emulator as one more child where the shop has one, and
starts a worker again if it dies. Workers share the listening socket: the kernel hands each connection to one.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import structlog

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
from storefront.control.desk import Answer
from storefront.core.errors import StorefrontError
from storefront.joining import make_database, needs_own_sandbox
from storefront.plugins import PluginHost

log = structlog.get_logger("storefront.serve")

START_AGAIN_SECONDS = 1.0
READY_SECONDS = 60.0


class NeedsPostgres(StorefrontError):
    code = "needs_postgres"
    title = "Several workers need PostgreSQL"


class WorkerFailed(StorefrontError):
    code = "worker_failed"
    title = "A worker did not start"


@dataclass(frozen=True, slots=True)
class Child:
    """A command of ours that runs until it is told to stop; ``descriptors`` stay open in it."""

    name: str
    arguments: tuple[str, ...]
    descriptors: tuple[int, ...]


async def serve_with_workers(choice: Choice, count: int, announce: Callable[[Answer], None]) -> None:
    """Serve a shop with several processes until SIGINT or SIGTERM; ``announce`` is called once all answer.

    Raises:
        NeedsPostgres: the books are in a SQLite file, which one process serves.
        WorkerFailed: a worker ended before it was ready; it has said why.
    """
    host = choice.load()
    if not make_database(host).is_shared:
        raise NeedsPostgres(
            "A SQLite file is served by one process. For several workers give the shop a PostgreSQL database: "
            "database: {url: postgresql://…} (storefront move --to takes the books there), or leave out --workers."
        )
    start_logging(host.config.logging.level, host.config.logging.format)
    host.config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    listener = bind(host.config.web.host, host.config.web.port)
    await _prepare(host)
    sandbox = bind("127.0.0.1", 0) if needs_own_sandbox(host.config) else None
    readers, children = _children(choice, count, listener, sandbox)
    async with stop_signals() as stop:
        running = [asyncio.create_task(_keep_running(child, stop), name=child.name) for child in children]
        try:
            announce(await _ready(readers, running, stop))
            await stop.wait()
        finally:
            stop.set()
            await asyncio.gather(*running)
            for bound in (listener, sandbox):
                if bound is not None:
                    bound.socket.close()


async def _prepare(host: PluginHost) -> None:
    """Migrate before anybody serves, so that a failure is said once."""
    database = make_database(host)
    await database.open(mode=str(host.config.mode))
    await database.close()


def _children(
    choice: Choice, count: int, listener: Listener, sandbox: Listener | None
) -> tuple[list[int], list[Child]]:
    """Describe the processes to run, and return the pipes on which workers say that they are ready."""
    listener.socket.listen(LISTEN_BACKLOG)
    readers, children = [], []
    if sandbox is not None:
        fd = sandbox.socket.fileno()
        own = ("sandbox", *_flags(choice), "--listen-on", str(fd), "--webhook-url", f"{listener.url}/webhooks/sandbox")
        children.append(Child("sandbox", own, (fd,)))
    for number in range(count):
        reader, writer = os.pipe()
        readers.append(reader)
        fd = listener.socket.fileno()
        own = ("serve", *_flags(choice), "--listen-on", str(fd), "--say-ready-on", str(writer), "--worker", str(number))
        if sandbox is not None:
            own = (*own, "--sandbox-url", sandbox.url)
        children.append(Child(f"worker {number}", own, (fd, writer)))
    return readers, children


def _flags(choice: Choice) -> tuple[str, ...]:
    data = () if choice.data is None else ("--data", str(choice.data))
    return ("--config", str(choice.config), *data)


async def _keep_running(child: Child, stop: asyncio.Event) -> None:
    """Run a child, and run it again a moment after it died, until the end."""
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "storefront", *child.arguments),
            stdin=asyncio.subprocess.PIPE,  # nothing is said on it: its end is how a child hears of ours
            pass_fds=child.descriptors,
            start_new_session=True,
        )
        ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await _end(process, ended)
        stopping.cancel()
        if stop.is_set():
            return
        log.error("child_died", child=child.name, exit_code=process.returncode)
        if process.returncode in (1, 2):
            return  # it has said why it cannot run; trying again would say it again
        await asyncio.sleep(START_AGAIN_SECONDS)


async def _end(process: asyncio.subprocess.Process, ended: "asyncio.Task[int]") -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(DRAIN_SECONDS + 5):
            await ended
    except TimeoutError:
        process.kill()
        await process.wait()


async def _ready(readers: Sequence[int], running: Sequence["asyncio.Task[None]"], stop: asyncio.Event) -> Answer:
    """Wait until every worker has said where it is; return what the first one said."""
    facts: list[Answer] = []
    for reader in readers:
        saying = asyncio.create_task(asyncio.to_thread(_read_line, reader))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([saying, stopping, *running], timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not saying.done():
            stop.set()
            raise WorkerFailed("A worker ended before it was ready; what it said stands above.")
        facts.append(saying.result())
    return facts[0]


def _read_line(reader: int) -> Answer:
    with os.fdopen(reader, "rb") as pipe:
        answer: Answer = msgspec.json.decode(pipe.readline())
        return answer


async def work(choice: Choice, *, number: int, listen_on: int, say_ready_on: int) -> None:
    """Be worker ``number``: serve on the socket that the parent has bound, until it says stop."""

    def say_ready(facts: Answer) -> None:
        # The parent listens until it has heard it once; a worker that it starts again later speaks to nobody.
        with suppress(BrokenPipeError), os.fdopen(say_ready_on, "wb") as pipe:
            pipe.write(msgspec.json.encode(facts) + b"\n")

    # One of them answers for all on the control socket: what an operator asks is about the database they share.
    await serve(choice, say_ready, listener=inherited(listen_on), has_control=number == 0)
