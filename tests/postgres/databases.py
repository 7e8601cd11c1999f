"""Databases of a PostgreSQL that runs: made, dropped, and their clients cut off."""

import secrets
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg

HANG_SECONDS = 60.0


class Postgres:
    """A PostgreSQL that runs: makes and drops databases. ``admin_url`` names a database to do that from."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url

    def url(self, database: str) -> str:
        """Answer the URL of a database of this server, whether it exists or not."""
        return urlsplit(self.admin_url)._replace(path=f"/{quote(database)}").geturl()

    async def new_database(self, *, template: str | None = None) -> str:
        """Make a database and return its URL: an empty one, or a copy of the database with the URL ``template``.

        Nobody may be connected to the template meanwhile.
        """
        name = f"storefront_{secrets.token_hex(8)}"
        source = "template0" if template is None else f'"{_name(template)}"'
        # Through the log, as it is otherwise done, costs twice as much: to make it, and to drop it.
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE {source} STRATEGY FILE_COPY')
        return self.url(name)

    async def drop_database(self, url: str) -> None:
        """Drop a database, whoever is connected to it. Safe to call twice."""
        await self._execute(f'DROP DATABASE IF EXISTS "{_name(url)}" WITH (FORCE)')

    async def terminate_backends(self, url: str) -> int:
        """Cut off everybody who is connected to the database; return how many that were."""
        ended = """
            SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
            WHERE datname = $1 AND pid <> pg_backend_pid()
        """
        return len(await self._execute(ended, _name(url)))

    async def _execute(self, sql: str, *arguments: str) -> list[Any]:
        connection = await asyncpg.connect(self.admin_url, timeout=HANG_SECONDS)
        try:
            rows: list[Any] = await connection.fetch(sql, *arguments)
            return rows
        finally:
            await connection.close()


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
