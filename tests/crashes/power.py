"""A disk that loses power: what SQLite writes and syncs is recorded, and any moment of it can be the last one.

``Recorder`` is a SQLite VFS that works on real files and keeps a log of it. ``Disk`` plays the log up to a moment and
tells what files a machine could find when the power is back. What is modelled:

* What a finished sync covered survives. Of each 512-byte sector written since, any version since may be found, the
  synced one too: writes are dropped, torn and reordered, sector by sector. A sector itself is old or new, as SQLite
  assumes of a disk (``SQLITE_IOCAP_POWERSAFE_OVERWRITE``).
* A file has any of the sizes it had since its sync; where its length survived and its sectors did not, are zeros.
* A name that was made is safe with the first sync of its file (SQLite syncs the folder then, too); until then the
  file may be missing. A deletion is safe when SQLite asked to sync it; until then the old file may be back.

Shared memory (``-shm``) does not survive: SQLite never reads it after a restart of the machine. Not modelled: a
disk that lies about syncs, and sectors that rot.
"""

import random
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import apsw

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Made:
    """A file's name appeared in the folder; it is empty."""

    file: str


@dataclass(frozen=True, slots=True)
class Written:
    file: str
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """All that was written to the file before is on the disk."""

    file: str


@dataclass(frozen=True, slots=True)
class Deleted:
    file: str
    is_synced: bool


Event = Made | Written | Truncated | Synced | Deleted


class Recorder(apsw.VFS):
    """The system's own files, with a log of all that happens to them, in order."""

    def __init__(self) -> None:
        self.name = f"recorder-{uuid4()}"
        self.log: list[Event] = []
        super().__init__(self.name, "")

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open a file through the recorder: apsw's connection has what the store uses of the standard library's."""
        connection: sqlite3.Connection = apsw.Connection(str(path), vfs=self.name, statementcachesize=512)
        return connection

    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        if name is None:  # a temporary file, which nobody looks for after a restart
            return apsw.VFSFile("", name, flags)
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        is_new = not path.exists()
        file = RecordedFile(self.log, path.name, name, flags)
        if is_new:
            self.log.append(Made(path.name))
        return file

    def xDelete(self, path: str, is_synced: bool) -> None:
        super().xDelete(path, is_synced)
        self.log.append(Deleted(Path(path).name, is_synced))


class RecordedFile(apsw.VFSFile):
    """One open file; what failed is not recorded."""

    def __init__(self, log: list[Event], file: str, name: "str | apsw.URIFilename", flags: list[int]) -> None:
        self._log = log
        self._file = file
        super().__init__("", name, flags)

    def xWrite(self, content: bytes, offset: int) -> None:
        super().xWrite(content, offset)
        self._log.append(Written(self._file, offset, bytes(content)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._log.append(Truncated(self._file, size))

    def xSync(self, flags: int) -> None:
        """Only record it: the disk that counts is the simulated one, and the machine's own need not be waited for."""
        self._log.append(Synced(self._file))


class _File:
    """What programs see in a file, what is on the disk of it, and what is on its way there."""

    def __init__(self, content: bytes = b"") -> None:
        self._seen = bytearray(content)
        self._synced = bytearray(content)
        self._versions: dict[int, list[bytes]] = {}  # sector -> what it held since the sync, newest last
        self._sizes = [len(content)]  # at the sync, and since

    def write(self, offset: int, content: bytes) -> None:
        end = offset + len(content)
        if end > len(self._seen):
            self._resize(end)
        self._seen[offset:end] = content
        self._keep_versions(offset, end)

    def truncate(self, size: int) -> None:
        end = len(self._seen)
        self._resize(size)
        self._keep_versions(size, end)

    def sync(self) -> None:
        _resize(self._synced, len(self._seen))
        for sector in self._versions:
            at = sector * SECTOR_BYTES
            self._synced[at : at + SECTOR_BYTES] = self._seen[at : at + SECTOR_BYTES]
        self._versions.clear()
        self._sizes = [len(self._seen)]

    def survivor(self, chance: random.Random, share: float) -> bytes:
        """Return what may be found after a power cut; of what was not synced about ``share`` arrived."""
        content = bytearray(self._synced)
        for sector, versions in self._versions.items():
            if chance.random() < share:
                at = sector * SECTOR_BYTES
                _resize(content, max(len(content), at + SECTOR_BYTES))
                content[at : at + SECTOR_BYTES] = versions[-1] if share == 1 else chance.choice(versions)
        sizes = {0: self._sizes[:1], 1: self._sizes[-1:]}.get(share, self._sizes)
        _resize(content, chance.choice(sizes))
        return bytes(content)

    def _resize(self, size: int) -> None:
        _resize(self._seen, size)
        self._sizes.append(size)

    def _keep_versions(self, begin: int, end: int) -> None:
        for sector in range(begin // SECTOR_BYTES, -(-end // SECTOR_BYTES)):
            at = sector * SECTOR_BYTES
            version = bytes(self._seen[at : at + SECTOR_BYTES]).ljust(SECTOR_BYTES, b"\0")
            self._versions.setdefault(sector, []).append(version)


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


class Disk:
    """A folder on a disk, as events change it; ``files`` (name -> content) are there and synced at the beginning."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        # Under each name the file that is safe there, and what took its place since; None is no file.
        self._entries: dict[str, list[_File | None]] = {name: [_File(content)] for name, content in files.items()}

    def apply(self, event: Event) -> None:
        entries = self._entries.setdefault(event.file, [None])
        if isinstance(event, Made):
            entries.append(_File())
            return
        if isinstance(event, Deleted):
            self._entries[event.file] = [None] if event.is_synced else [*entries, None]
            return
        file = entries[-1]
        assert file is not None, f"{event} of a file that is not there"
        if isinstance(event, Written):
            file.write(event.offset, event.content)
        elif isinstance(event, Truncated):
            file.truncate(event.size)
        else:
            file.sync()
            self._entries[event.file] = [file]

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """Return the files (name -> content) that may be found if the power fails now."""
        share = chance.choice((0, 1, chance.random(), chance.random()))
        found = {name: chance.choice(entries) for name, entries in self._entries.items()}
        return {name: file.survivor(chance, share) for name, file in found.items() if file is not None}
