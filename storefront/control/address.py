"""Where the control socket is; light, so that asking a running server costs little."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

SOCKET_NAME = "control.sock"
BOOKS_HEADER = "Storefront-Books"
"""Which books whoever asks means, as ``books_at`` names them."""
LONGEST_ADDRESS = 100


def books_at(url: str, folder: Path) -> str:
    """Name the books at a ``database.url``, without its password; a relative file is seen from ``folder``."""
    if url.startswith("sqlite:///"):
        return str((folder / url.removeprefix("sqlite:///")).resolve())
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}:{parts.port or 5432}{parts.path}"


def is_answered(path: Path) -> bool:
    """Tell whether a server listens on the control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            with socket_address(path) as address:
                probe.connect(address)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return False
    return True


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Give an address for a socket's path that fits into the kernel's 108 bytes, however deep the folder is."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
