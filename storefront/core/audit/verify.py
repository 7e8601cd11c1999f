"""Run the checks over one read snapshot of a live database, or of a file.

Nothing is written and nothing waits for the audit: on SQLite it is a reader of the write-ahead log, on
other databases a read-only repeatable-read transaction.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from storefront.core.analytics.metrics import AllFigures
from storefront.core.audit import (
    actions,
    append_only,
    auto_top_ups,
    balances,
    bundles,
    checkpoints,
    conversions,
    debts,
    events,
    experiments,
    freezes,
    gateway_books,
    gifts,
    grants,
    holds,
    idempotency,
    incoming,
    instances,
    ledger,
    limits,
    merges,
    movements,
    outgoing,
    ownership,
    promos,
    purchases,
    receipts,
    referrals,
    reversal_counters,
    reversals,
    reviews,
    rights,
    seals,
    taxes,
    usage,
)
from storefront.core.audit import transfers as customers_transfers
from storefront.core.audit.anchors import NONE_GIVEN, anchors_check
from storefront.core.audit.check import NEEDS_DEEP, SMALL, Check, NotYet, Progressed, Violation
from storefront.core.audit.kinds import NONE_GIVEN as NO_KINDS
from storefront.core.audit.kinds import Kinds, kinds_check
from storefront.core.audit.not_yet import NOT_YET
from storefront.core.audit.report import MOST_KEPT_PER_CHECK, CheckResult, Report, Sealing
from storefront.core.audit.rollups import NONE_GIVEN as NO_FIGURES
from storefront.core.audit.rollups import rollups_check
from storefront.core.audit.witnesses import WitnessFile, witnesses_check
from storefront.core.clock import SECOND_MS, Clock
from storefront.core.database import Database
from storefront.core.sealing.anchors import Kept
from storefront.core.sealing.seals import sealing_state
from storefront.core.sqlite_database import read_file
from storefront.core.tables import metadata

_LEDGER = (
    *ledger.CHECKS,
    *balances.CHECKS,
    *holds.CHECKS,
    *reviews.CHECKS,
    *freezes.CHECKS,
    *debts.CHECKS,
    *checkpoints.CHECKS,
    *append_only.CHECKS,
)
CHECKS: tuple[Check, ...] = (
    *seals.CHECKS,  # first: what was changed behind the books' back is the cause of what others find
    *sorted(_LEDGER, key=lambda check: (check.is_deep, check.name)),
    *idempotency.CHECKS,
    *ownership.CHECKS,
    *limits.CHECKS,
    *promos.CHECKS,
    *referrals.CHECKS,
    *auto_top_ups.CHECKS,
    *purchases.CHECKS,
    *experiments.CHECKS,
    *taxes.CHECKS,
    *bundles.CHECKS,
    *receipts.CHECKS,
    *actions.CHECKS,
    *conversions.CHECKS,
    *grants.CHECKS,
    *reversals.CHECKS,
    *reversal_counters.CHECKS,
    *gateway_books.CHECKS,
    *incoming.CHECKS,
    *outgoing.CHECKS,
    *rights.CHECKS,
    *movements.CHECKS,
    *gifts.CHECKS,
    *customers_transfers.CHECKS,
    *instances.CHECKS,
    *merges.CHECKS,
    *events.CHECKS,
    *usage.CHECKS,
)
_KINDS = {"sqlite": "SQLite files", "postgresql": "PostgreSQL"}
_COUNTED = ("entries", "transfers", "draws", "credits", "accounts", "lots", "holds", "freezes", "debts", "grants",
            "auto_top_ups", "auto_top_up_runs",
            "reversals", "events", "purchases", "payments", "gateway_movements", "inbox",
            "webhook_deliveries", "redemptions", "referrals", "items", "item_movements", "item_instances",
            "entitlements", "customer_transfers",
            "counters", "idempotency", "catalog_versions", "api_keys", "seals", "receipts",
            "usage_accounts", "usage_periods", "usage_lines")  # fmt: skip

_SMALL_BYTES = 16 * 2**20
_FILE_BYTES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_TABLES_BYTES = text(
    "SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)

log = structlog.get_logger("storefront.audit")

Progress = Callable[[str, float, int], None]
Anchors = Sequence[Kept] | None
"""Anchors to compare with; None where there are none to be had, which the report says."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the books are compared with that does not lie in their database; the report says what is not at hand.

    ``witnesses`` are the files to which the shop sends anchors, ``kinds`` the offer kinds of its plugins, ``checks``
    what those say about their own tables, ``figures`` what they bring to analytics.
    """

    anchors: Anchors = None
    witnesses: Sequence[WitnessFile] = ()
    kinds: Kinds | None = None
    checks: Sequence[Check] = ()
    figures: AllFigures | None = None


NOTHING_OUTSIDE = Outside()


async def verify(
    reader_connection: AsyncConnection,
    *,
    deep: bool,
    progress: Progress | None = None,
    outside: Outside = NOTHING_OUTSIDE,
) -> Report:
    """Check the books in one snapshot; ``deep`` adds everything that is not the ledger itself.

    ``reader_connection`` must not be inside a transaction; it is left without one. ``progress`` is called
    with (name of the check that runs, checks done, checks in all), here on the event loop; inside a long
    check the checks done grow by fractions.
    """
    return await reader_connection.run_sync(_verify, deep, progress, outside)


async def verify_file(
    path: Path, *, deep: bool, progress: Progress | None = None, outside: Outside = NOTHING_OUTSIDE
) -> Report:
    """Check a SQLite file, also one that a server has open; the file is opened read-only.

    Reads in a thread of its own, and calls ``progress`` there.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return await read_file(path, lambda connection: _verify(connection, deep, progress, outside))


