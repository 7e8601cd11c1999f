"""Who uses a server's folder: each holds its ``users`` lock, which the kernel takes back from a process that ends."""

import fcntl
from pathlib import Path
from typing import IO


def try_lock(file: IO[str], kind: int) -> bool:
    """Take the lock of an open file, ``LOCK_SH`` or ``LOCK_EX``, unless it is taken; tell whether that worked."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def new_folder_user(folder: Path) -> IO[str]:
    """Be the first user of a new folder, and make its other locks."""
    for lock in ("users", "running"):
        (folder / lock).touch()
    users = hold(folder)
    assert users is not None, "nobody else knows the folder"
    return users


def hold(folder: Path) -> IO[str] | None:
    """Be a user of the folder; ``None`` if it is gone or going."""
    try:
        users = (folder / "users").open()
    except FileNotFoundError:
        return None
    if try_lock(users, fcntl.LOCK_SH) and (folder / "users").exists():
        return users
    users.close()
    return None


def let_go(folder: Path, users: IO[str], *, is_last: bool) -> None:
    """Be a user no more. The last one waits until the server and the folder are gone.

    Raises: ``RuntimeError`` if they are not.
    """
    if not is_last:
        users.close()
        return
    with (folder / "reaper").open() as reaper:
        users.close()
        fcntl.flock(reaper, fcntl.LOCK_SH)  # granted when the reaper has ended
    if folder.exists():
        raise RuntimeError(f"{folder} was not cleared up")
