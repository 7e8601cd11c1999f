"""A journal in a process of its own: it has every intention before the shop hears of it, and every outcome after.

As a program it takes lines from one connection, appends each to a file and confirms it with one byte.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

HANG_SECONDS = 20.0

What = Literal["intends", "acked", "refused", "unwritten", "unknown"]
"""``unwritten``: a 503 said that nothing was written. ``unknown``: no answer, or one that does not tell."""


class Line(msgspec.Struct):
    """What became known about one intention; ``answer`` is the body of what was acked or refused."""

    what: What
    key: str
    kind: str
    customer: str
    status: int = 0
    answer: bytes = b""


class Journal:
    """Writes lines, and reads them back; made by ``open_journal``."""

    def __init__(self, file: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._file = file
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    async def write(self, line: Line) -> None:
        """Return once the other process has it in its file."""
        async with self._turn:
            self._writer.write(msgspec.json.encode(line) + b"\n")
            assert await self._reader.readexactly(1) == b"."

    def lines(self) -> list[Line]:
        """Return all that is in the file, in order."""
        decode = msgspec.json.Decoder(Line).decode
        return [decode(line) for line in self._file.read_bytes().splitlines()]


@asynccontextmanager
async def open_journal(folder: Path) -> AsyncIterator[Journal]:
    """Start the journal's process and connect to it."""
    ours, theirs = socket.socketpair()
    file = folder / "journal.jsonl"
    command = [sys.executable, "-m", __name__, str(theirs.fileno()), str(file)]
    process = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[2])
    theirs.close()
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        yield Journal(file, reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        async with asyncio.timeout(HANG_SECONDS):
            await process.wait()


def main(descriptor: int, file: Path) -> None:
    with socket.socket(fileno=descriptor) as connection, file.open("ab", buffering=0) as journal:
        for line in connection.makefile("rb"):
            journal.write(line)
            connection.sendall(b".")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
