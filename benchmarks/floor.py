"""The floor for purchases: the very rows that the shop wrote, replayed by the driver without any rule.

The rows of real purchases are read from the shop's file, given fresh ids, and written to an empty copy of
its schema in the same batches with the same settings.
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from storefront.core.commit.sqlite import PRAGMAS, TableStatements
from storefront.core.migrating import CORE, upgrade, writing_engine
from storefront.core.tables import metadata

# Rows of one purchase: the inserted ones, then the ones that are overwritten each time.
INSERTED = ("entries", "transfers", "draws", "item_movements", "purchases", "events", "idempotency")
OVERWRITTEN = ("anchors", "accounts", "lots", "items", "counters")


def replay(shop: Path, folder: Path, *, batch: int, purchases: int) -> float:
    """Return how many purchases a second the driver alone writes, durably, in batches of ``batch``."""
    target = folder / f"floor-{batch}.sqlite"
    engine = writing_engine(target)
    upgrade(engine, [CORE])
    engine.dispose()
    statements = {table.name: TableStatements(table) for table in metadata.sorted_tables}
    sample = _sample(shop, statements)
    connection = sqlite3.connect(target, isolation_level=None, cached_statements=512)
    for pragma in PRAGMAS:
        connection.execute(pragma)
    began = time.perf_counter()
    for first in range(0, purchases, batch):
        connection.execute("BEGIN IMMEDIATE")
        numbers = range(first, min(first + batch, purchases))
        for name in OVERWRITTEN:
            statements[name].update(connection, [sample[name]] * len(numbers))
        for name in INSERTED:
            statements[name].insert(connection, list(_renamed(name, sample[name], numbers)))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return purchases / seconds


def _sample(shop: Path, statements: dict[str, TableStatements]) -> dict[str, dict[str, object]]:
    """Return one row of each table that a purchase writes, as the shop wrote it."""
    source = sqlite3.connect(f"file:{shop}?mode=ro", uri=True)
    source.row_factory = sqlite3.Row
    sample = {}
    for name in (*INSERTED, *OVERWRITTEN):
        where = {"events": "WHERE type = 'purchase.completed'", "accounts": "WHERE guarded = 1"}.get(name, "")
        order = "" if name in OVERWRITTEN else "ORDER BY rowid DESC"
        without_rowid = name != "purchases"
        sample[name] = dict(
            source.execute(f"SELECT * FROM {name} {where} {'' if without_rowid else order} LIMIT 1").fetchone()
        )
    source.close()
    return sample


def _renamed(name: str, row: dict[str, object], numbers: range) -> Iterator[dict[str, object]]:
    key = {"transfers": "entry_id", "draws": "entry_id", "events": "sequence", "idempotency": "key"}.get(name, "id")
    for number in numbers:
        fresh: object = (
            number + 1_000_000
            if key == "sequence"
            else f"ent_{number:026d}"
            if key == "entry_id" or name == "entries"
            else None
        )
        yield {**row, key: fresh if fresh is not None else f"{str(row[key])[:4]}{number:026d}"}
