"""What one batch says to PostgreSQL: one statement that loads all rows, one that writes all of them.

Every statement is a round trip, and on a lone purchase round trips are what takes the time. Rows travel as
arrays, so that a few prepared statements serve every number of rows. Loaded rows come back as JSON, one
value a table: that is one row to the driver, however many there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Dialect, LargeBinary, Table
from sqlalchemy.dialects import postgresql

from storefront.core.commit.merging import Search
from storefront.core.commit.state import Address, Row, State, Writes
from storefront.core.commit.store import GROUP_COLUMNS, GROUP_CONDITION, Wanted

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

_WITHOUT_ANCHOR = frozenset({"claims", "idempotency", "accounts", "alarms", "catalog_versions", "usage_ids"})
"""Tables whose rows no anchor guards: written sorted, so that batches that meet wait for each other in one order."""


class PostgresTable:
    """One table's part in the statements."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.columns = tuple(column.name for column in table.columns)
        self.primary_key = tuple(column.name for column in table.primary_key.columns)
        self.group_columns = GROUP_COLUMNS.get(table.name, ())
        self._types = {column.name: _type_name(column.type.compile(_DIALECT)) for column in table.columns}
        self._binary = tuple(column.name for column in table.columns if isinstance(column.type, LargeBinary))

    def arrays(self, names: Sequence[str], first: int) -> str:
        """Return ``unnest($3::text[], $4::bigint[]) AS k(customer_id, number)``, parameters counted from ``first``."""
        parameters = ", ".join(f"${first + n}::{self._types[name]}[]" for n, name in enumerate(names))
        return f"unnest({parameters}) AS k({', '.join(names)})"

    def load_rows(self, first: int) -> str:
        return self._load(self.primary_key, first, "")

    def load_groups(self, first: int) -> str:
        condition = GROUP_CONDITION.get(self.name)
        return self._load(self.group_columns, first, f" AND t.{condition}" if condition else "")

    def _load(self, key: Sequence[str], first: int, condition: str) -> str:
        matches = " AND ".join(f"t.{name} = k.{name}" for name in key)
        # OFFSET 0 keeps the planner from turning the look-ups into a scan of the table.
        return (
            f"(SELECT json_agg(found) FROM {self.arrays(key, first)} CROSS JOIN LATERAL"  # noqa: S608
            f" (SELECT t.* FROM {self.name} t WHERE {matches}{condition} OFFSET 0) found)"
        )

    def insert(self, first: int) -> str:
        shown = ", ".join(self.columns)
        # Open accounts may be made by any process, and anchors are written whole.
        conflict = {"accounts": " ON CONFLICT (id) DO NOTHING", "anchors": _UPSERT_ANCHOR}.get(self.name, "")
        return f"INSERT INTO {self.name} ({shown}) SELECT * FROM {self.arrays(self.columns, first)}{conflict}"  # noqa: S608

    def update(self, first: int) -> str:
        changed = ", ".join(f"{name} = k.{name}" for name in self.columns if name not in self.primary_key)
        matches = " AND ".join(f"t.{name} = k.{name}" for name in self.primary_key)
        return f"UPDATE {self.name} t SET {changed} FROM {self.arrays(self.columns, first)} WHERE {matches}"  # noqa: S608

    def delete(self, first: int) -> str:
        matches = " AND ".join(f"t.{name} = k.{name}" for name in self.primary_key)
        return f"DELETE FROM {self.name} t USING {self.arrays(self.primary_key, first)} WHERE {matches}"  # noqa: S608

    def read(self, rows: Iterable[dict[str, Any]]) -> Iterable[tuple[Address, Row]]:
        """Return loaded rows with their addresses; bytes come as hexadecimal text in JSON."""
        for row in rows:
            for name in self._binary:
                if row[name] is not None:
                    row[name] = bytes.fromhex(row[name][2:])
            yield (self.name, tuple(row[name] for name in self.primary_key)), row


def search_sql(search: Search) -> str:
    """Return the statement of a search, whose one value is what it finds, as JSON."""
    # OFFSET 0 keeps the rows apart from how they are gathered, as everywhere here.
    return f"SELECT json_agg(found) FROM (SELECT * FROM {search.table} WHERE {search.where} OFFSET 0) found"  # noqa: S608


@lru_cache(512)
def _part_of(table: Table) -> PostgresTable:
    """Return a table's part, made once a process: a table never changes."""
    return PostgresTable(table)


_UPSERT_ANCHOR = (
    " ON CONFLICT (id) DO UPDATE"
    " SET version = excluded.version, sequence = excluded.sequence, merged_into = excluded.merged_into"
)


def _type_name(compiled: str) -> str:
    return compiled.partition(" COLLATE ")[0].lower()


