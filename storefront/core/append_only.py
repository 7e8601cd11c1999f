"""Triggers that make a table append-only: the database itself refuses UPDATE, DELETE and overwriting.

On SQLite a third trigger is needed, because ``INSERT OR REPLACE`` slips past UPDATE and DELETE triggers; on
PostgreSQL ``ON CONFLICT DO UPDATE`` fires the UPDATE trigger, and TRUNCATE needs one of its own.
"""

from collections.abc import Sequence

POSTGRES_FUNCTION = "storefront_append_only"
POSTGRES_FUNCTION_BODY = "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END"


class LedgerWouldBeLost(Exception):
    """A downgrade would drop rows that prove where money went."""


def append_only_triggers(dialect: str, table: str, primary_key: Sequence[str]) -> list[str]:
    """Return the statements that guard a table on ``sqlite`` or ``postgresql``; each can be run by itself."""
    return _on_postgres(table) if dialect == "postgresql" else _on_sqlite(table, primary_key)


def postgres_triggers(table: str) -> dict[str, str]:
    """Return ``trigger name -> definition`` as PostgreSQL's ``pg_get_triggerdef`` says it."""
    return {
        f"{table}_no_change": f"BEFORE DELETE OR UPDATE ON {{schema}}.{table} "
        f"FOR EACH ROW EXECUTE FUNCTION {POSTGRES_FUNCTION}()",
        f"{table}_no_truncate": f"BEFORE TRUNCATE ON {{schema}}.{table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {POSTGRES_FUNCTION}()",
    }


def _on_postgres(table: str) -> list[str]:
    function = (
        f"CREATE OR REPLACE FUNCTION {POSTGRES_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ {POSTGRES_FUNCTION_BODY} $$"
    )
    triggers = [
        f"CREATE TRIGGER {name} {definition.replace('{schema}.', '')}"
        for name, definition in postgres_triggers(table).items()
    ]
    return [function, *triggers]


def _on_sqlite(table: str, primary_key: Sequence[str]) -> list[str]:
    same = " AND ".join(f"{name} = NEW.{name}" for name in primary_key)
    refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
    taken = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of our own tables
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END",
        f"CREATE TRIGGER {table}_no_overwrite BEFORE INSERT ON {table} WHEN {taken} BEGIN {refuse}; END",
    ]
