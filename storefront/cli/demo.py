"""``storefront demo``: a fresh server in a folder of its own, and the story played on it from outside."""

import asyncio
import signal
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import typer
from rich.console import Console
from rich.markup import escape

from storefront.cli.asking import NoServer, ask_server
from storefront.cli.choices import DEFAULT_CONFIG, Choice
from storefront.cli.output import console
from storefront.cli.serving import DRAIN_SECONDS
from storefront.cli.story import NotAsTold, Story
from storefront.core.audit import verify_database
from storefront.databases import make_database

START_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.02
REQUEST_SECONDS = 30.0


async def play(choice: Choice, *, once: bool) -> None:
    """Tell and play the story; without ``once`` the shop stays open until Ctrl-C.

    Raises:
        NotAsTold: the shop did something else, or did not start.
    """
    this, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert this is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, this.cancel)  # so that the server and the folder are always cleared away
    try:
        await _play(choice, once=once)
    except asyncio.CancelledError:
        raise typer.Exit(130) from None


async def _play(choice: Choice, *, once: bool) -> None:
    out = console()
    out.print("\n  [bold]A purchase, from the catalog to the books[/]")
    with tempfile.TemporaryDirectory(prefix="storefront-demo-") as folder:
        wanted = Choice(_config(choice.config), host="127.0.0.1", port=0, data=Path(folder) / "data")
        async with _server(wanted, Path(folder) / "log", out) as facts:
            timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
            async with aiohttp.ClientSession(facts["url"], timeout=timeout) as http:
                shop = await Story(http, out).play()
            await _audit(wanted, out)
            out.print("\n  [bold green]The story holds.[/]\n")
            if not once:
                out.print(f"  The shop stays open, with ada signed in:\n\n    {escape(shop)}\n")
                out.print("  Ctrl-C closes it and removes its data.\n")
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()


async def _audit(choice: Choice, out: Console) -> None:
    out.print("\n  [bold]At last the books are proved[/]  [dim]storefront audit verify --deep[/]")
    report = await verify_database(make_database(choice.load()), deep=True)
    if not report.is_clean:
        raise NotAsTold(f"Not as told: the audit found {report.violations[0].message}")
    out.print(f"    [green]✓[/] {len(report.checks)} checks, no violation: nothing lost, doubled or edited")


@asynccontextmanager
async def _server(choice: Choice, log: Path, out: Console) -> AsyncIterator[dict[str, Any]]:
    """Run ``storefront serve`` as a process of its own and give its facts once it answers."""
    began = time.monotonic()
    flags = ["--config", str(choice.config), "--host", "127.0.0.1", "--port", "0", "--data", str(choice.data)]
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "storefront",
            "serve",
            *flags,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for us; we close the server in our own time
        )
    try:
        facts = await _ready(process, choice.data_dir(), log)
        milliseconds = round((time.monotonic() - began) * 1000)
        out.print(f"\n  [bold]{escape(facts['shop'])} opens[/]  [dim]{facts['url']}, after {milliseconds} ms[/]")
        yield facts
    finally:
        await _end(process)


async def _ready(process: Process, data_dir: Path, log: Path) -> dict[str, Any]:
    try:
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None:
                try:
                    return await ask_server(data_dir, "status", {})
                except NoServer:
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError as error:
        raise NotAsTold(f"The server did not answer within {START_SECONDS:.0f} s. {_last_words(log)}") from error
    raise NotAsTold(f"The server did not start. {_last_words(log)}")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _config(path: Path) -> Path:
    """Return the configuration to play: the one asked for, or the example beside the source code."""
    beside = Path(__file__).parents[2] / DEFAULT_CONFIG
    return beside if path == DEFAULT_CONFIG and not path.exists() and beside.exists() else path


def _last_words(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").splitlines()[-5:])
