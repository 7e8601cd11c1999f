"""The floor for purchases on PostgreSQL: rows that the engine wrote, written again by the driver without any rule.

Same batches, same statements, same guards, on a copy of the database as it was before, over one connection; the
parameters lie ready before the clock starts.
"""

import time
from collections.abc import Sequence

import asyncpg

from storefront.core.commit.postgres import WRITER_SETTINGS
from storefront.core.commit.postgres_statements import PostgresStatements
from storefront.core.commit.state import Writes
from storefront.core.database import sorted_tables
from storefront.core.tables import metadata


async def replay(url: str, batches: Sequence[Writes]) -> float:
    """Write the batches, durably, one transaction each; return the seconds it took."""
    statements = PostgresStatements(sorted_tables(metadata))
    ready = [statements.write(writes) for writes in batches]
    connection = await asyncpg.connect(url, server_settings=WRITER_SETTINGS, statement_cache_size=512)
    try:
        began = time.perf_counter()
        for sql, arguments in ready:
            await connection.execute("BEGIN")
            await connection.execute(sql, *arguments)
            await connection.execute("COMMIT")
        return time.perf_counter() - began
    finally:
        await connection.close()
