"""A TCP proxy before PostgreSQL that can lose a COMMIT or its reply, cut lines, and keep its door shut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
HANG_SECONDS = 30.0

Lost = Literal["the reply", "the commit"]


class _Line:
    """One client's connection and ours to the server for it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.said = b""  # since the last COMMIT
        self.is_silent = False

    def cut(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Passes everything on, but what it was told to lose; made by ``proxy_before``."""

    def __init__(self, database_url: str) -> None:
        at = urlsplit(database_url)
        self._at = (at.hostname, at.port)
        self.server_url = database_url
        self._lines: set[_Line] = set()
        self._losing: dict[bytes, Lost] = {}
        self._last: bytes | None = None
        self._has_lost = asyncio.Condition()
        self._lost = 0
        self._is_shut = False
        self.url = ""

    def lose(self, what: Lost, *, of: bytes, is_last: bool = False) -> None:
        """Lose the COMMIT, or its reply, of the next transaction that sends the bytes ``of``; its line falls silent.

        ``is_last``: and all others with it, in the same moment.
        """
        self._losing[of] = what
        if is_last:
            self._last = of

    async def until_lost(self, count: int) -> None:
        """Wait until so many were lost in all; of a lost reply, until the server has sent it."""
        async with asyncio.timeout(HANG_SECONDS), self._has_lost:
            await self._has_lost.wait_for(lambda: self._lost >= count)

    def shut(self) -> None:
        """Let nobody new in, and nothing more through."""
        self._is_shut = True

    def cut(self) -> None:
        """Cut all lines."""
        for line in list(self._lines):
            line.cut()

    def open(self) -> None:
        self._is_shut = False

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        at = urlsplit(self.server_url)
        user = at.netloc.rpartition("@")[0]
        self.url = at._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
        return server

    async def _pass_on(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self._is_shut:
            to_client.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection(*self._at)
        except OSError:
            to_client.transport.abort()
            return
        line = _Line(to_client, to_server)
        self._lines.add(line)
        try:
            await asyncio.gather(self._listen_to_client(line, from_client), self._listen_to_server(line, from_server))
        finally:
            self._lines.discard(line)
            line.cut()

    async def _listen_to_client(self, line: _Line, client: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while chunk := await client.read(2**16):
                if self._is_shut:
                    continue
                line.said += chunk
                if chunk.endswith(COMMIT):
                    lost = self._losing_of(line)
                    line.said = b""
                    line.is_silent = lost is not None
                    if lost == "the commit":
                        await self._count_lost()
                        continue
                line.server.write(chunk)
        line.cut()

    async def _listen_to_server(self, line: _Line, server: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while chunk := await server.read(2**16):
                if line.is_silent:
                    await self._count_lost()
                else:
                    line.client.write(chunk)
        line.cut()

    def _losing_of(self, line: _Line) -> Lost | None:
        found = next((marker for marker in self._losing if marker in line.said), None)
        if found is None:
            return None
        if found == self._last:
            self.shut()
        return self._losing.pop(found)

    async def _count_lost(self) -> None:
        async with self._has_lost:
            self._lost += 1
            self._has_lost.notify_all()


@asynccontextmanager
async def proxy_before(database_url: str) -> AsyncIterator[Proxy]:
    """Give a proxy before the server of a database; ``proxy.url`` is the database through it."""
    proxy = Proxy(database_url)
    server = await proxy.listen()
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
