"""The emulator's own SQLite file: objects, events, deliveries, idempotency records, settings.

One thread owns the connection, one transaction at a time; a change, its events, the
webhooks they cause and the idempotency record are committed together or not at all.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from storefront.sandbox.errors import SandboxLocked

Answer = TypeVar("Answer")
Body = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL UNIQUE,
    kind   TEXT NOT NULL,
    body   TEXT NOT NULL,
    hidden TEXT NOT NULL DEFAULT '{}',
    owner  TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_payment_intent ON objects (kind, json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS objects_customer ON objects (kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS sessions_open ON objects (json_extract(body, '$.expires_at'))
    WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open';
CREATE TABLE IF NOT EXISTS deliveries (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'dropped', 'delivered', 'dead')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_ms      INTEGER NOT NULL,
    answer      TEXT,
    skew_seconds INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (state, due_ms) WHERE state IN ('waiting', 'held');
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS idempotency (
    key          TEXT PRIMARY KEY,
    operation    TEXT NOT NULL,
    parameters   TEXT NOT NULL,
    status       INTEGER NOT NULL,
    body         BLOB NOT NULL,
    request_id   TEXT NOT NULL,
    created_ms   INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS due (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    deed      TEXT NOT NULL,
    object_id TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS due_at ON due (at, seq);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


PLATFORM = ""  # the owner of what belongs to the emulated account itself, not to a connected one


class Records:
    """The rows as plain mappings, inside one transaction of the owning thread.

    ``owner`` is the account whose objects are seen and added: ``PLATFORM``, the id of a connected account, or
    ``None`` to see those of all (and to add to the platform's).
    """

    def __init__(self, connection: sqlite3.Connection, owner: str | None = None) -> None:
        self.connection = connection
        self.owner = owner

    def insert(self, body: Body, *, hidden: Mapping[str, Any] | None = None) -> Body:
        """Add an object; its ``object`` member is its kind. Returns the body."""
        self.connection.execute(
            "INSERT INTO objects (id, kind, body, hidden, owner) VALUES (?, ?, ?, ?, ?)",
            (body["id"], body["object"], _as_text(body), _as_text(dict(hidden or {})), self.owner or PLATFORM),
        )
        return body

    def find(self, kind: str, object_id: str) -> Body | None:
        """The object with this id, if it is of this kind and of this owner."""
        row = self.connection.execute(
            "SELECT body FROM objects WHERE id = ?1 AND kind = ?2 AND (?3 IS NULL OR owner = ?3)",
            (object_id, kind, self.owner),
        ).fetchone()
        return msgspec.json.decode(row[0]) if row else None

    def find_any(self, object_id: str) -> Body | None:
        """The object with this id, whatever it is and whosever it is."""
        row = self.connection.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
        return msgspec.json.decode(row[0]) if row else None

    def hidden(self, object_id: str) -> Body:
        """What the emulator knows about an object and no answer shows."""
        row = self.connection.execute("SELECT hidden FROM objects WHERE id = ?", (object_id,)).fetchone()
        return msgspec.json.decode(row[0]) if row else {}

    def save(self, body: Body, *, hidden: Mapping[str, Any] | None = None) -> Body:
        """Write a changed object back; ``hidden`` is left alone when not given."""
        self.connection.execute("UPDATE objects SET body = ? WHERE id = ?", (_as_text(body), body["id"]))
        if hidden is not None:
            self.connection.execute("UPDATE objects SET hidden = ? WHERE id = ?", (_as_text(hidden), body["id"]))
        return body

    def delete(self, object_id: str) -> None:
        """Remove an object for good."""
        self.connection.execute("DELETE FROM objects WHERE id = ?", (object_id,))

    def select(
        self,
        kind: str,
        conditions: Iterable[tuple[str, object]] = (),
        *,
        oldest_first: bool = False,
        limit: int = -1,
    ) -> list[Body]:
        """Objects of a kind, newest first, that meet all conditions.

        A condition is SQL text with one ``?`` (or several, for a tuple of values), written in this package only.
        """
        clauses: list[str] = ["kind = ?"]
        values: list[object] = [kind]
        if self.owner is not None:
            clauses.append("owner = ?")
            values.append(self.owner)
        for sql, value in conditions:
            clauses.append(sql)
            values.extend(value if isinstance(value, tuple) else (value,))
        order = "ASC" if oldest_first else "DESC"
        sql = f"SELECT body FROM objects WHERE {' AND '.join(clauses)} ORDER BY seq {order} LIMIT ?"  # noqa: S608
        return [msgspec.json.decode(row[0]) for row in self.connection.execute(sql, (*values, limit))]

    def position(self, kind: str, object_id: str) -> int | None:
        """Where an object stands in the order of creation."""
        row = self.connection.execute(
            "SELECT seq FROM objects WHERE id = ?1 AND kind = ?2 AND (?3 IS NULL OR owner = ?3)",
            (object_id, kind, self.owner),
        ).fetchone()
        return int(row[0]) if row else None

    def owner_of(self, object_id: str) -> str:
        """The account that an object belongs to."""
        row = self.connection.execute("SELECT owner FROM objects WHERE id = ?", (object_id,)).fetchone()
        return str(row[0]) if row else PLATFORM

    def setting(self, name: str, default: Any = None) -> Any:
        """One stored setting, as JSON."""
        row = self.connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return msgspec.json.decode(row[0]) if row else default

    def set_setting(self, name: str, value: Any) -> None:
        """Store one setting, as JSON."""
        self.connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, _as_text(value)))


class Store:
    """Opens and locks the file, and runs functions in transactions on its own thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-store")

    async def open(self) -> None:
        """Take the lock and open the file, making it if needed.

        Raises:
            SandboxLocked: another process, or another emulator in this one, has it open.
        """
        self._lock = self._take_lock()
        try:
            await self._on_thread(self._connect)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish the running transaction, close the file, give the lock back."""
        await self._on_thread(self._disconnect)
        self._thread.shutdown(wait=True)
        if self._lock is not None:
            self._lock.close()

    async def run(self, work: Callable[[Records], Answer]) -> Answer:
        """Run ``work`` in one durable transaction; an exception rolls everything back."""
        return await self._on_thread(lambda: self._transact(work))

    async def _on_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _take_lock(self) -> IO[str]:
        lock = self.path.with_name(self.path.name + ".lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise SandboxLocked(
                f"{self.path} is in use by another sandbox. There is one per data folder, and a "
                "shop runs it by itself unless gateways.sandbox.url says where it is."
            ) from error
        return lock

    def _connect(self) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_SCHEMA)
        _bring_up(connection)
        self._connection = connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, work: Callable[[Records], Answer]) -> Answer:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the sandbox's file is not open")
        connection.execute("BEGIN IMMEDIATE")
        try:
            answer = work(Records(connection))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return answer


def _as_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _bring_up(connection: sqlite3.Connection) -> None:
    """Add what a file of an earlier version lacks."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(deliveries)")}
    if "skew_seconds" not in columns:
        connection.execute("ALTER TABLE deliveries ADD COLUMN skew_seconds INTEGER NOT NULL DEFAULT 0")
    if "owner" not in {row[1] for row in connection.execute("PRAGMA table_info(objects)")}:
        # From before there were connected accounts: all of it is the platform's.
        connection.execute("ALTER TABLE objects ADD COLUMN owner TEXT NOT NULL DEFAULT ''")
