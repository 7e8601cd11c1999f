"""A shop's database in one SQLite file: opened by one process at a time, held by a lock beside the file."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Dialect, Engine, Table, create_engine, make_url, select
from sqlalchemy.pool import NullPool, StaticPool

from storefront.core.commit.sqlite import SqliteStore
from storefront.core.database import DatabaseInUse, settle_mode, sorted_tables
from storefront.core.errors import StorefrontError
from storefront.core.migrating import (
    CORE,
    History,
    MigrationFailed,
    Revision,
    is_newer,
    migrate_history,
    revisions,
    upgrade,
    wanted_history,
    writing_engine,
)
from storefront.core.reading import SqliteReader
from storefront.core.sqlite_copying import copy_before, read_only_address
from storefront.core.tables import metadata, settings

T = TypeVar("T")
MOVED_TO = "moved_to"
_HAS_SETTINGS = f"SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{settings.name}'"  # noqa: S608 a constant


class ShopHasMoved(StorefrontError):
    code = "shop_has_moved"
    title = "The books are kept in another database now"

    @classmethod
    def of(cls, path: str, moved_to: str) -> "ShopHasMoved":
        return cls(
            f"The books of {path} were moved to {moved_to}; this file stands still and is no longer served. Set "
            "database: {url: …} to that address, or point data: at a new folder to begin another shop."
        )


log = structlog.get_logger("storefront.database")


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


class SqliteDatabase:
    """The store, the reader and the lock of one SQLite file; see ``Database``."""

    is_shared = False

    def __init__(self, path: Path, *, histories: Sequence[History] = (), tables: Sequence[Table] = ()) -> None:
        self.path = path
        self.name = str(path)
        self.histories = (CORE, *histories)
        self._lock = FileLock(path)
        self.store = SqliteStore(path, [*sorted_tables(metadata), *tables])
        self.reader = SqliteReader(path)

    async def open(self, *, mode: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            await asyncio.to_thread(self._make_ready, mode)
            await self.store.open()
            self.reader.open()
        except BaseException:
            self._lock.release()
            raise

    async def close(self) -> None:
        await self.reader.close()
        await self.store.close()
        self._lock.release()

    async def migrate(self) -> list[Revision]:
        return await asyncio.to_thread(self._migrate)

    async def migrate_to(self, history: str, revision: str) -> Revision:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            return await asyncio.to_thread(self._migrate_to, history, revision)
        finally:
            self._lock.release()

    async def revisions(self) -> list[Revision]:
        return await asyncio.to_thread(self._revisions)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await read_file(self.path, lambda connection: _unless_moved(self.path, connection, work))

    def _make_ready(self, mode: str) -> None:
        engine = writing_engine(self.path, pool=StaticPool)
        try:
            self._upgrade(engine)
            self._settle_mode(engine, mode)
        finally:
            engine.dispose()

    def _migrate(self) -> list[Revision]:
        engine = writing_engine(self.path)
        try:
            return self._upgrade(engine)
        finally:
            engine.dispose()

    def _upgrade(self, engine: Engine) -> list[Revision]:
        stand = revisions(engine, self.histories)
        behind = [one for one in stand if one.current != one.wanted]
        if not behind:
            return stand
        if any(not is_newer(one, self.histories) for one in behind):
            self._back_up(stand, ",".join(f"{one.wanted}" for one in behind))
        return upgrade(engine, self.histories)

    def _migrate_to(self, history: str, revision: str) -> Revision:
        wanted = wanted_history(self.histories, history, revision)
        engine = writing_engine(self.path)
        try:
            self._back_up(revisions(engine, self.histories), revision)
            with engine.begin() as connection:
                return migrate_history(connection, wanted, revision)
        finally:
            engine.dispose()

    def _back_up(self, stand: Sequence[Revision], goal: str) -> None:
        """Copy a database that holds anything before its tables change; the newest few copies are kept."""
        if all(one.current is None for one in stand):
            return
        try:
            path = copy_before(self.path, goal)
        except (OSError, sqlite3.Error) as error:
            raise MigrationFailed(
                f"{self.path} could not be backed up before its tables change, so nothing was changed: {error}"
            ) from error
        log.info("backed_up_before_migrating", path=str(path), revision=goal)

    def _revisions(self) -> list[Revision]:
        # Asking about a database that is not there does not make one.
        engine = writing_engine(self.path) if self.path.is_file() else create_engine("sqlite://")
        try:
            return revisions(engine, self.histories)
        finally:
            engine.dispose()

    def _settle_mode(self, engine: Engine, mode: str) -> None:
        with engine.begin() as connection:
            moved_to = connection.execute(select(settings.c.value).where(settings.c.key == MOVED_TO)).scalar()
            if moved_to is not None:
                raise ShopHasMoved.of(self.name, moved_to)
            settle_mode(connection, mode, self.name)

    async def mark_as_moved(self, to: str) -> None:
        """Keep the file from being served again: its shop lives on in another database. Call it while it is open."""
        await asyncio.to_thread(self._mark_as_moved, to)

    def _mark_as_moved(self, to: str) -> None:
        engine = writing_engine(self.path)
        try:
            with engine.begin() as connection:
                connection.execute(settings.insert().values(key=MOVED_TO, value=to))
        finally:
            engine.dispose()


def upgrade_copy(path: Path, histories: Sequence[History]) -> None:
    """Bring a copy that nobody else has open to this program's revisions; it stays one file without a log.

    Raises:
        MigrationFailed: it is newer than this program.
    """
    engine = writing_engine(path)
    try:
        if any(one.current != one.wanted for one in revisions(engine, (CORE, *histories))):
            upgrade(engine, (CORE, *histories))
    finally:
        engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


async def read_file(path: Path, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in a thread over a read-only connection to a file, also one that a server has open.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return await asyncio.to_thread(_read_file, path, work)


def refuse_moved(path: Path) -> None:
    """Refuse a file whose shop lives on elsewhere: who copies or reads it has not heard of the move.

    Raises:
        ShopHasMoved: it has.
    """
    if path.is_file():
        _read_file(path, lambda connection: _unless_moved(path, connection, lambda _: None))


def _unless_moved(path: Path, connection: Connection, work: Callable[[Connection], T]) -> T:
    if connection.exec_driver_sql(_HAS_SETTINGS).first() is not None:
        moved_to = connection.execute(select(settings.c.value).where(settings.c.key == MOVED_TO)).scalar()
        if moved_to is not None:
            raise ShopHasMoved.of(str(path), moved_to)
    return work(connection)


def _read_file(path: Path, work: Callable[[Connection], T]) -> T:
    address = read_only_address(path)
    dialect, compiled = _compiling()
    pool = NullPool(lambda: sqlite3.connect(address, uri=True))  # type: ignore[arg-type]
    engine = Engine(pool, dialect, make_url("sqlite://"))
    try:
        with engine.connect().execution_options(compiled_cache=compiled) as connection:
            return work(connection)
    finally:
        engine.dispose()


@lru_cache(1)
def _compiling() -> tuple[Dialect, dict[Any, Any]]:
    """Return what statements are compiled with and what they came to: an audit asks a hundred, the same each time."""
    engine = create_engine("sqlite://", poolclass=NullPool)
    with engine.connect():
        return engine.dialect, {}  # which a first connection has told what the library can do
