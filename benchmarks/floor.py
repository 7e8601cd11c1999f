"""The floor for purchases on SQLite: rows that the engine wrote, written again by the driver without any rule.

Same batches, same statements, same settings, same guards, on a copy of the file as it was before; the parameters
lie ready before the clock starts.
"""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

from storefront.core.commit.sqlite import PRAGMAS, TableStatements
from storefront.core.commit.state import Writes
from storefront.core.database import sorted_tables
from storefront.core.tables import metadata


class _Noting:
    """Stands where a connection does, and notes the statements with their parameters."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, Sequence[object]]] = []

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self.noted.append((sql, parameters))


def replay(database: Path, batches: Sequence[Writes]) -> float:
    """Write the batches to ``database``, durably, one transaction each; return the seconds it took."""
    statements = {table.name: TableStatements(table) for table in sorted_tables(metadata)}
    ready = [_parameters(statements, writes) for writes in batches]
    with closing(sqlite3.connect(database, isolation_level=None, cached_statements=512)) as connection:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        began = time.perf_counter()
        for batch in ready:
            connection.execute("BEGIN IMMEDIATE")
            for sql, parameters in batch:
                connection.execute(sql, parameters)
            connection.execute("COMMIT")
        return time.perf_counter() - began


def _parameters(statements: dict[str, TableStatements], writes: Writes) -> list[tuple[str, Sequence[object]]]:
    noting = _Noting()
    connection = cast(sqlite3.Connection, noting)
    anchors = [
        {"id": anchor, "version": v, "sequence": s, "merged_into": None} for anchor, (v, s) in writes.anchors.items()
    ]
    statements["anchors"].update(connection, anchors)
    for name, table in statements.items():
        assert name not in writes.deletes, "a purchase deletes nothing"
        if name in writes.updates:
            table.update(connection, writes.updates[name])
        if name in writes.inserts:
            table.insert(connection, writes.inserts[name])
    return noting.noted
