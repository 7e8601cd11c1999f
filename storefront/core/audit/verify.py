"""Run the checks over one read snapshot of a live database, or of a file.

Nothing is written and nothing waits for the audit: on SQLite it is a reader of the write-ahead log, on
other databases a read-only repeatable-read transaction.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from storefront.core.audit import (
    actions,
    append_only,
    balances,
    holds,
    idempotency,
    ledger,
    limits,
    ownership,
    purchases,
)
from storefront.core.audit.check import Check, NotYet, Violation
from storefront.core.audit.not_yet import NOT_YET
from storefront.core.audit.report import MOST_KEPT_PER_CHECK, CheckResult, Report
from storefront.core.database import Database
from storefront.core.sqlite_database import read_file
from storefront.core.tables import metadata

CHECKS: tuple[Check, ...] = (
    *sorted(
        (*ledger.CHECKS, *balances.CHECKS, *holds.CHECKS, *append_only.CHECKS),
        key=lambda check: (check.is_deep, check.name),
    ),
    *idempotency.CHECKS,
    *ownership.CHECKS,
    *limits.CHECKS,
    *purchases.CHECKS,
    *actions.CHECKS,
)
_COUNTED = ("entries", "transfers", "draws", "credits", "accounts", "lots", "holds", "events", "purchases",
            "payments", "items", "item_movements", "entitlements", "counters", "idempotency", "catalog_versions",
            "api_keys")  # fmt: skip

log = structlog.get_logger("storefront.audit")

Progress = Callable[[str, int, int], None]


async def verify(reader_connection: AsyncConnection, *, deep: bool, progress: Progress | None = None) -> Report:
    """Check the books in one snapshot; ``deep`` adds everything that is not the ledger itself.

    ``reader_connection`` must not be inside a transaction; it is left without one. ``progress`` is called
    with (name of the check about to run, checks done, checks in all), here on the event loop.
    """
    return await reader_connection.run_sync(_verify, deep, progress)


async def verify_file(path: Path, *, deep: bool, progress: Progress | None = None) -> Report:
    """Check a SQLite file, also one that a server has open; the file is opened read-only.

    Reads in a thread of its own, and calls ``progress`` there.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return await read_file(path, lambda connection: _verify(connection, deep, progress))


async def verify_database(database: Database, *, deep: bool, progress: Progress | None = None) -> Report:
    """Check any database, also one that is served; nothing is written. ``progress`` may be called in a thread."""
    return await database.read(lambda connection: _verify(connection, deep, progress))


def _verify(connection: Connection, deep: bool, progress: Progress | None) -> Report:
    _begin_snapshot(connection)
    try:
        return _run_checks(connection, deep, progress)
    finally:
        connection.rollback()


def _begin_snapshot(connection: Connection) -> None:
    """Make all following reads see one moment of the database."""
    if connection.dialect.name != "sqlite":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return
    driver = connection.connection.driver_connection
    if driver is None or not driver.in_transaction:
        # Python's driver opens no transaction for reads by itself.
        connection.exec_driver_sql("BEGIN")


def _run_checks(connection: Connection, deep: bool, progress: Progress | None) -> Report:
    wanted, not_run = _choose(connection.dialect.name, deep)
    results: list[CheckResult] = []
    violations: list[Violation] = []
    for number, check in enumerate(wanted):
        if progress is not None:
            progress(check.name, number, len(wanted))
        result, kept = _run_one(connection, check)
        results.append(result)
        violations.extend(kept)
    counts = _count_rows(connection)
    if progress is not None:
        progress("", len(wanted), len(wanted))
    return Report(tuple(results), tuple(violations), counts, (*not_run, *NOT_YET))


def _choose(dialect: str, deep: bool) -> tuple[Sequence[Check], Sequence[NotYet]]:
    wanted, not_run = [], []
    for check in CHECKS:
        if check.dialect not in (None, dialect):
            not_run.append(NotYet(check.name, check.title, f"its object is on {check.dialect} only so far"))
        elif check.is_deep and not deep:
            not_run.append(NotYet(check.name, check.title, "left out: runs with --deep"))
        else:
            wanted.append(check)
    return wanted, not_run


def _run_one(connection: Connection, check: Check) -> tuple[CheckResult, list[Violation]]:
    """Run one check to its end; a check that the database cannot answer has not passed."""
    kept: list[Violation] = []
    found, began = 0, time.monotonic()
    try:
        for violation in check.run(connection):
            found += 1
            if found <= MOST_KEPT_PER_CHECK:
                kept.append(violation)
    except (DBAPIError, msgspec.DecodeError) as error:
        found += 1
        reason = error.orig if isinstance(error, DBAPIError) else error
        kept.append(Violation(check.name, (), f"{check.name} could not be checked to its end: {reason}"))
    milliseconds = round((time.monotonic() - began) * 1000)
    return CheckResult(check.name, check.title, found, milliseconds), kept


def _count_rows(connection: Connection) -> dict[str, int]:
    """Return ``table -> rows``; a table that cannot be read to its end is left out (its checks say so)."""
    counts = {}
    for name in _COUNTED:
        try:
            counts[name] = connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
        except DBAPIError as error:
            log.warning("table_unreadable", table=name, reason=str(error.orig))
    return counts
