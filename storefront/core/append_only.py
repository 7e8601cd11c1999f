"""Triggers that make a table append-only: the database itself refuses UPDATE, DELETE and overwriting.

On SQLite a third trigger is needed, because ``INSERT OR REPLACE`` slips past UPDATE and DELETE triggers; on
PostgreSQL ``ON CONFLICT DO UPDATE`` fires the UPDATE trigger, and TRUNCATE needs one of its own.

The tables in ``REDACTABLE`` hold a text that may be about a person. While an erasure is under way (a row of
``erasures`` says so) that one column may be written over, and nothing else of the row; where a row names its customer,
only while it is theirs.
"""

from collections.abc import Mapping, Sequence

POSTGRES_FUNCTION = "storefront_append_only"
POSTGRES_FUNCTION_BODY = "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END"
REDACTING_FUNCTION = "storefront_redactable"
REDACTING_FUNCTION_BODY = (
    "BEGIN IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - TG_ARGV[0] = to_jsonb(OLD) - TG_ARGV[0] "
    "AND EXISTS (SELECT 1 FROM erasures WHERE state = 'erasing' "
    "AND (TG_NARGS = 1 OR customer_id = to_jsonb(OLD) ->> TG_ARGV[1])) THEN RETURN NEW; END IF; "
    "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END"
)
REDACTABLE: Mapping[str, str] = {"events": "payload", "audit_actions": "facts", "grants": "reason"}
"""Append-only table -> its column that an erasure may write over."""
WHOSE: Mapping[str, str] = {"events": "anchor", "grants": "customer_id"}
"""Table in ``REDACTABLE`` -> the column that names a row's customer. Records of what people did name many things."""
WRITTEN_OVER: Mapping[str, str] = {**REDACTABLE, "holds": "reason"}
"""The same with the tables of the books that no plan changes as rows."""


class LedgerWouldBeLost(Exception):
    """A downgrade would drop rows that prove where money went."""


def append_only_triggers(dialect: str, table: str, primary_key: Sequence[str]) -> list[str]:
    """Return the statements that guard a table on ``sqlite`` or ``postgresql``; each can be run by itself."""
    return _on_postgres(table) if dialect == "postgresql" else _on_sqlite(table, primary_key)


def redactable_triggers(dialect: str, table: str, columns: Sequence[str]) -> list[str]:
    """Return the statements that take the place of those that refuse every UPDATE of a table in ``REDACTABLE``.

    ``columns`` are all of the table's. The triggers have the names of those that they replace.
    """
    if dialect == "postgresql":
        body = REDACTING_FUNCTION_BODY
        function = f"CREATE OR REPLACE FUNCTION {REDACTING_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"
        name, definition = next(iter(redactable_postgres_triggers(table).items()))
        return [function, f"CREATE TRIGGER {name} {definition.replace('{schema}.', '')}"]
    return [_redactable_on_sqlite(table, columns)]


def guards_on_sqlite(table: str, primary_key: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the triggers that stand on an append-only table of a SQLite file today."""
    guards = _on_sqlite(table, primary_key)
    return [_redactable_on_sqlite(table, columns), *guards[1:]] if table in REDACTABLE else guards


def guards_on_postgres(table: str) -> dict[str, str]:
    """Return ``trigger name -> definition``, as PostgreSQL's ``pg_get_triggerdef`` says it, of today's guards."""
    guards = postgres_triggers(table)
    return guards | redactable_postgres_triggers(table) if table in REDACTABLE else guards


def postgres_triggers(table: str) -> dict[str, str]:
    """Return ``trigger name -> definition`` of the guards of a table of which nothing may be written over."""
    return {
        f"{table}_no_change": f"BEFORE DELETE OR UPDATE ON {{schema}}.{table} "
        f"FOR EACH ROW EXECUTE FUNCTION {POSTGRES_FUNCTION}()",
        f"{table}_no_truncate": f"BEFORE TRUNCATE ON {{schema}}.{table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {POSTGRES_FUNCTION}()",
    }


def redactable_postgres_triggers(table: str) -> dict[str, str]:
    """Return ``trigger name -> definition`` of the one guard that is another on a table in ``REDACTABLE``."""
    return {
        f"{table}_no_change": f"BEFORE DELETE OR UPDATE ON {{schema}}.{table} "
        f"FOR EACH ROW EXECUTE FUNCTION {REDACTING_FUNCTION}({', '.join(map(repr, _told_of(table)))})"
    }


def _told_of(table: str) -> list[str]:
    """Return what the function of a guard is told: which column may be written over, and which names the customer."""
    return [REDACTABLE[table], *([WHOSE[table]] if table in WHOSE else ())]


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
    taken = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of our own tables
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {_refuse(table)}; END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {_refuse(table)}; END",
        f"CREATE TRIGGER {table}_no_overwrite BEFORE INSERT ON {table} WHEN {taken} BEGIN {_refuse(table)}; END",
    ]


def _redactable_on_sqlite(table: str, columns: Sequence[str]) -> str:
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in columns if name != REDACTABLE[table])
    whose = f" AND customer_id = OLD.{WHOSE[table]}" if table in WHOSE else ""
    is_erasing = f"EXISTS (SELECT 1 FROM erasures WHERE state = 'erasing'{whose})"  # noqa: S608 - names of our own
    return (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NOT ({same} AND {is_erasing}) "
        f"BEGIN {_refuse(table)}; END"
    )


def _refuse(table: str) -> str:
    return f"SELECT RAISE(ABORT, '{table} is append-only')"
