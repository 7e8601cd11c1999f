"""The migrated database is the one that the tables describe, and it guards what may only grow."""

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import BigInteger, Integer, LargeBinary, create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from storefront.core.append_only import guards_on_sqlite
from storefront.core.sqlite_database import SqliteDatabase
from storefront.core.tables import APPEND_ONLY, metadata
from storefront.testing.empty_files import lay_tables


@pytest.fixture
def migrated(tmp_path):
    database = SqliteDatabase(tmp_path / "migrated.db")
    asyncio.run(lay_tables(database))
    return database.path


@pytest.fixture
def declared(tmp_path):
    """A database made from the tables alone, guards included."""
    path = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for table in APPEND_ONLY:
            primary_key = [column.name for column in table.primary_key]
            for trigger in guards_on_sqlite(table.name, primary_key, table.columns.keys()):
                connection.exec_driver_sql(trigger)
    engine.dispose()
    return path


def objects(path, kind: str) -> dict[str, str]:
    """Return name -> SQL, blanks and quotes aside; alembic's own tables left out."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL", (kind,))
        return {name: re.sub(r'[\s"]+', " ", sql) for name, sql in rows if not name.startswith("storefront_version")}


def described(path) -> dict:
    engine = create_engine(f"sqlite:///{path}")
    found = inspect(engine)
    tables = [name for name in found.get_table_names() if not name.startswith("storefront_version")]
    shape = {
        name: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], c["default"], c["primary_key"])
                for c in found.get_columns(name)
            ],
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted(str(key) for key in found.get_foreign_keys(name)),
            "unique": sorted(str(key["column_names"]) for key in found.get_unique_constraints(name)),
            "checks": sorted((c["name"], c["sqltext"]) for c in found.get_check_constraints(name)),
            "options": found.get_table_options(name),
        }
        for name in tables
    }
    engine.dispose()
    return shape


# SQLAlchemy cannot read an index on an expression back; the next test compares what was written of each.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_tables_are_as_declared(migrated, declared):
    assert described(migrated) == described(declared)
    assert len(described(migrated)) == len(metadata.tables)


@pytest.mark.parametrize("kind", ["index", "trigger"])
def test_indexes_and_triggers_are_as_declared(migrated, declared, kind):
    assert objects(migrated, kind) == objects(declared, kind)
    assert objects(migrated, kind) != {}


def test_migrating_twice_changes_nothing(migrated):
    before = {kind: objects(migrated, kind) for kind in ("table", "index", "trigger")}
    asyncio.run(SqliteDatabase(migrated).migrate())
    assert {kind: objects(migrated, kind) for kind in ("table", "index", "trigger")} == before


def sample(column) -> object:
    if isinstance(column.type, LargeBinary):
        return b"x"
    return 1 if isinstance(column.type, BigInteger | Integer) else f"a {column.name}"


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
def test_rows_that_may_only_be_added_cannot_be_changed(migrated, table):
    row = {column.name: sample(column) for column in table.columns}
    if table.name == "transfers":
        row |= {"source": "a", "destination": "b"}
    if table.name == "receipts":
        row |= {"kind": "receipt"}
    if table.name == "customer_transfers":
        row |= {"sku": None}
    if table.name == "usage_lines":
        row |= {"kind": "period"}
    names, places = ", ".join(row), ", ".join("?" * len(row))
    with closing(sqlite3.connect(migrated, isolation_level=None)) as connection:
        connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(row.values()))
        before = connection.execute(f"SELECT * FROM {table.name}").fetchall()
        others = [column.name for column in table.columns if not column.primary_key]
        column = (others or list(row))[0]
        changed = list({**row, **({column: 2} if others else {})}.values())
        for statement, values in [
            (f"UPDATE {table.name} SET {column} = {column}", []),
            (f"DELETE FROM {table.name}", []),
            (f"INSERT OR REPLACE INTO {table.name} ({names}) VALUES ({places})", changed),
            (f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES ({places})", changed),
        ]:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement, values)
        assert connection.execute(f"SELECT * FROM {table.name}").fetchall() == before


def test_a_wallet_below_zero_is_refused_by_the_database_too(migrated):
    with closing(sqlite3.connect(migrated)) as connection:
        insert = "INSERT INTO accounts VALUES ('customer:cus_a:gems', 'customer:cus_a', 'wallet', 'gems', ?, -1, NULL)"
        with pytest.raises(sqlite3.IntegrityError, match="guarded_account_not_below_zero"):
            connection.execute(insert, (1,))
        connection.execute(insert, (0,))


def test_every_table_can_be_written_for_other_databases():
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
        for index in table.indexes:
            wanted = "CREATE UNIQUE INDEX" if index.unique else "CREATE INDEX"
            assert wanted in str(CreateIndex(index).compile(dialect=postgresql.dialect()))
