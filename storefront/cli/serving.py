"""``storefront serve``: binds the address, builds the shop, tells where it is, and closes it gracefully.

The address is bound before anything is opened, so that two servers cannot half-start over each other and port 0
works; it listens once the shop is ready.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from aiohttp import web

from storefront.app import PARTS, create_app, settle_memory
from storefront.cli.choices import Choice
from storefront.control.desk import Desk
from storefront.control.operations import Answer
from storefront.control.server import control_socket
from storefront.core.config import ConfigError
from storefront.core.errors import StorefrontError
from storefront.sandbox import SandboxLocked
from storefront.web.edge import SERVER_OPTIONS
from storefront.web.logs import configure_logging

T = TypeVar("T")

log = structlog.get_logger("storefront.serve")

DRAIN_SECONDS = 30.0
KEEPALIVE_SECONDS = 65.0
"""Longer than a proxy keeps idle connections (60 s); also all the time that sending the headers may take."""
LISTEN_BACKLOG = 1024


class CannotListen(StorefrontError):
    code = "cannot_listen"
    title = "The address cannot be listened on"


class SandboxInUse(StorefrontError):
    code = "sandbox_in_use"
    title = "Another payment sandbox runs on this data folder"


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket and the address under which this machine reaches it."""

    socket: socket.socket
    url: str


def bind(host: str, port: int, *, is_shared: bool = False, is_first: bool = True) -> Listener:
    """Bind a TCP address; port 0 takes a free one. It listens only later.

    One that ``is_shared`` may be bound again by processes of the same user that ask for it as ``is_shared``; the
    first of them makes sure that nobody else has it already.

    Raises:
        CannotListen: somebody else has it, or this machine does not.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        if is_shared and is_first:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another port, for example "
            f"--port {port + 1 if 0 < port < 65535 else 8081} (or PORT={port + 1 if 0 < port < 65535 else 8081})."
        ) from error
    return Listener(bound, _url(host, bound.getsockname()[1]))


def inherited(descriptor: int) -> Listener:
    """Take over a socket that the parent process has bound."""
    found = socket.socket(fileno=descriptor)
    host, port = found.getsockname()[:2]
    return Listener(found, _url(host, port))


def _url(host: str, port: int) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{reachable}:{port}"


@asynccontextmanager
async def listening(app: web.Application, listener: Listener) -> AsyncIterator[web.AppRunner]:
    """Run an application on a bound socket; at the end let what is under way finish, for up to 30 s."""
    runner = web.AppRunner(
        app,
        handle_signals=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=DRAIN_SECONDS,
        **SERVER_OPTIONS,
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listener.socket, backlog=LISTEN_BACKLOG).start()
        yield runner
    except SandboxLocked as error:
        raise SandboxInUse(f"{error}") from error
    finally:
        await runner.cleanup()
        listener.socket.close()


@asynccontextmanager
async def stop_signals(*, has_parent: bool = False) -> AsyncIterator[asyncio.Event]:
    """Give an event that SIGINT and SIGTERM set; a second signal ends the process at once.

    With ``has_parent`` the event is also set when stdin ends: the parent holds its other end, and is gone.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask_to_stop() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    def look_for_parent() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin)
            log.warning("parent_is_gone")
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop)
    if has_parent:
        loop.add_reader(sys.stdin, look_for_parent)
    try:
        yield stop
    finally:
        if has_parent:
            loop.remove_reader(sys.stdin)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def serve(
    choice: Choice,
    announce: Callable[[Answer], None],
    *,
    listener: Listener | None = None,
    worker: int | None = None,
) -> None:
    """Serve a shop until SIGINT or SIGTERM; ``announce`` is called once, when it answers.

    A ``worker`` among others gets a ``listener`` that is bound already, and ends with its parent; worker 0 has the
    control socket.

    Raises:
        ConfigError, PluginFailed, BadKey: the configuration does not make a shop.
        CannotListen: the address is taken.
        DatabaseInUse, MigrationFailed, WrongMode: the database cannot be served.
    """
    host = choice.load(to_serve=True)
    start_logging(host.config.logging.level, host.config.logging.format)
    listener = listener or bind(host.config.web.host, host.config.web.port)
    host.config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    app = create_app(host, own_url=listener.url, worker=worker, read=lambda: choice.load(to_serve=True).config)
    desk = Desk(app[PARTS], url=listener.url, read=choice.load)
    async with (
        stop_signals(has_parent=worker is not None) as stop,
        listening(app, listener),
        control_socket(desk) if not worker else nullcontext(),
        reload_signal(desk),
    ):
        settle_memory()
        announce(await desk.facts())
        await stop.wait()


def start_logging(level: str, form: str) -> None:
    """Log to stderr as configured; what libraries say of every step is kept for ``debug``."""
    configure_logging(level, form)
    if level != "debug":
        for chatty in ("alembic", "stripe"):
            logging.getLogger(chatty).setLevel(logging.WARNING)


@asynccontextmanager
async def reload_signal(desk: Desk) -> AsyncIterator[None]:
    """Let SIGHUP do what ``storefront reload`` does; what comes of it is in the log."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        try:
            await desk.ask("reload", {})
        except (ConfigError, StorefrontError) as error:
            log.error("reload_refused", reason=str(error))

    def begin() -> None:
        task = loop.create_task(reload())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        await asyncio.gather(*tasks)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop where that runs."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the loop that the shop runs on."""
    try:
        import uvloop
    except ImportError:  # not on Windows; asyncio's own loop does the same, slower
        return asyncio.new_event_loop
    return uvloop.new_event_loop
