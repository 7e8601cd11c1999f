"""What every database of a shop offers; ``sqlite_database.py`` and ``postgres_database.py`` are the two there are.

The mode (``sandbox`` or ``live``) is written once, when a database is made, and never changes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, MetaData, Table, bindparam, select

from storefront.core.commit.store import Store
from storefront.core.errors import Conflict, StorefrontError
from storefront.core.migrating import MigrationFailed, Revision
from storefront.core.reading import Query, Reader
from storefront.core.tables import settings

T = TypeVar("T")
SETTING = Query(select(settings.c.value).where(settings.c.key == bindparam("key")))


class DatabaseInUse(Conflict):
    code = "database_in_use"
    title = "Another process serves this database"


class WrongMode(StorefrontError):
    code = "wrong_mode"
    title = "This database belongs to the other mode"


class Database(Protocol):
    """One shop's database: migrated, with its mode checked before anything is sold."""

    @property
    def store(self) -> Store:
        """What the commit engine writes with."""
        ...

    @property
    def reader(self) -> Reader:
        """What everybody reads with."""
        ...

    @property
    def is_shared(self) -> bool:
        """Tell whether other processes may serve it at the same time."""
        ...

    @property
    def name(self) -> str:
        """The database as people know it: a path, or an address without its password."""
        ...

    async def open(self, *, mode: str) -> None:
        """Migrate, check the mode and open; raises before anything was changed for good.

        Raises:
            DatabaseInUse: another process serves it, and only one may.
            MigrationFailed: it is newer than this program.
            WrongMode: it belongs to the other mode.
        """
        ...

    async def close(self) -> None: ...

    async def migrate(self) -> Sequence[Revision]:
        """Bring the core's and the plugins' tables to their newest revision; return where each stood."""
        ...

    async def migrate_to(self, history: str, revision: str) -> Revision:
        """Bring one history (``core`` or a plugin's name) up or down to a revision, and return where it stood.

        The database must not be open. A SQLite file that holds anything is copied first; who keeps another database
        has backups of its own.

        Raises:
            DatabaseInUse: another process serves it.
            MigrationFailed: there is no such revision, or going down would lose rows of the ledger.
        """
        ...

    async def revisions(self) -> Sequence[Revision]:
        """Tell where each history stands; changes nothing."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` over a read-only connection of its own, for audits and exports; it need not be open.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...


async def read_setting(reader: Reader, key: str) -> str | None:
    """Read one row of the settings: ``mode``, ``clock_offset_ms``, ``active_catalog``."""
    row = await reader.first(SETTING, key=key)
    return None if row is None else str(row["value"])


def settle_mode(connection: Connection, mode: str, name: str) -> None:
    """Write the mode into a new database; refuse a database of the other mode."""
    known = connection.execute(select(settings.c.value).where(settings.c.key == "mode")).scalar()
    if known is None:
        connection.execute(settings.insert().values(key="mode", value=mode))
    elif known != mode:
        raise WrongMode(
            f"{name} was made in {known} mode and the configuration says mode: {mode}. A database never "
            f"changes its mode. Set mode: {known}, or point data: at a new folder to begin a {mode} shop."
        )


def sorted_tables(tables: MetaData) -> list[Table]:
    """Return tables parents first, so that rows can be written in that order."""
    return list(tables.sorted_tables)


def describe_revisions(found: Sequence[Revision]) -> list[dict[str, Any]]:
    """Return facts for ``storefront migrate --json`` and ``/readyz``."""
    return [{"history": r.history, "current": r.current, "wanted": r.wanted} for r in found]


__all__ = [
    "Database",
    "DatabaseInUse",
    "MigrationFailed",
    "WrongMode",
    "describe_revisions",
    "read_setting",
    "settle_mode",
    "sorted_tables",
]
