"""A load generator that costs little: raw HTTP/1.1 over kept connections, in a process of its own.

One client has one connection and one request under way. The requests are given as bytes; of an answer
only the status and the length are read.
"""

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop

HANG_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured; times in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]


class _Client(asyncio.Protocol):
    """Sends its requests one after the other and notes how long each took."""

    def __init__(self, requests: Sequence[bytes], done: asyncio.Future[None]) -> None:
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self._requests = iter(requests)
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self.statuses[int(self._buffer[9:12])] += 1
        self.took.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._send_next()

    def _send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


Run = Callable[[int, Sequence[Sequence[bytes]]], Figures]
"""Sends every client's requests to a local port, from another process, and returns the figures."""


@contextmanager
def runner() -> Iterator[Run]:
    """Give a ``Run`` whose process stays: for many short turns, each of which would wait for it to start."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        yield lambda port, per_client: pool.apply(_run, (port, per_client))


def run(port: int, per_client: Sequence[Sequence[bytes]]) -> Figures:
    """Be a ``Run`` for once, with a process of its own."""
    with runner() as once:
        return once(port, per_client)


def _run(port: int, per_client: Sequence[Sequence[bytes]]) -> Figures:
    return uvloop.run(_measure(port, per_client))


async def _measure(port: int, per_client: Sequence[Sequence[bytes]]) -> Figures:
    loop = asyncio.get_running_loop()
    clients: list[_Client] = []
    futures: list[asyncio.Future[None]] = []
    began = time.perf_counter()
    for requests in per_client:
        done: asyncio.Future[None] = loop.create_future()
        client = _Client(requests, done)
        clients.append(client)
        futures.append(done)
        await loop.create_connection(partial(_the, client), "127.0.0.1", port)
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(*futures)
    seconds = time.perf_counter() - began
    took = sorted(one for client in clients for one in client.took)
    statuses: Counter[int] = Counter()
    for client in clients:
        statuses.update(client.statuses)
    return Figures(
        per_second=len(took) / seconds,
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[len(took) * 99 // 100] * 1000,
        statuses=dict(statuses),
    )


def _the(client: _Client) -> _Client:
    return client


def request(method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """Write a request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
