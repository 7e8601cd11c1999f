"""What every database of a shop offers; ``sqlite_database.py`` and ``postgres_database.py`` are the two there are.

The mode (``sandbox`` or ``live``) is written once, when a database is made, and never changes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, MetaData, Table, bindparam, func, select

from storefront.core.commit.store import EPOCH_BITS, Store
from storefront.core.errors import Conflict, StorefrontError
from storefront.core.migrating import MigrationFailed, Revision
from storefront.core.reading import Query, Reader
from storefront.core.tables import entries, events, settings
from storefront.core.tables_manual_payments import manual_payments

T = TypeVar("T")
EPOCH = "epoch"
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


def newest_commit(connection: Connection) -> int:
    """Return the highest commit number in the books; 0 in new ones."""
    return max(connection.execute(select(func.max(table.c.commit_no))).scalar() or 0 for table in (events, entries))


def stored_epoch(connection: Connection) -> int:
    """Return the epoch that commit numbers are given in; 0 until one was begun."""
    return int(connection.execute(select(settings.c.value).where(settings.c.key == EPOCH)).scalar() or 0)


def begin_epoch(connection: Connection) -> int:
    """Begin a new epoch of commit numbers, above all that were ever given, and return it.

    To be called where books go on from an earlier state, or elsewhere: who follows commits with a cursor from a
    future that was lost misses nothing of what comes.
    """
    epoch = max(stored_epoch(connection), newest_commit(connection) >> EPOCH_BITS) + 1
    put_setting(connection, EPOCH, str(epoch))
    return epoch


def put_setting(connection: Connection, key: str, value: str) -> None:
    """Write one row of the settings, over an older one."""
    connection.execute(settings.delete().where(settings.c.key == key))
    connection.execute(settings.insert().values(key=key, value=value))


OF_GATEWAYS = (manual_payments,)
"""Tables that stand in modules of their own: naming one here completes the metadata."""


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