async def verify_database(
    database: Database, *, deep: bool, progress: Progress | None = None, outside: Outside = NOTHING_OUTSIDE
) -> Report:
    """Check any database, also one that is served; nothing is written. ``progress`` may be called in a thread."""
    return await database.read(lambda connection: _verify(connection, deep, progress, outside))


def _verify(connection: Connection, deep: bool, progress: Progress | None, outside: Outside) -> Report:
    """Ask all in one transaction; begin anew, with a savepoint for each question, if one of them fails there.

    Hardly ever is a table broken, and savepoints are two round trips each. Where a failure is the statement's alone,
    as in SQLite, none are needed.
    """
    if connection.dialect.name != "sqlite":
        with suppress(DBAPIError):
            return _verify_snapshot(connection, deep, progress, outside, endures=False)
    return _verify_snapshot(connection, deep, progress, outside, endures=True)


def _verify_snapshot(
    connection: Connection, deep: bool, progress: Progress | None, outside: Outside, *, endures: bool
) -> Report:
    """Raise ``DBAPIError`` where a statement fails, unless this ``endures`` it: then the report says so."""
    _begin_snapshot(connection)
    try:
        return _run_checks(connection, deep, progress, outside, endures=endures)
    finally:
        connection.rollback()


def _begin_snapshot(connection: Connection) -> None:
    """Make all following reads see one moment of the database."""
    if connection.dialect.name != "sqlite":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        book_bytes = connection.execute(_TABLES_BYTES).scalar_one()
    else:
        driver = connection.connection.driver_connection
        if driver is None or not driver.in_transaction:
            # Python's driver opens no transaction for reads by itself.
            connection.exec_driver_sql("BEGIN")
        book_bytes = connection.exec_driver_sql(_FILE_BYTES).scalar_one()
    connection.execution_options(**{SMALL: book_bytes <= _SMALL_BYTES})


def _run_checks(
    connection: Connection, deep: bool, progress: Progress | None, outside: Outside, *, endures: bool
) -> Report:
    tell = progress or (lambda name, done, total: None)
    wanted, not_run = _choose(connection.dialect.name, deep, outside)
    results: list[CheckResult] = []
    violations: list[Violation] = []
    for number, check in enumerate(wanted):
        tell(check.name, number, len(wanted))
        told = partial(_tell_part, tell, check, number, len(wanted))
        result, kept = _run_one(connection, check, told, endures=endures)
        results.append(result)
        violations.extend(kept)
    counts, sealing = _count_rows(connection, endures=endures), _sealing(connection, endures=endures)
    tell("", len(wanted), len(wanted))
    return Report(tuple(results), tuple(violations), counts, (*not_run, *NOT_YET), sealing)


