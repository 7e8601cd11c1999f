"""Outlives whoever started a PostgreSQL server, and clears up after them: ``python postgres_reaper.py <folder>``.

Waits until nobody holds the folder's ``users`` lock any more (the kernel lets go of it however they ended), stops the
server and removes the folder. Returns at once and waits in a process of its own, which holds ``reaper`` meanwhile.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.02


def main(folder: Path) -> None:
    alive = (folder / "reaper").open("w")
    fcntl.flock(alive, fcntl.LOCK_EX)
    if os.fork() != 0:
        os._exit(0)  # the lock lives on in the child, which is nobody's child and gets no Ctrl-C
    os.setsid()
    with (folder / "users").open() as users, (folder / "running").open() as running:
        fcntl.flock(users, fcntl.LOCK_EX)
        while not _is_free(running):
            _stop(folder / "data" / "postmaster.pid")
            time.sleep(POLL_SECONDS)
        data = (folder / "data").resolve()  # it may be a link into memory
        if data.exists():
            shutil.rmtree(data)
        shutil.rmtree(folder)


def _is_free(lock: IO[str]) -> bool:
    """Every process of the server holds the lock, from its very start."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(pid_file: Path) -> None:
    try:
        pid = int(pid_file.read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        os.kill(pid, signal.SIGCONT)  # it may have been paused
    except (FileNotFoundError, IndexError, ProcessLookupError):
        return  # it is only starting, or already gone


if __name__ == "__main__":
    main(Path(sys.argv[1]))
