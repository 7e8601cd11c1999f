"""One shop's database: opened by one process, migrated, with its mode checked before anything is sold.

The mode (``sandbox`` or ``live``) is written once and never changes; so is the file's owner for as long as
a process serves it, by a lock beside the file.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, bindparam, select

from storefront.core.commit.sqlite import SqliteStore
from storefront.core.errors import Conflict, StorefrontError
from storefront.core.migrating import CORE, History, MigrationFailed, Revision, revisions, upgrade, writing_engine
from storefront.core.reading import Query, SqliteReader
from storefront.core.tables import metadata, settings

_SETTING = Query(select(settings.c.value).where(settings.c.key == bindparam("key")))


class DatabaseInUse(Conflict):
    code = "database_in_use"
    title = "Another process serves this database"


class WrongMode(StorefrontError):
    code = "wrong_mode"
    title = "This database belongs to the other mode"


class FileLock:
    """A lock on ``<database>.lock``: one process per file; the kernel drops it when the process dies."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise ``DatabaseInUse`` naming the process that holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise DatabaseInUse(
                f"Process {holder} already serves {self._path.with_suffix('')}. Stop it, or give this server "
                "a data folder of its own (DATA=./other-data)."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Database:
    """The store, the reader and the lock of one SQLite file."""

    def __init__(self, path: Path, *, histories: Sequence[History] = (), tables: Sequence[Table] = ()) -> None:
        self.path = path
        self._histories = (CORE, *histories)
        self._lock = FileLock(path)
        self.store = SqliteStore(path, [*sorted_tables(metadata), *tables])
        self.reader = SqliteReader(path)

    async def open(self, *, mode: str) -> None:
        """Lock, migrate, check the mode and open; raises before anything was changed for good.

        Raises:
            DatabaseInUse: another process serves this file.
            MigrationFailed: the file is newer than this program.
            WrongMode: the file belongs to the other mode.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self.migrate()
            self._settle_mode(mode)
            await self.store.open()
            self.reader.open()
        except BaseException:
            self._lock.release()
            raise

    async def close(self) -> None:
        await self.reader.close()
        await self.store.close()
        self._lock.release()

    def migrate(self) -> list[Revision]:
        """Bring the core's and the plugins' tables to their newest revision."""
        engine = writing_engine(self.path)
        try:
            return upgrade(engine, self._histories)
        finally:
            engine.dispose()

    def revisions(self) -> list[Revision]:
        """Tell where each history stands."""
        engine = writing_engine(self.path)
        try:
            return revisions(engine, self._histories)
        finally:
            engine.dispose()

    def setting(self, key: str) -> str | None:
        """Read one row of the settings: ``mode``, ``clock_offset_ms``, ``active_catalog``."""
        row = self.reader.first(_SETTING, key=key)
        return None if row is None else str(row["value"])

    def _settle_mode(self, mode: str) -> None:
        """Write the mode into a new database; refuse a database of the other mode."""
        engine = writing_engine(self.path)
        with engine.begin() as connection:
            known = connection.execute(select(settings.c.value).where(settings.c.key == "mode")).scalar()
            if known is None:
                connection.execute(settings.insert().values(key="mode", value=mode))
        engine.dispose()
        if known not in (None, mode):
            raise WrongMode(
                f"{self.path} was made in {known} mode and the configuration says mode: {mode}. A database never "
                f"changes its mode. Set mode: {known}, or point data: at a new folder to begin a {mode} shop."
            )


def sorted_tables(tables: MetaData) -> list[Table]:
    """Return tables parents first, so that rows can be written in that order."""
    return list(tables.sorted_tables)


def describe_revisions(found: Sequence[Revision]) -> list[dict[str, Any]]:
    """Return facts for ``storefront migrate --json`` and ``/readyz``."""
    return [{"history": r.history, "current": r.current, "wanted": r.wanted} for r in found]


__all__ = ["Database", "DatabaseInUse", "MigrationFailed", "WrongMode", "describe_revisions", "sorted_tables"]
