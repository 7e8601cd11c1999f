"""Child processes that run until they are told to stop, and are started again if they die.

A child learns of its parent's death by its stdin: the parent holds the other end, and the kernel closes it however
the parent ends. So no child outlives its parent, on any system.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import structlog

from storefront.control.operations import Answer

START_AGAIN_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
FLAWLESS_SECONDS = 60.0
"""A child that ran so long had come well up: after it the pauses begin anew."""

log = structlog.get_logger("storefront.serve")


@dataclass(frozen=True, slots=True)
class Command:
    """``storefront <arguments>``, to be run as a child; ``descriptors`` stay open in it."""

    name: str
    arguments: tuple[str, ...]
    descriptors: tuple[int, ...] = ()


class Child:
    """Runs a command until the end, again a moment after it died.

    ``first_facts`` is what the first process of the command says when it is ready, ``None`` if it ended before that.
    """

    def __init__(self, command: Command, stop: asyncio.Event, *, stop_seconds: float) -> None:
        self.command = command
        self.first_facts: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._stop = stop
        self._stop_seconds = stop_seconds
        self._process: asyncio.subprocess.Process | None = None

    def send_signal(self, number: signal.Signals) -> bool:
        """Send a signal to the process, if one runs; tell whether that was so."""
        process = self._process
        if process is None or process.returncode is not None:
            return False
        process.send_signal(number)
        return True

    async def keep_running(self) -> None:
        """Run it until the event is set, then let it end; one that never came up is not tried again."""
        pause, loop = START_AGAIN_SECONDS, asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            await self._run_once()
            if self._stop.is_set():
                return
            assert self._process is not None
            log.error("child_died", child=self.command.name, exit_code=self._process.returncode)
            if self.first_facts.result() is None:
                return  # it has said why it cannot run
            pause = START_AGAIN_SECONDS if loop.time() - began > FLAWLESS_SECONDS else pause
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stop.wait()
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> None:
        """Start the process and wait until it has ended, by itself or because we are to stop."""
        reader, writer = os.pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "storefront", *self.command.arguments, "--say-ready-on", str(writer)),
                stdin=asyncio.subprocess.PIPE,  # nothing is said on it: its end is how a child hears of ours
                pass_fds=(*self.command.descriptors, writer),
                start_new_session=True,
            )
        finally:
            os.close(writer)
        tasks = [asyncio.create_task(process.wait()), asyncio.create_task(self._stop.wait())]
        hearing = asyncio.create_task(self._hear(reader))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(process)
            tasks[1].cancel()
            await hearing

    async def _hear(self, reader: int) -> None:
        """Take what the process says when it is ready; the pipe ends with the process at the latest."""
        loop, stream = asyncio.get_running_loop(), asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reader, "rb", buffering=0)
        )
        line = await stream.readline()
        transport.close()
        if not self.first_facts.done():
            self.first_facts.set_result(msgspec.json.decode(line) if line else None)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._stop_seconds):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def say_ready(descriptor: int | None, facts: Answer) -> None:
    """Tell the parent that this child is up."""
    if descriptor is not None:
        with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
            pipe.write(msgspec.json.encode(facts) + b"\n")
