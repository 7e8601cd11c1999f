"""Database files with all their tables and nothing in them: migrated once a process, and copied for each shop."""

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from storefront.core.database import Database
from storefront.core.migrating import History
from storefront.core.sqlite_database import SqliteDatabase


async def lay_tables(database: Database) -> None:
    """Give a shop that begins on a file of its own its tables; one that has a file already keeps it as it is."""
    if isinstance(database, SqliteDatabase) and not database.path.exists():
        content = await asyncio.to_thread(_migrated, database.histories)
        database.path.parent.mkdir(parents=True, exist_ok=True)
        database.path.write_bytes(content)


@cache
def _migrated(histories: tuple[History, ...]) -> bytes:
    """Return the file that these histories, the core's first, make of nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite"
        empty = SqliteDatabase(path, histories=histories[1:])
        asyncio.run(empty.migrate())
        return path.read_bytes()
