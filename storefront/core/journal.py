"""The journal for accountants: each transfer of a month as one posting, debit and credit, and totals that balance.

A transfer's source is debited and its destination credited: a sale debits the gateway's clearing account and
credits revenue; minting debits issuance and credits a customer's wallet. A month is half-open, in UTC, by business
time (``occurred_at``). Accounts carry our own customer ids, so nothing personal is exported unless asked for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, Select, func, select, union

from storefront.core.clock import iso, parse_iso
from storefront.core.spreadsheets import harmless
from storefront.core.tables import customers, entries, transfers

COLUMNS = ("date", "entry", "kind", "about", "debit", "credit", "asset", "amount", "actor")
_ROWS_AT_ONCE = 1_000
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

Mapped = Sequence[tuple[str, str]]
"""``(pattern, name)`` in order; the first pattern that fits an account names it."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC as half-open ``[begins, ends)``, milliseconds."""

    name: str
    begins: int
    ends: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read ``2026-11``; raises ``ValueError``."""
        if not _MONTH.fullmatch(text):
            raise ValueError("a month is written as in 2026-11")
        year, month = int(text[:4]), int(text[5:])
        begins = datetime(year, month, 1, tzinfo=UTC)
        ends = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return cls(text, parse_iso(begins.isoformat()), parse_iso(ends.isoformat()))


@dataclass(frozen=True, slots=True)
class Total:
    """What an account (or all that a mapping calls so) was debited and credited in a month, in smallest units."""

    account: str
    asset: str
    debit: int
    credit: int


class Names:
    """What accounts are called in the export: mapped, or by their own ids, or with the game's customer ids."""

    def __init__(self, connection: Connection, mapped: Mapped, *, with_customer_names: bool) -> None:
        self._connection = connection
        self._mapped = mapped
        self._with_customer_names = with_customer_names
        self._known: dict[str, str] = {}

    def of(self, account: str) -> str:
        """Return an account's name."""
        if account not in self._known:
            self._known[account] = self.mapped(account) or self._readable(account)
        return self._known[account]

    def mapped(self, account: str) -> str | None:
        """Return what the mapping calls an account, or None where no pattern fits."""
        return next((name for pattern, name in self._mapped if fnmatchcase(account, pattern)), None)

    def _readable(self, account: str) -> str:
        owner, _, rest = account.partition(":")
        if owner != "customer" or not self._with_customer_names:
            return account
        customer_id, _, role = rest.partition(":")
        statement = select(customers.c.external_id).where(customers.c.id == customer_id)
        return f"customer:{self._connection.execute(statement).scalar() or customer_id}:{role}"


def begin_snapshot(connection: Connection) -> None:
    """Make all that is read after this see one moment of the database, whose writers wait for nothing."""
    if connection.dialect.name == "sqlite":
        # Python's driver opens no transaction for reads by itself.
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def count_postings(connection: Connection, month: Month) -> int:
    """Count the postings of a month."""
    return int(connection.execute(select(func.count()).select_from(_postings(month).subquery())).scalar_one())


def accounts_of(connection: Connection, month: Month) -> list[str]:
    """Return the accounts that moved in a month, sorted."""
    moved = _postings(month).subquery()
    statement = union(select(moved.c.source.label("account")), select(moved.c.destination))
    return sorted(connection.execute(statement).scalars())


def totals_of(connection: Connection, month: Month, names: Names) -> list[Total]:
    """Sum up a month under the names of the accounts that moved; per asset, debits equal credits."""
    moved = _postings(month).subquery()
    sums: dict[tuple[str, str], list[int]] = {}
    for side, column in enumerate((moved.c.source, moved.c.destination)):
        statement = select(column, moved.c.asset, func.sum(moved.c.amount)).group_by(column, moved.c.asset)
        for account, asset, amount in connection.execute(statement):
            sums.setdefault((names.of(account), asset), [0, 0])[side] += int(amount)
    return [Total(account, asset, debit, credit) for (account, asset), (debit, credit) in sorted(sums.items())]


def postings(
    connection: Connection, month: Month, names: Names, exponents: Mapping[str, int]
) -> Iterator[tuple[str, ...]]:
    """Yield the month's postings as cells for ``COLUMNS``, in commit order, a page at a time.

    No cell begins a formula: a spreadsheet would run what a stranger wrote into an id (ASVS 1.2.10).
    """
    statement = _postings(month).order_by(entries.c.commit_no, entries.c.id, transfers.c.position)
    for row in connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}):
        amount = show_amount(row.amount, exponents.get(row.asset, 0))
        cells = (iso(row.occurred_at), row.id, row.kind, row.about, names.of(row.source), names.of(row.destination))
        yield tuple(harmless(cell) for cell in (*cells, row.asset, amount, row.actor))


def show_amount(amount: int, exponent: int) -> str:
    """Write smallest units as a decimal: ``499`` with exponent 2 is ``4.99``."""
    return f"{Decimal(amount).scaleb(-exponent):f}"


def _postings(month: Month) -> Select[Any]:
    return (
        select(
            entries.c.id,
            entries.c.occurred_at,
            entries.c.kind,
            entries.c.about,
            entries.c.actor,
            transfers.c.source,
            transfers.c.destination,
            transfers.c.asset,
            transfers.c.amount,
        )
        .join(transfers, transfers.c.entry_id == entries.c.id)
        .where(entries.c.occurred_at >= month.begins, entries.c.occurred_at < month.ends)
    )
