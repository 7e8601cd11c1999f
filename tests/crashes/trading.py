"""A shop's trade on a recorded disk: real plans, the real engine and store; who was answered when; the books then.

Nothing is committed but through ``CommitEngine``. What the books were after each commit is kept beside them, from
the writes that the engine handed to the store, and is the measure for what a power cut leaves.
"""

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from storefront.core.accounts import issuance, sink
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Answer, Outcome
from storefront.core.commit.plan import (
    Claim,
    Deposit,
    GrantItem,
    IdempotencyKey,
    Insert,
    LotsOf,
    LotTerms,
    Plan,
    Spend,
)
from storefront.core.commit.sqlite import PRAGMAS, SqliteStore
from storefront.core.commit.state import State, Writes
from storefront.core.commit.store import Decide, Wanted
from storefront.core.database import sorted_tables
from storefront.core.ids import new_id
from storefront.core.purchasing import event_payload
from storefront.core.sqlite_database import SqliteDatabase
from storefront.core.tables import metadata

from .power import Event, Recorder

NOW = 1_763_717_400_000  # 2025-11-21 09:30 UTC
DATABASE = "storefront.sqlite"
PRICE = 15
CATALOG = {"offers": {"potion": {"prices": {"gems": PRICE}, "limits": []}}}
# So few pages that the log is checkpointed and begun anew every few commits.
CHECKPOINT_PAGES = 60
TABLES: Mapping[str, Table] = metadata.tables

Rows = dict[tuple[str, tuple[Any, ...]], tuple[Any, ...]]
"""(table, primary key) -> the row."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One plan was answered when the log was ``position`` events long; it is part of commit ``commit_no``."""

    position: int
    commit_no: int


@dataclass(slots=True)
class Recording:
    """What happened: the files at the beginning, the events after it, the answers, the books after each commit."""

    files: dict[str, bytes]
    log: list[Event]
    answers: list[Answered] = field(default_factory=list)
    books: dict[int, Rows] = field(default_factory=dict)


class Witness:
    """Stands between engine and store, and keeps what the books are after each commit."""

    lanes = 1

    def __init__(self, store: SqliteStore, books: dict[int, Rows]) -> None:
        self._store = store
        self._books = books

    async def transact(self, wanted: Wanted, decide: Decide) -> int:
        written: list[Writes] = []

        def decide_and_tell(state: State, commit_no: int) -> Writes:
            written.append(decide(state, commit_no))
            return written[-1]

        commit_no = await self._store.transact(wanted, decide_and_tell)
        rows = dict(self._books[commit_no - 1])
        _write(rows, written[-1])
        self._books[commit_no] = rows
        return commit_no


async def record(folder: Path, rounds: Iterator[list[Plan]], *, restart_after: int = 0, **pragmas: str) -> Recording:
    """Trade round by round, the plans of a round at once, and restart the shop after some of them.

    ``pragmas`` are set after the store's own, such as ``synchronous="OFF"``.
    """
    path = folder / DATABASE
    database = SqliteDatabase(path)
    await database.open(mode="sandbox")
    await database.close()
    recorder = Recorder()
    recording = Recording({DATABASE: path.read_bytes()}, recorder.log, books={0: read_rows(path)})
    for part in ([next(rounds) for _ in range(restart_after)], rounds):
        async with _opened(path, recorder, recording, pragmas) as engine:
            for plans in part:
                await asyncio.gather(*(_ask(engine, plan, recording) for plan in plans))
    return recording


async def _ask(engine: CommitEngine, plan: Plan, recording: Recording) -> Outcome:
    outcome = await engine.commit(plan)
    recording.answers.append(Answered(len(recording.log), outcome.moment.commit_no))
    return outcome


@asynccontextmanager
async def _opened(
    path: Path, recorder: Recorder, recording: Recording, pragmas: Mapping[str, str]
) -> AsyncIterator[CommitEngine]:
    more = {"wal_autocheckpoint": str(CHECKPOINT_PAGES), **pragmas}
    store = SqliteStore(
        path,
        sorted_tables(metadata),
        connect=recorder.connect,
        pragmas=(*PRAGMAS, *(f"PRAGMA {name}={value}" for name, value in more.items())),
    )
    await store.open()
    engine = CommitEngine(Witness(store, recording.books), Clock(lambda: NOW))
    engine.start()
    yield engine
    await engine.stop()
    await store.close()


def read_rows(path: Path) -> Rows:
    """Read all rows of the core's tables; raises ``sqlite3.Error`` where the file is damaged."""
    rows: Rows = {}
    with closing(sqlite3.connect(path)) as connection:
        for name, table in TABLES.items():
            columns = ", ".join(column.name for column in table.columns)
            for row in connection.execute(f"SELECT {columns} FROM {name}"):
                rows[_address(table, row)] = row
    return rows


