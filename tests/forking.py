"""Our commands as processes that begin with everything imported.

A run starts some hundred servers, many only to kill them, and most of a start is importing. So a process of its own
imports once and forks for every command: what then runs is ``storefront`` as ever, by itself, with signals, files and
an end of its own. Its interpreter alone began elsewhere: of the variables that Python itself reads, only PYTHONPATH
counts.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

import storefront
from storefront.cli import main as command
from storefront.plugins import installed_plugins

Stream: TypeAlias = IO[bytes] | IO[str] | int
Wanted: TypeAlias = dict[str, Any]

ROOM = 2**20
STANDARD = 3  # stdin, stdout and stderr come first among what a start sends; the pipe for the exit code is last


class Forked:
    """A running command, with the part of ``subprocess.Popen`` that tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: Stream,
        stderr: Stream,
        cwd: Path | None = None,
        may_warn: bool = True,
    ) -> None:
        """Start ``storefront <arguments>``; ``stdout`` may be ``subprocess.PIPE``, ``stderr`` ``STDOUT``.

        Unless it ``may_warn``, warnings are errors.
        """
        self.args = ["storefront", *arguments]
        self.returncode: int | None = None
        self.stdout: IO[str] | None = None
        told, tell = os.pipe()
        with Path(os.devnull).open("rb") as nothing, os.fdopen(tell, "wb") as ended:
            files = [nothing.fileno(), _descriptor(stdout), _descriptor(stderr), ended.fileno()]
            if stdout == subprocess.PIPE:
                reader, files[1] = os.pipe()
                self.stdout = os.fdopen(reader, encoding="utf-8")
            if stderr == subprocess.STDOUT:
                files[2] = files[1]
            try:
                wanted = {"arguments": self.args, "env": dict(env), "cwd": str(cwd or Path.cwd()), "may_warn": may_warn}
                _send(_parent(), wanted, files)
            finally:
                if self.stdout is not None:
                    os.close(files[1])
        self.pid = int(os.read(told, ROOM))
        os.set_blocking(told, False)
        self._told, self._close = told, weakref.finalize(self, os.close, told)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs; as with ``Popen``, −9 is an end by signal 9."""
        if self.returncode is None:
            with suppress(BlockingIOError):
                self.returncode = int(os.read(self._told, ROOM))
                self._close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            select.select([self._told], [], [], timeout)
        if self.poll() is None:
            assert timeout is not None, "its end is told"
            raise subprocess.TimeoutExpired(self.args, timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Wait for its end, and leave what it still printed unread."""
        self.wait()
        if self.stdout is not None:
            self.stdout.close()


def _descriptor(stream: Stream) -> int:
    return stream if isinstance(stream, int) else stream.fileno()


@cache
def _parent() -> socket.socket:
    """Start the process that forks, once for this one; it ends with us, as its socket does."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.forking", str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[1])
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _send(to: socket.socket, wanted: object, files: Sequence[int]) -> None:
    body = json.dumps(wanted).encode()
    assert len(body) < ROOM, "an order comes in one piece"
    socket.send_fds(to, [len(body).to_bytes(4, "big")], list(files))
    to.sendall(body)


def _receive(orders: socket.socket) -> tuple[Wanted, list[int]] | None:
    """Take the next order and its files, or None when nobody is left to give any."""
    size, files, _, _ = socket.recv_fds(orders, 4, STANDARD + 1)
    if not size:
        return None
    missing, body = int.from_bytes(size, "big"), b""
    while len(body) < missing:
        body += orders.recv(missing - len(body))
    return json.loads(body), files


def main(orders: socket.socket) -> None:
    """Import what commands are made of, and fork for each that is asked for until the other side closes."""
    _import_everything()
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing would be written to that pipe
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
            _tell_ends(running)
        if orders.fileno() in ready:
            order = _receive(orders)
            if order is None:
                return
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for ours in (orders.fileno(), awake, wake, *running.values()):
                    os.close(ours)
                _become(*order)
            running[pid] = _started(pid, order[1])


def _started(pid: int, files: list[int]) -> int:
    """Say that a process has begun; return the pipe on which its end is to be told."""
    *given, ended = files
    for descriptor in given:
        os.close(descriptor)
    os.write(ended, f"{pid}\n".encode())
    return ended


def _tell_ends(running: dict[int, int]) -> None:
    """Say on its pipe how each process ended that has."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        descriptor = running.pop(pid)
        with suppress(BrokenPipeError):
            os.write(descriptor, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(descriptor)


def _become(wanted: Wanted, files: list[int]) -> NoReturn:
    """Be the command that is wanted, from its arguments to its exit code."""
    code = 1
    try:
        _take_on(wanted, files)
        command()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _take_on(wanted: Wanted, files: list[int]) -> None:
    """Take the files, variables, folder and arguments that the command would have been started with."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(files[:STANDARD]):
        os.dup2(descriptor, number)
    for descriptor in files:
        os.close(descriptor)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(wanted["env"])
    os.chdir(wanted["cwd"])
    sys.path[1:1] = [path for path in wanted["env"].get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    sys.argv = wanted["arguments"]
    if not wanted["may_warn"]:
        warnings.simplefilter("error")


def _end(code: int) -> NoReturn:
    """End as an interpreter does, but for what was begun before the fork."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _import_everything() -> None:
    gc.disable()
    for module in pkgutil.walk_packages(storefront.__path__, "storefront."):
        if not module.name.startswith("storefront.testing") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for point in installed_plugins().values():
        point.load()
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