class PostgresStatements:
    """Builds and remembers the statements for the tables of one shop."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = {table.name: _part_of(table) for table in tables}
        self._load_sql = lru_cache(maxsize=512)(self._build_load)
        self._write_sql = lru_cache(maxsize=512)(self._build_write)

    def load(self, wanted: Wanted) -> tuple[str, list[Sequence[Any]], "Loading"]:
        """Return the statement, its arguments, and what reads its one row."""
        keys: dict[str, list[tuple[str | int, ...]]] = {"anchors": [(anchor,) for anchor in wanted.anchors]}
        for key in wanted.keys:
            keys.setdefault(key.table, []).append(key.id)
        groups: dict[str, list[tuple[str, ...]]] = {}
        for group in wanted.groups:
            groups.setdefault(group.table, []).append(group.id)
        arguments = [list(column) for identities in keys.values() for column in zip(*identities, strict=True)]
        if not wanted.anchors:
            arguments.insert(0, [])
        arguments += [list(column) for identities in groups.values() for column in zip(*identities, strict=True)]
        return self._load_sql(tuple(keys), tuple(groups)), list(arguments), Loading(self._tables, wanted, keys, groups)

    def write(self, writes: Writes) -> tuple[str, list[Sequence[Any]]]:
        """Return one statement that writes all the differences, and its arguments."""
        shape: list[tuple[str, str]] = []
        arguments: list[Sequence[Any]] = []
        if writes.anchors:
            shape.append(("insert", "anchors"))
            names = sorted(writes.anchors)
            versions, sequences = zip(*(writes.anchors[name] for name in names), strict=True)
            arguments += [names, versions, sequences, [writes.merged.get(name) for name in names]]
        for name, table in self._tables.items():
            if name in writes.deletes:
                shape.append(("delete", name))
                arguments += zip(*sorted(writes.deletes[name]), strict=True)
            if name in writes.updates:
                shape.append(("update", name))
                arguments += _columns(writes.updates[name], table.columns)
            if name in writes.inserts:
                shape.append(("insert", name))
                rows = writes.inserts[name]
                if name in _WITHOUT_ANCHOR:
                    rows = sorted(rows, key=lambda row, table=table: [row[part] for part in table.primary_key])  # type: ignore[misc]
                arguments += _columns(rows, table.columns)
        return self._write_sql(tuple(shape)), arguments

    def _build_load(self, keys: tuple[str, ...], groups: tuple[str, ...]) -> str:
        parts, first = [], 1
        for name in keys:
            parts.append(self._tables[name].load_rows(first))
            first += len(self._tables[name].primary_key)
        for name in groups:
            parts.append(self._tables[name].load_groups(first))
            first += len(self._tables[name].group_columns)
        return f"SELECT pg_current_xact_id()::text::bigint, {', '.join(parts)}"

    def _build_write(self, shape: tuple[tuple[str, str], ...]) -> str:
        parts, first = [], 1
        for verb, name in shape:
            table = self._tables[name]
            sql: str = getattr(table, verb)(first)
            parts.append(f"{verb}_{name} AS ({sql})")
            first += len(table.primary_key if verb == "delete" else table.columns)
        return f"WITH {', '.join(parts)} SELECT 1"


class Loading:
    """Turns the one row of a load statement into the state that plans are applied to."""

    def __init__(
        self,
        tables: Mapping[str, PostgresTable],
        wanted: Wanted,
        keys: Mapping[str, Sequence[tuple[str | int, ...]]],
        groups: Mapping[str, Sequence[tuple[str, ...]]],
    ) -> None:
        self._tables = tables
        self._wanted = wanted
        self._keys = keys
        self._groups = groups

    def state(self, values: Sequence[Any], open_accounts: set[str]) -> State:
        """Build the state from the statement's values (after the transaction's number)."""
        state = State(open_accounts=open_accounts)
        state.anchors = dict.fromkeys(self._wanted.anchors, (0, 0))
        at = 0
        for name, identities in self._keys.items():
            if name == "anchors":
                for found in _decoded(values[at]):
                    state.anchors[found["id"]] = (found["version"], found["sequence"])
                    if found["merged_into"] is not None:
                        state.merged[found["id"]] = found["merged_into"]
            else:
                state.rows.update(((name, identity), None) for identity in identities)
                self._keep(state, name, values[at])
            at += 1
        for name, identities in self._groups.items():
            state.groups.update(((name, identity), []) for identity in identities)
            columns = self._tables[name].group_columns
            for address, row in self._keep(state, name, values[at]):
                state.groups[(name, tuple(row[column] for column in columns))].append(address)
            at += 1
        return state

    def keep_found(self, state: State, search: Search, found: str | None) -> None:
        """Add what a search has found to the state."""
        state.found[search] = [address for address, _ in self._keep(state, search.table, found)]

    def _keep(self, state: State, name: str, found: str | None) -> list[tuple[Address, Row]]:
        kept = list(self._tables[name].read(_decoded(found)))
        for address, row in kept:
            state.rows[address] = row
            state.stored.add(address)
        return kept


def _decoded(found: str | None) -> list[dict[str, Any]]:
    return [] if found is None else msgspec.json.decode(found)


def _columns(rows: Sequence[Row], names: Sequence[str]) -> list[list[Any]]:
    return [[row[name] for row in rows] for name in names]
