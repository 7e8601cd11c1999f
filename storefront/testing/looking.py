"""Looking into a shop's database behind its back, on either database, with the same SQL."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import asyncpg

from storefront.core.database import Database
from storefront.core.postgres_database import PostgresDatabase

Looking = Callable[[str, Sequence[Any]], list[dict[str, Any]]]
"""SQL with ``?`` for parameters → rows."""


def look_into(database: Database) -> Looking:
    """Return a function that reads the database over a connection of its own each time, and waits for the answer."""
    if isinstance(database, PostgresDatabase):
        return lambda sql, parameters: _look_into_postgres(database.url, sql, parameters)
    return lambda sql, parameters: _look_into_file(database.name, sql, parameters)


def tables_of(look: Looking, database: Database) -> list[str]:
    """Name the tables, in order."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    if isinstance(database, PostgresDatabase):
        sql = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    return [row["name"] for row in look(sql, ())]


class FileWindow:
    """The same over one connection to a file, for who looks often: each new one reads the whole schema."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row

    def look(self, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(sql, parameters).fetchall()]

    def close(self) -> None:
        self._connection.close()


def _look_into_file(path: str, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    with closing(FileWindow(path)) as window:
        return window.look(sql, parameters)


def _look_into_postgres(url: str, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    for number in range(1, sql.count("?") + 1):
        sql = sql.replace("?", f"${number}", 1)

    async def fetch() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(sql, *parameters)]
        finally:
            await connection.close()

    # The caller is inside a running loop and wants the rows now: another loop in another thread fetches them.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, fetch()).result()