def _tell_part(tell: Progress, check: Check, number: int, total: int, part: Progressed) -> None:
    tell(check.name, number + min(part.done / max(part.total, 1), 1.0), total)


def _choose(dialect: str, deep: bool, outside: Outside) -> tuple[Sequence[Check], Sequence[NotYet]]:
    wanted: list[Check] = []
    not_run: list[NotYet] = []
    asking = () if outside.kinds is None else (kinds_check(outside.kinds),)
    counting = () if outside.figures is None else (rollups_check(outside.figures),)
    for check in (*CHECKS, *asking, *counting, *outside.checks):
        if check.dialect not in (None, dialect):
            not_run.append(NotYet(check.name, check.title, f"for {_KINDS[check.dialect]} only"))
        elif check.is_deep and not deep:
            not_run.append(NotYet(check.name, check.title, NEEDS_DEEP))
        else:
            wanted.append(check)
    if outside.kinds is None:
        not_run.append(NO_KINDS)
    if outside.figures is None:
        not_run.append(NO_FIGURES)
    if outside.anchors is None:
        not_run.append(NONE_GIVEN)
    else:
        wanted.append(anchors_check(outside.anchors))
    if outside.witnesses:
        wanted.append(witnesses_check(outside.witnesses))
    return wanted, not_run


def _run_one(
    connection: Connection, check: Check, tell: Callable[[Progressed], None], *, endures: bool
) -> tuple[CheckResult, list[Violation]]:
    """Run one check to its end; a check that the database cannot answer has not passed."""
    kept: list[Violation] = []
    found, began = 0, time.monotonic()
    try:
        with _own_failure(connection, endures=endures):
            for one in check.run(connection):
                if isinstance(one, Progressed):
                    tell(one)
                    continue
                found += 1
                if found <= MOST_KEPT_PER_CHECK:
                    kept.append(one)
    except (DBAPIError, msgspec.DecodeError) as error:
        if isinstance(error, DBAPIError) and not endures:
            raise
        found += 1
        reason = error.orig if isinstance(error, DBAPIError) else error
        kept.append(Violation(check.name, (), f"{check.name} could not be checked to its end: {reason}"))
    milliseconds = round((time.monotonic() - began) * 1000)
    return CheckResult(check.name, check.title, found, milliseconds), kept


def _own_failure(connection: Connection, *, endures: bool) -> AbstractContextManager[object]:
    """Keep a statement that fails from failing all that come after it, as PostgreSQL would have it."""
    is_alone = not endures or connection.dialect.name == "sqlite"
    return nullcontext() if is_alone else connection.begin_nested()


def _sealing(connection: Connection, *, endures: bool) -> Sealing | None:
    try:
        with _own_failure(connection, endures=endures):
            state = sealing_state(connection)
    except DBAPIError as error:
        if not endures:
            raise
        log.warning("seals_unreadable", reason=str(error.orig))
        return None
    oldest = state.oldest_unsealed_at
    age = None if oldest is None else max(0, Clock().wall() - oldest) // SECOND_MS
    return Sealing(state.seals, state.sealed, state.unsealed, age)


def _count_rows(connection: Connection, *, endures: bool) -> dict[str, int]:
    """Return ``table -> rows``; a table that cannot be read to its end is left out (its checks say so)."""
    try:
        with _own_failure(connection, endures=endures):
            return dict(connection.execute(_select_counts(_COUNTED)).one()._mapping)
    except DBAPIError:
        if not endures:
            raise
    counts: dict[str, int] = {}
    for name in _COUNTED:
        try:
            with _own_failure(connection, endures=True):
                counts |= connection.execute(_select_counts((name,))).one()._mapping
        except DBAPIError as error:
            log.warning("table_unreadable", table=name, reason=str(error.orig))
    return counts


@cache
def _select_counts(names: tuple[str, ...]) -> Select[Any]:
    """Return one row of numbers, each by the name of its table."""
    counted = (select(func.count()).select_from(metadata.tables[name]).scalar_subquery().label(name) for name in names)
    return select(*counted)
