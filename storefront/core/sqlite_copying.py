"""Copies of a SQLite file that is being written: one moment of it, without a pause for who writes.

The source is opened read-only, which can neither write nor checkpoint: SQLite before 3.51.3 may reset a
write-ahead log wrongly when two connections checkpoint it, and a served file has a writer that does. The copy
holds one read transaction from its first page to its last, so a commit meanwhile neither changes nor
restarts it. What it costs the writer is a log that can't be reset until the copy is done: it grows by
what is committed meanwhile, and no commit waits. Source: https://sqlite.org/backup.html and wal.html.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from storefront.core.clock import Clock, to_datetime

BACKUPS_FOLDER = "backups"
KEPT_BEFORE_MIGRATING = 5
PAGES_AT_ONCE = 2_000

CopyProgress = Callable[[int, int], None]
"""Called with (pages copied, pages in all)."""


def copy_sqlite(source: Path, target: Path, progress: CopyProgress | None = None) -> None:
    """Copy one moment of a database, also of one that a server writes, into a new file (0600) that is on disk after.

    The copy is one file without a write-ahead log.

    Raises:
        FileNotFoundError: there is no such file.
        FileExistsError: the target is there already.
        sqlite3.DatabaseError: the source is no database, or is damaged.
    """
    address = read_only_address(source)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(address, uri=True, isolation_level=None)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        reader.execute("PRAGMA query_only=ON")
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM sqlite_schema").fetchone()  # from here on this moment is what it sees
        reader.backup(copy, pages=PAGES_AT_ONCE, progress=_count(progress))
        copy.execute("PRAGMA synchronous=FULL")
        copy.execute("PRAGMA journal_mode=DELETE")
    sync(target)


def copy_before(database: Path, goal: str) -> Path:
    """Copy a database into ``backups/`` beside it before a migration to ``goal``; old such copies make room."""
    folder = database.parent / BACKUPS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    target = free_name(folder, f"before-{goal}-{timestamp()}", ".sqlite")
    try:
        copy_sqlite(database, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    sync(folder)
    older = sorted(folder.glob("before-*.sqlite"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    for path in older[:-KEPT_BEFORE_MIGRATING]:
        path.unlink()
    return target


def read_only_address(path: Path) -> str:
    """Return the address by which SQLite opens a file without ever writing it; raises ``FileNotFoundError``."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no database at {path}: `storefront migrate` or `serve` makes one.")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    has_log = path.with_name(path.name + "-wal").exists()
    if not has_log and not os.access(path.parent, os.W_OK):
        # A reader of a write-ahead log makes two files beside it; where that cannot be, nobody writes either.
        address += "&immutable=1"
    return address


def timestamp() -> str:
    """Return the machine's time for names of files: ``20261126T093000.250Z``."""
    wall = Clock().wall()
    return f"{to_datetime(wall):%Y%m%dT%H%M%S}.{wall % 1000:03}Z"


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """Return a path in a folder that nothing has yet."""
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}{suffix}", number + 1
    return path


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _count(progress: CopyProgress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda status, remaining, total: progress(total - remaining, total)
