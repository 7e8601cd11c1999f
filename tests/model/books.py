"""The real shop of one example: the commit engine over a fresh database, and a clock to set."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from storefront.core.audit import verify_database
from storefront.core.clock import Clock
from storefront.core.commit.engine import CommitEngine
from storefront.core.commit.outcome import Outcome
from storefront.core.commit.plan import Plan
from storefront.core.database import Database

NOW = 1_800_000_000_000
Rows = list[dict[str, Any]]
TABLES = {
    "lots": "SELECT * FROM lots ORDER BY id",
    "accounts": "SELECT * FROM accounts WHERE guarded = 1",
    "moved": "SELECT account, sum(amount) AS amount FROM (SELECT destination AS account, amount FROM transfers"
    " UNION ALL SELECT source, -amount FROM transfers) AS both_ways GROUP BY account",
    "items": "SELECT customer_id, sku, quantity, frozen FROM items",
    "counters": "SELECT key, value FROM counters WHERE key NOT LIKE 'reversed:%'",
    "holds": "SELECT id, amount, state, captured FROM holds",
    "freezes": "SELECT id, state, waiting FROM freezes",
    "debts": "SELECT customer_id, asset, amount, repay_percent, block_spending FROM debts",
    "keys": "SELECT key, state FROM idempotency",
    "claims": "SELECT key FROM claims",
    "purchases": "SELECT id, refunded FROM purchases",
}
"""What the model is compared with, after every step."""


class Look(Protocol):
    """Reads behind the engine's back."""

    async def all(self, sql: str) -> Rows: ...

    async def close(self) -> None: ...


class Books:
    """An open shop. Everything happens in one loop, which the test owns."""

    def __init__(self, database: Database, look: Look, read: Callable[..., Awaitable[Any]]) -> None:
        self.database = database
        self.now = NOW
        self.engine = CommitEngine(database.store, Clock(lambda: self.now))
        self.read = read
        self._look = look

    async def commit(self, plans: Sequence[Plan]) -> list[Outcome | BaseException]:
        """Commit the plans together, in their order."""
        return await asyncio.gather(*(self.engine.commit(plan) for plan in plans), return_exceptions=True)

    async def rows(self) -> dict[str, Rows]:
        """Read all that the model is compared with."""
        return {name: await self._look.all(sql) for name, sql in TABLES.items()}

    async def violations(self) -> str:
        """Audit the books, deep; return what is wrong with them. It reads through ``read``, whose engine lasts."""
        report = await verify_database(self, deep=True)
        return report.explain()

    async def close(self) -> None:
        await self.engine.stop()
        await self._look.close()
