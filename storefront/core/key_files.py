"""Secrets that the server makes for itself: files in ``<data>/keys/``, readable by nobody else."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return the file's bytes, made at the first call; the folder is 0700, the file 0600.

    Safe when two processes start at once: the file appears whole or not at all, and the first one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass  # another process made it between our look and our link: its bytes are the ones to read
        finally:
            draft.unlink()
    return path.read_bytes()
