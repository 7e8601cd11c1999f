"""The real command as a process, and a served shop to ask."""

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple
from unittest import mock

import pytest

from storefront.cli import main
from storefront.testing import TINY_SHOP
from storefront.web.logs import configure_logging
from tests.forking import Forked

HANG_SECONDS = 30


class Told(NamedTuple):
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def environment(**more: str) -> dict[str, str]:
    """This process's variables without those that choose a shop."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CONFIG", "HOST", "PORT", "DATA")}
    return {**kept, "COLUMNS": "200", **more}


def storefront(*arguments: str | Path, **more: str) -> Told:
    """Run ``storefront`` to its end in a thread of this process, which saves its start; ``more`` are variables.

    ``serve`` and ``demo`` need a process of their own: ``process``.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_call, ["storefront", *map(str, arguments)], environment(**more)).result(HANG_SECONDS)


def process(*arguments: str | Path, within_seconds: int = HANG_SECONDS, **more: str) -> Told:
    """Run ``storefront`` to its end as a process."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        running = Forked([str(one) for one in arguments], env=environment(**more), stdout=out, stderr=errors)
        try:
            code = running.wait(within_seconds)
        finally:
            running.kill()
            running.close()
        return Told(code, *(stream.read() for stream in (out, errors) if not stream.seek(0)))


def _call(arguments: list[str], variables: dict[str, str]) -> Told:
    out, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.object(sys, "argv", arguments),
        redirect_stdout(out),
        redirect_stderr(errors),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    configure_logging("warning")  # the command's own went to what is closed now
    assert isinstance(ended.value.code, int)
    return Told(ended.value.code, out.getvalue(), errors.getvalue())


@dataclass
class Served:
    """A running ``storefront serve``: its YAML, its data folder, its address and its process."""

    config: Path
    data: Path
    url: str
    process: Forked

    def ask(self, *arguments: str | Path) -> Told:
        """Run a command on this shop."""
        return storefront(*arguments, "--config", self.config, DATA=str(self.data))


@contextmanager
def serving(config: Path, data: Path) -> Iterator[Served]:
    """Serve a shop on a free port; at the end it must stop by itself, and well."""
    command = ["serve", "--config", str(config), "--port", "0", "--data", str(data)]
    log = config.with_suffix(".log")
    with log.open("w") as errors:
        process = Forked(command, env=environment(), stdout=subprocess.PIPE, stderr=errors)
    watchdog = threading.Timer(HANG_SECONDS, process.kill)
    watchdog.start()
    try:
        told = ""
        assert process.stdout is not None
        for line in process.stdout:
            told += line
            if "Ready in" in line:
                break
        found = re.search(r"Shop +(http://\S+)/shop", told)
        assert found is not None, told + log.read_text()
        watchdog.cancel()
        yield Served(config, data, found[1], process)
        process.terminate()
        assert process.wait(HANG_SECONDS) == 0, log.read_text()
    finally:
        watchdog.cancel()
        process.kill()
        process.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The tiny shop's YAML; give ``DATA`` or ``--data`` with it."""
    path = tmp_path / "shop.yaml"
    path.write_text(TINY_SHOP)
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tiny shop, served for all tests of a module."""
    folder = tmp_path_factory.mktemp("served")
    path = folder / "shop.yaml"
    path.write_text(TINY_SHOP)
    with serving(path, folder / "data") as running:
        yield running
