"""Fills a fresh shop's database with a large ledger: many rows a statement on SQLite, COPY on PostgreSQL."""

import argparse
import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import asyncpg

from benchmarks.bulk import COLUMNS, Ledger, Size
from benchmarks.plans import open_shop
from storefront.core.audit import verify_database

CACHE_KB = 1_000_000


async def fill(data: Path, size: Size, *, postgres: str | None = None, sales: int = 0) -> float:
    """Make a shop with its files in ``data`` and fill its database; return how many seconds the rows took.

    With ``sales``, one purchase in so many is paid by card. The database must be fresh; the guards of its tables stay
    in place.
    """
    async with open_shop(data, postgres=postgres) as parts:
        version = parts.services.catalogs.active.version
    began = time.perf_counter()
    ledger = Ledger(size, version, sales=sales)
    if postgres is None:
        await asyncio.to_thread(fill_sqlite, data / "storefront.sqlite", ledger)
    else:
        await fill_postgres(postgres, ledger)
    return time.perf_counter() - began


def fill_sqlite(path: Path, ledger: Ledger) -> None:
    """Write everything in one transaction; nothing is synced until the end, and indexes are made after the rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous=OFF", "journal_mode=MEMORY", f"cache_size=-{CACHE_KB}", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        tables = ", ".join(f"'{name}'" for name in COLUMNS)
        indexes = connection.execute(
            f"SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for rows in ledger.chunks():
            for name, many in rows.items():
                columns = ", ".join(COLUMNS[name])
                places = ", ".join("?" * len(COLUMNS[name]))
                connection.executemany(f"INSERT INTO {name} ({columns}) VALUES ({places})", many)
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_mode=WAL")


async def fill_postgres(url: str, ledger: Ledger) -> None:
    """Copy everything in one transaction."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for rows in ledger.chunks():
                for name, many in rows.items():
                    if many:
                        await connection.copy_records_to_table(name, records=many, columns=COLUMNS[name])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _main() -> None:
    parser = argparse.ArgumentParser(description="Fill a fresh shop with a large ledger, and audit it.")
    parser.add_argument("data", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--rows", type=int, default=10_000, help="ledger rows: entries, transfers, draws, credits")
    parser.add_argument("--postgres", help="fill this PostgreSQL database instead of a file")
    parser.add_argument("--sales", type=int, default=0, help="let one purchase in so many be paid by card")
    parser.add_argument("--audit", action="store_true", help="run audit verify --deep over it")
    wanted = parser.parse_args()
    wanted.data.mkdir(parents=True)
    seconds = await fill(wanted.data, Size(wanted.rows), postgres=wanted.postgres, sales=wanted.sales)
    sys.stdout.write(f"{wanted.rows:,} ledger rows in {seconds:.1f} s\n")
    if wanted.audit:
        async with open_shop(wanted.data, postgres=wanted.postgres) as parts:
            began = time.perf_counter()
            report = await verify_database(parts.database, deep=True)
        found = "clean" if report.is_clean else report.explain()
        sys.stdout.write(f"audit verify --deep: {found}, {time.perf_counter() - began:.1f} s, {dict(report.counts)}\n")


if __name__ == "__main__":
    asyncio.run(_main())
