"""The store on PostgreSQL: a few connections, each running one batch at a time, any number of processes.

A batch is four round trips: begin and lock the anchors; load; write; commit. The anchors are locked with
advisory locks, in order, *before* the transaction gets its number: so what happens to one anchor has rising
commit numbers, a row that does not exist yet can be locked, and no row is written for a lock's sake. Loading
is a statement of its own, because one that waits for a lock reads from before the wait.

What went wrong before COMMIT was sent is tried again: nothing was written. When the reply to COMMIT is lost,
the database is asked what became of the transaction. Its number alone does not say: after a crash PostgreSQL gives
numbers again whose transactions never reached its log, so a row of the transaction is looked for as well.
Source: PostgreSQL 18 documentation, sections 9.28.10 (advisory locks), 9.27.9 (pg_xact_status), read 2026-11-26.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache

import asyncpg
import structlog
from sqlalchemy import Table

from storefront.core.commit.outcome import CommitUnknown, DatabaseAway
from storefront.core.commit.postgres_statements import PostgresStatements, search_sql
from storefront.core.commit.state import Writes
from storefront.core.commit.store import EPOCH_BITS, Decide, Wanted

TIMES_TRIED = 8
TRIES_FOR_SECONDS = 3.0
"""How long a batch is tried again while the database is away; a quick restart is not even noticed."""
STATEMENT_SECONDS = 10.0
LOCK_SECONDS = 5.0

WRITER_SETTINGS = {
    "application_name": "storefront-writer",
    "synchronous_commit": "on",
    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
    "lock_timeout": str(int(LOCK_SECONDS * 1000)),
    "idle_in_transaction_session_timeout": str(int(STATEMENT_SECONDS * 1000)),
    # Every statement looks rows up by their keys; a plan made while a table was small must not scan it later.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}

CONNECTION_LOST = (
    OSError,
    EOFError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.InternalClientError,
    TimeoutError,
)
_IN_EACH_OTHERS_WAY = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)

_MARKED = ("events", "entries")
"""Tables that are only appended to; their rows carry ids of their own and the number of their commit."""

log = structlog.get_logger("storefront.commit")


class BadValue(Exception):
    """A row holds a value that its column cannot: an error of the plan's author."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transaction whose COMMIT was sent, and how to find out whether it has happened."""

    xid: int
    commit_no: int
    open_accounts: frozenset[str]
    writes: Writes

    @property
    def mark(self) -> tuple[str, str] | None:
        """Return (table, id) of a row that is there if and only if it happened: its id was made for it."""
        return next(((table, self.writes.inserts[table][0]["id"]) for table in _MARKED if table in self.writes.inserts),
                    None)  # fmt: skip


class _ReplyLost(Exception):
    """The line broke between COMMIT and its reply, by ``how``."""

    def __init__(self, sent: _Sent, how: Exception) -> None:
        super().__init__()
        self.sent = sent
        self.how = how


