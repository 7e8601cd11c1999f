"""Where anchors go: a file that only grows, or a webhook signed as Standard Webhooks says."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from storefront.core.clock import Clock
from storefront.core.errors import StorefrontError
from storefront.core.outgoing.posting import Message, NotSent, Poster, read_secret
from storefront.core.sealing.anchors import Anchor

DATABASE_ID = "database_id"
"""The setting that names a database for ever, so that anchors of several shops can be told apart."""
BEGAN = "anchors.began"
"""The action recorded when the first anchor was sent to a witness."""
_LONGEST_LINE = 8_192
_LINE_BEGINS = b'{"database":'


class Sent(msgspec.Struct, frozen=True):
    """What the database remembers of a witness: the newest seal that was sent there, and how many were."""

    seal: int
    count: int

    @classmethod
    def of(cls, value: str) -> "Sent":
        """Read a stored setting; the first releases kept the seal's number alone."""
        found = msgspec.json.decode(value, type=int | Sent)
        return cls(found, 1) if isinstance(found, int) else found

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


class AnchorNotKept(StorefrontError):
    code = "anchor_not_kept"
    title = "An anchor could not be brought outside"


class Witness(Protocol):
    """Somebody who keeps anchors. ``name`` is for people and holds no secret, ``key`` tells witnesses apart."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    async def keep(self, anchor: Anchor) -> None:
        """Bring an anchor there for good; safe to repeat.

        Raises:
            AnchorNotKept: it may not have arrived; try again.
        """
        ...


class FileWitness:
    """A file with a line an anchor. Put it on another disk, or where the server may write but not rewrite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self.key = _key("file", str(path))

    async def keep(self, anchor: Anchor) -> None:
        try:
            await asyncio.to_thread(_append, self._path, anchor.to_json() + b"\n")
        except OSError as error:
            raise AnchorNotKept(f"{self._path}: {error.strerror or error}") from error


class WebhookWitness:
    """An HTTPS address that takes anchors; it may get the same one twice, under the same ``webhook-id``."""

    def __init__(self, url: str, secret: str | None, clock: Clock) -> None:
        self._url = url
        self._secrets = () if secret is None else (read_secret(secret),)
        self._poster = Poster(clock)
        self.name = urlsplit(url).hostname or "webhook"  # paths of webhooks are often secret
        self.key = _key("webhook", url)

    async def keep(self, anchor: Anchor) -> None:
        body = msgspec.json.encode({"type": "seal.closed", "timestamp": anchor.sealed_at, "data": anchor})
        message = Message(f"anchor_{anchor.database}_{anchor.seal}", body)
        try:
            reply = await self._poster.post(self._url, message, self._secrets)
        except NotSent as error:
            raise AnchorNotKept(error.detail) from error
        if not reply.is_taken:
            raise AnchorNotKept(f"{self.name} answered {reply.status}")


def _key(kind: str, target: str) -> str:
    return f"anchor:{kind}:{hashlib.sha256(target.encode()).hexdigest()[:16]}"


def _append(path: Path, line: bytes) -> None:
    """Add a line and force it to the disk; a line that a crash tore is taken off first."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        begin = max(0, size - _LONGEST_LINE)
        torn = os.pread(descriptor, size - begin, begin).rpartition(b"\n")[2]
        if not torn.startswith(_LINE_BEGINS[: len(torn)]):
            raise AnchorNotKept(f"{path} holds something else than anchors")
        end = size - len(torn)
        os.ftruncate(descriptor, end)
        os.lseek(descriptor, end, os.SEEK_SET)
        written = 0
        while written < len(line):
            written += os.write(descriptor, line[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