def _address(table: Table, row: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    return table.name, tuple(row[table.columns.values().index(column)] for column in table.primary_key.columns)


def _write(rows: Rows, writes: Writes) -> None:
    """Do to the rows what a store does to its tables."""
    for name, gone in writes.deletes.items():
        for identity in gone:
            del rows[name, tuple(identity)]
    for written in (writes.updates, writes.inserts):
        for name, news in written.items():
            for new in news:
                row = tuple(new[column.name] for column in TABLES[name].columns)
                rows[_address(TABLES[name], row)] = row
    for anchor, (version, sequence) in writes.anchors.items():
        rows["anchors", (anchor,)] = (anchor, version, sequence, writes.merged.get(anchor))


class Customers:
    """What customers of a small shop do, as plans; ``chance`` chooses who and what."""

    def __init__(self, chance: random.Random, count: int) -> None:
        self._chance = chance
        self._ids = [new_id("cus") for _ in range(count)]

    def come(self) -> list[Plan]:
        """Return the first round: the catalog is stored, and every customer comes with gems."""
        opening = Plan(actor="test", anchors={"shop"})
        version = {"hash": "cat_1", "document": json.dumps(CATALOG), "stored_at": NOW}
        opening.add(Insert("catalog_versions", ("cat_1",), None, version))
        opening.emit("catalog.stored", anchor="shop", subject="cat_1", payload={})
        return [opening, *(_arrival(customer_id, f"player-{n}") for n, customer_id in enumerate(self._ids))]

    def act(self) -> list[Plan]:
        """Return a round of one to six purchases and deposits."""
        return [self._chance.choice((self.buy, self.buy, self.earn))() for _ in range(self._chance.randint(1, 6))]

    def buy(self) -> Plan:
        return _purchase(self._chance.choice(self._ids))

    def earn(self) -> Plan:
        return deposit(self._chance.choice(self._ids), 40)


def _arrival(customer_id: str, external_id: str) -> Plan:
    plan = deposit(customer_id, 100_000)
    plan.add(Claim(f"customer:{external_id}", customer_id))
    row = {"id": customer_id, "external_id": external_id, "country": None, "created_at": NOW, "merged_into": None,
           "merged_at": None, "erased_at": None}  # fmt: skip
    plan.add(Insert("customers", (customer_id,), customer_id, row))
    plan.emit("customer.created", anchor=customer_id, subject=customer_id, payload={"id": customer_id})
    return plan


def deposit(customer_id: str, amount: int) -> Plan:
    plan = Plan(actor="test", anchors={customer_id})
    plan.entry("reward", about="quest", anchor=customer_id)
    plan.add(Deposit("entry", customer_id, "gems", amount, issuance("gems"), LotTerms(source=f"reward {amount}")))
    return plan


def _purchase(customer_id: str) -> Plan:
    """A potion from the wallet, under an idempotency key: what ``core/purchases.py`` plans."""
    purchase_id = new_id("pur")
    key = IdempotencyKey("sk_1", "POST /v1/purchases", f"key-{purchase_id}", b"f" * 32)
    plan = Plan(actor="test", anchors={customer_id}, idempotency=key, object_id=purchase_id)
    entry_id = plan.entry("purchase.settled", about=purchase_id, anchor=customer_id)
    plan.add(Spend("entry", customer_id, "gems", PRICE, sink("gems")))
    plan.add(GrantItem(customer_id, "potion", 1, purchase_id, bought_with=LotsOf("spend")))
    goods = {"type": "offer", "sku": "potion", "total": {"amount": PRICE, "currency": "gems"}}
    row = {
        "id": purchase_id, "customer_id": customer_id, "sku": "potion", "kind": "item", "quantity": 1,
        "status": "completed", "refunded": "none", "dispute": "none", "pay_with": "wallet", "payment_state": "none",
        "currency": "gems", "total": PRICE, "catalog_version": "cat_1", "lines": json.dumps([goods]),
        "reserved": "[]", "details": "{}", "metadata": "{}", "entry_id": entry_id, "reason": None,
        "created_at": NOW, "updated_at": NOW, "completed_at": NOW, "expires_at": None,
        "auto_top_up": None, "bill": None, "recipient_id": None,
    }  # fmt: skip
    plan.add(Insert("purchases", (purchase_id,), customer_id, row))
    plan.emit("purchase.completed", anchor=customer_id, subject=purchase_id, payload=event_payload(row))
    plan.answer = lambda outcome: Answer(201, json.dumps({"id": purchase_id}).encode())
    return plan
