"""Server processes to measure: started, asked for their memory, and ended."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from benchmarks.plans import CONFIG, shop_environment

ROOT = Path(__file__).parent.parent
HANG_SECONDS = 60
SERVER_KEY = "sk_sandbox_demo"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers: its port, its process, and how long it took from its start to its first answer."""

    port: int
    process: psutil.Process
    start_seconds: float

    @property
    def memory_mb(self) -> float:
        """The resident memory of the process and its children, in MiB."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(float(one.memory_info().rss) for one in family) / 2**20


def tokens(server: Server, names: list[str]) -> list[str]:
    """Open a session for each of these customers and return the tokens."""
    return [_token(server.port, name) for name in names]


def _token(port: int, name: str) -> str:
    wanted = Request(
        f"http://127.0.0.1:{port}/v1/sessions",
        data=json.dumps({"customer": name}).encode(),
        headers={"Authorization": f"Bearer {SERVER_KEY}", "Content-Type": "application/json"},
    )
    with urlopen(wanted) as answer:
        return str(json.load(answer)["token"])


@contextmanager
def empty_handler() -> Iterator[Server]:
    """Run the floor for HTTP."""
    with announced([sys.executable, "-m", "benchmarks.empty"], dict(os.environ)) as server:
        yield server


@contextmanager
def bench_shop(data: Path, **options: int | Path) -> Iterator[Server]:
    """Run ``benchmarks.shop`` on SQLite; ``options`` are its flags, such as ``largest_batch=1``."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    with announced([sys.executable, "-m", "benchmarks.shop", *flags], shop_environment(data, None)) as server:
        yield server


@contextmanager
def served(data: Path, *, postgres: str | None = None, workers: int = 1) -> Iterator[Server]:
    """Run ``storefront serve`` itself, and wait until it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "storefront",
        "serve",
        "--config",
        str(CONFIG),
        "--port",
        str(port),
        f"--workers={workers}",
    ]
    with _process(command, shop_environment(data, postgres)) as process:
        began = time.perf_counter()
        while not _is_ready(port):
            if process.poll() is not None or time.perf_counter() - began > HANG_SECONDS:
                raise SystemExit("storefront serve did not start")
            time.sleep(0.01)
        yield Server(port, psutil.Process(process.pid), time.perf_counter() - began)


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def announced(command: list[str], environ: Mapping[str, str]) -> Iterator[Server]:
    """Run a server that prints its port when it listens."""
    began = time.perf_counter()
    with _process(command, environ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{shlex.join(command)} did not start")
        yield Server(int(line), psutil.Process(process.pid), time.perf_counter() - began)


@contextmanager
def _process(command: list[str], environ: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()
