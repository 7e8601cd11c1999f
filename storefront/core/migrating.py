"""Migrations: the core's history and one per plugin, each with a version table of its own.

The core goes first; a plugin that is off or gone leaves its tables and its version alone. On SQLite a
migration runs with foreign keys off and ends with a check of them, in one transaction per history.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from alembic.config import Config as AlembicConfig
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool, Pool

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.compiling import share_compiled
from storefront.core.errors import StorefrontError

_ANY_FILE = make_url("sqlite://")
CORE_MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationFailed(StorefrontError):
    """The database cannot be brought to the revision that this program needs."""

    code = "migration_failed"
    title = "The database could not be migrated"


@dataclass(frozen=True, slots=True)
class History:
    """One chain of migrations: ``core`` or a plugin's name, and the folder that holds ``versions/``."""

    name: str
    folder: Path

    @property
    def version_table(self) -> str:
        return "storefront_version" if self.name == "core" else f"storefront_version_{self.name}"


CORE = History("core", CORE_MIGRATIONS)


@dataclass(frozen=True, slots=True)
class Revision:
    """Where a history stands in a database, and where this program wants it."""

    history: str
    current: str | None
    wanted: str | None


def writing_engine(path: Path, *, pool: type[Pool] = NullPool) -> Engine:
    """Return an engine for migrations on a SQLite file: real transactions for DDL, foreign keys off.

    With ``StaticPool`` it keeps one connection for all, until it is disposed of: each new one reads the whole schema.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=pool)
    share_compiled(engine, _ANY_FILE)

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def upgrade(engine: Engine, histories: Sequence[History]) -> list[Revision]:
    """Bring every history to its head, core first, and return where each stood before.

    Raises:
        MigrationFailed: the database is newer than this program, or a step failed; it is as it was.
    """
    before = []
    for history in histories:
        with engine.begin() as connection:
            before.append(migrate_history(connection, history))
    return before


def wanted_history(histories: Sequence[History], name: str, revision: str) -> History:
    """Return a history by its name, if it has that revision (or ``head`` or ``base``).

    Raises:
        MigrationFailed: there is no such history or revision.
    """
    known = {history.name: history for history in histories}
    if name not in known:
        raise MigrationFailed(f"There is no history called {name}; there are: {', '.join(known)}.")
    there = _known(known[name])
    if revision not in ("base", "head", *there):
        raise MigrationFailed(
            f"There is no revision {revision} of {_owner(known[name])}; there are: base, {', '.join(there)}."
        )
    return known[name]


def migrate_history(connection: Connection, history: History, revision: str = "head") -> Revision:
    """Bring one history up or down to a revision inside the connection's transaction; return where it stood before.

    Raises:
        MigrationFailed: roll the transaction back, and the database is as it was.
    """
    try:
        before = revisions_of(connection, history)
        if revision == "head" and before.current == before.wanted:
            return before
        _run(connection, history, before, revision)
        _check_foreign_keys(connection, history)
    except MigrationFailed:
        raise
    except LedgerWouldBeLost as error:
        raise MigrationFailed(
            f"The ledger would lose rows: {error}. Nothing was changed. The way back to before an upgrade is the "
            "backup that was made before it."
        ) from error
    except Exception as error:  # a plugin's migration is foreign code: say whose it was
        raise MigrationFailed(
            f"The migrations of {_owner(history)} failed, and its tables are as they were: {error}"
        ) from error
    return before


def revisions(engine: Engine, histories: Sequence[History]) -> list[Revision]:
    """Tell where each history stands and what it should be, without changing anything."""
    with engine.connect() as connection:
        return [revisions_of(connection, history) for history in histories]


def revisions_of(connection: Connection, history: History) -> Revision:
    """Tell where one history stands and what it should be."""
    context = MigrationContext.configure(connection, opts={"version_table": history.version_table})
    _, script = _script(history)
    return Revision(history.name, context.get_current_revision(), script.get_current_head())


def is_newer(found: Revision, histories: Sequence[History]) -> bool:
    """Tell whether a database stands at a revision that this program has never heard of."""
    (history,) = [history for history in histories if history.name == found.history]
    return found.current is not None and found.current not in _known(history)


def _known(history: History) -> list[str]:
    """Return the revisions of a history, oldest first."""
    _, script = _script(history)
    return [step.revision for step in script.walk_revisions()][::-1]


@lru_cache(32)
def _script(history: History) -> tuple[AlembicConfig, ScriptDirectory]:
    config = AlembicConfig()
    config.set_main_option("script_location", str(history.folder))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def _run(connection: Connection, history: History, stands: Revision, revision: str) -> None:
    config, script = _script(history)
    if stands.current is not None and stands.current not in _known(history):
        raise MigrationFailed(
            f"This database was written by a newer version of {_owner(history)} (its revision is "
            f"{stands.current}, this program knows {stands.wanted}); install that version, or restore a backup "
            "from before the upgrade."
        )
    environment = EnvironmentContext(config, script, fn=_steps(script, stands, revision))
    with environment:
        environment.configure(connection=connection, version_table=history.version_table, transactional_ddl=True)
        environment.run_migrations()


def _steps(script: ScriptDirectory, stands: Revision, revision: str) -> Callable[..., Sequence[object]]:
    """Return what alembic asks for the steps to run: those down, where the wanted revision was passed already."""
    passed: set[str] = set()
    if stands.current is not None:
        passed = {
            step.revision for step in script.iterate_revisions(stands.current, "base") if isinstance(step, Script)
        }
    if revision == "base" or (revision in passed and revision != stands.current):
        return lambda current, context: script._downgrade_revs(revision, current)
    return lambda current, context: script._upgrade_revs(revision, current)


def _owner(history: History) -> str:
    return "Storefront" if history.name == "core" else f"the plugin {history.name}"


def _check_foreign_keys(connection: Connection, history: History) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            raise MigrationFailed(f"Migrating {history.name} would leave rows without their parents: {broken[:5]}")