class PostgresStore:
    """Runs batches on a pool of connections; see ``Store``."""

    def __init__(self, url: str, tables: Sequence[Table], *, lanes: int = 2) -> None:
        self.lanes = lanes
        self._url = url
        self._statements = PostgresStatements(tables)
        self._pool: asyncpg.Pool | None = None
        self._epoch = 0
        self._open_accounts: set[str] = set()

    async def open(self, *, epoch: int) -> None:
        self._epoch = epoch
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self.lanes,
            command_timeout=STATEMENT_SECONDS * 2,
            max_inactive_connection_lifetime=0,
            statement_cache_size=512,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            reset=_keep_as_it_is,
            server_settings=WRITER_SETTINGS,
        )

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def transact(self, wanted: Wanted, decide: Decide) -> int:
        loop = asyncio.get_running_loop()
        until, tries = loop.time() + TRIES_FOR_SECONDS, 0
        while True:
            tries += 1
            try:
                sent = await self._transact(wanted, decide)
                self._open_accounts |= sent.open_accounts
                return sent.commit_no
            except asyncpg.UniqueViolationError as error:
                # Somebody without a common anchor was first (a claim, a key): the next load sees their row.
                if tries >= TIMES_TRIED:
                    raise
                log.info("batch_tried_again", reason=error.constraint_name)
            except _IN_EACH_OTHERS_WAY as error:
                if tries >= TIMES_TRIED or loop.time() >= until:
                    raise DatabaseAway from error
                log.info("batch_tried_again", reason=type(error).__name__)
            except CONNECTION_LOST as error:
                if loop.time() >= until:
                    raise DatabaseAway from error
            except (asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError) as error:
                raise DatabaseAway from error
            # Jitter, so that two batches that met do not meet again.
            await asyncio.sleep(random.uniform(0.2, 1.0) * min(0.01 * 2**tries, 0.3))  # noqa: S311

    async def _transact(self, wanted: Wanted, decide: Decide) -> _Sent:
        """Run one batch once; raises as if it had failed, if it is certain that it has not happened."""
        try:
            async with self._connection() as connection:
                await connection.execute(_begin(wanted.anchors))
                sql, arguments, loading = self._statements.load(wanted)
                row = await connection.fetchrow(sql, *arguments)
                xid = int(row[0])
                state = loading.state(tuple(row)[1:], self._open_accounts.copy())
                for search in wanted.searches:
                    loading.keep_found(state, search, await connection.fetchval(search_sql(search)))
                commit_no = (self._epoch << EPOCH_BITS) | xid
                writes = decide(state, commit_no)
                if wanted.searches and writes.deletes:
                    # A row under a new key has the unique columns of the one that goes: that goes first.
                    sql, arguments = self._statements.write(Writes(deletes=writes.deletes))
                    await connection.execute(sql, *arguments)
                    writes.deletes = {}
                if writes:
                    sql, arguments = self._statements.write(writes)
                    await connection.execute(sql, *arguments)
                sent = _Sent(xid, commit_no, frozenset(state.open_accounts), writes)
                await _commit(connection, sent)
        except _ReplyLost as lost:  # its connection is given back by now: every lane may have to ask at once
            if not await self._has_happened(lost.sent, lost.how):
                raise lost.how from None
            return lost.sent
        return sent

    async def _has_happened(self, sent: _Sent, lost: BaseException) -> bool:
        """Find out what became of a transaction whose COMMIT was not answered.

        Raises:
            CommitUnknown: the database does not say, or says too little to be sure.
        """
        if not sent.writes:
            return True  # it only read, and what it read is there
        loop = asyncio.get_running_loop()
        until = loop.time() + STATEMENT_SECONDS
        log.warning("commit_reply_lost", reason=str(lost))
        while loop.time() < until:
            try:
                async with self._connection() as connection:
                    status = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", str(sent.xid))
                    if status == "committed" and sent.mark is not None:
                        return await _is_there(connection, sent.commit_no, *sent.mark)
            except asyncpg.InvalidParameterValueError:
                return False  # after a crash the number has not even been given again
            except (*CONNECTION_LOST, asyncpg.PostgresError):
                status = None
            if status == "committed":
                break  # this one, or after a crash another one of the same number
            if status == "aborted":
                return False
            await asyncio.sleep(0.1)
        raise CommitUnknown from lost

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Give a connection, which is thrown away if what runs on it fails: the pool makes a new one."""
        assert self._pool is not None, "the store is open while the engine runs"
        connection = await self._pool.acquire(timeout=STATEMENT_SECONDS)
        try:
            yield connection
        except CONNECTION_LOST as error:
            if isinstance(error, ValueError):  # a value that the driver cannot send: nothing is wrong with the line
                await _roll_back(connection)
                raise BadValue(str(error)) from error
            _throw_away(connection)
            raise
        except _ReplyLost:
            _throw_away(connection)
            raise
        except BaseException:
            await _roll_back(connection)
            raise
        finally:
            await self._pool.release(connection)


async def _commit(connection: asyncpg.Connection, sent: _Sent) -> None:
    """Commit, and believe nothing but the word COMMIT: after an error the server answers ROLLBACK."""
    try:
        status = await connection.execute("COMMIT")
    except CONNECTION_LOST as lost:
        raise _ReplyLost(sent, lost) from lost
    if status != "COMMIT":
        raise DatabaseAway from RuntimeError(f"the server answered {status} to COMMIT")


async def _is_there(connection: asyncpg.Connection, commit_no: int, table: str, row_id: str) -> bool:
    found = f"SELECT EXISTS (SELECT FROM {table} WHERE commit_no = $1 AND id = $2)"  # noqa: S608
    return bool(await connection.fetchval(found, commit_no, row_id))


async def _keep_as_it_is(connection: asyncpg.Connection) -> None:
    """Spare the round trip that would set back what no batch ever changes."""


async def _roll_back(connection: asyncpg.Connection) -> None:
    """End the transaction, or the connection. Never raises: what went wrong before is what counts."""
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    except (*CONNECTION_LOST, asyncpg.PostgresError):
        _throw_away(connection)


def _throw_away(connection: asyncpg.Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # one that broke has gone back to its pool by itself, and answers nothing
        connection.terminate()


def _begin(anchors: Sequence[str]) -> str:
    """Return one simple query that begins a transaction and locks its anchors in order; it holds numbers only."""
    if not anchors:
        return "BEGIN ISOLATION LEVEL READ COMMITTED"
    keys = sorted({anchor_lock(anchor) for anchor in anchors})
    listed = ",".join(map(str, keys))
    lock = f"SELECT pg_advisory_xact_lock(k) FROM unnest('{{{listed}}}'::bigint[]) AS k"  # noqa: S608
    return f"BEGIN ISOLATION LEVEL READ COMMITTED; {lock}"


@lru_cache(maxsize=50_000)
def anchor_lock(anchor: str) -> int:
    """Return the number of an anchor's advisory lock; two anchors that share one merely wait for each other."""
    return int.from_bytes(hashlib.blake2b(anchor.encode(), digest_size=8).digest(), signed=True)
