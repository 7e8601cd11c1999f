"""What proves the books: credits behind lots, holds, grants, reversals, checkpoints, seals; entries in commit order."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    ("credits", ("entry_id", "position")),
    ("grants", ("id",)),
    ("seals", ("number",)),
    ("seal_leaves", ("number",)),
)
_IS_OPEN = sa.text("state = 'open'")
_ROWS_AT_ONCE = 500
_CREDITS = sa.table(
    "credits",
    *(
        sa.column(name)
        for name in ("entry_id", "position", "transfer", "lot_id", "amount", "source", "payment", "cost_amount",
                     "cost_currency", "priority", "expires_at")
    ),
)  # fmt: skip
_LOTS = """
    SELECT l.*, p.purchase_id FROM lots l LEFT JOIN payments p ON p.id = l.payment
    ORDER BY l.account, l.opened_at, l.id
"""
# The engine numbers the credits of an entry in the order of its transfers.
_INTO_WALLETS = """
    SELECT t.entry_id, t.position, t.destination, t.amount, e.about, e.occurred_at,
           row_number() OVER (PARTITION BY t.entry_id ORDER BY t.position) - 1 AS number
    FROM transfers t JOIN entries e ON e.id = t.entry_id
    JOIN accounts a ON a.id = t.destination AND a.role = 'wallet'
    ORDER BY t.destination, e.commit_no, t.entry_id, t.position
"""


def upgrade() -> None:
    op.add_column("entries", sa.Column("facts", TEXT, nullable=True))
    op.create_index("entries_in_commit_order", "entries", ["commit_no", "id"])
    _create_credits()
    _create_holds()
    _create_grants()
    _create_reversals()
    op.create_table(
        "checkpoints",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sqlite_with_rowid=False,
    )
    _create_seals()
    _credit_old_lots()
    dialect = op.get_context().dialect.name
    for table, primary_key in APPEND_ONLY:
        for statement in append_only_triggers(dialect, table, primary_key):
            op.execute(statement)


def downgrade() -> None:
    """Go back while nothing would be lost that an upgrade does not write again: credits and checkpoints may go.

    Seals may not, although entries could be sealed anew: other batches have other hashes, and an anchor
    that was given away would no longer be found in the books.
    """
    connection = op.get_bind()
    for table in ("holds", "grants", "reversals", "seals"):
        if connection.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:
            raise LedgerWouldBeLost(f"{table} has rows that revision 0001 has no place for")
    if connection.execute(sa.text("SELECT 1 FROM entries WHERE facts IS NOT NULL LIMIT 1")).first() is not None:
        raise LedgerWouldBeLost("entries carry facts that revision 0001 has no place for")
    if not _can_be_derived(connection):
        raise LedgerWouldBeLost("credits say which lot got what, and revision 0001 could not tell it again")
    for table in ("seal_leaves", "seals", "checkpoints", "reversals", "grants", "holds", "credits"):
        op.drop_table(table)
    op.drop_index("entries_in_commit_order", "entries")
    op.drop_column("entries", "facts")


def _create_credits() -> None:
    op.create_table(
        "credits",
        sa.Column("entry_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transfer", sa.Integer(), nullable=False),
        sa.Column("lot_id", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("payment", TEXT, nullable=True),
        sa.Column("cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("cost_currency", TEXT, nullable=True),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount > 0", name="credit_amount_positive"),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"]),
        sa.PrimaryKeyConstraint("entry_id", "position"),
        sqlite_with_rowid=False,
    )


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("pins", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "amount > 0 AND captured >= 0 AND captured <= amount", name="hold_captured_within_amount"
        ),
        sa.CheckConstraint("state IN ('open', 'captured', 'released', 'expired')", name="hold_state_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("holds_by_customer", "holds", ["customer_id", "id"])
    op.create_index("holds_open", "holds", ["account"], sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("asset", TEXT, nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("sku", TEXT, nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("asset IS NOT NULL OR sku IS NOT NULL", name="grant_of_something"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("grants_by_customer", "grants", ["customer_id", "id"])


def _create_reversals() -> None:
    op.create_table(
        "reversals",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("taken_back", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount >= 0", name="reversal_amount_sane"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("purchase_id", "number", name="reversal_number_once"),
    )


def _create_seals() -> None:
    op.create_table(
        "seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_commit_no", sa.BigInteger(), nullable=False),
        sa.Column("last_commit_no", sa.BigInteger(), nullable=False),
        sa.Column("last_entry_id", TEXT, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("entries_so_far", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "seal_leaves",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


@dataclass(slots=True)
class _Lot:
    """A lot, and how much of what it was given has not been explained by a transfer yet."""

    row: Mapping[str, Any]
    open: int
    open_cost: int | None


def _derive_credits(connection: sa.Connection) -> Generator[dict[str, Any], None, None]:
    """Yield the credit of each transfer into a wallet, wallet by wallet: what its lot was given, on which terms.

    Revision 0001 put each such transfer into exactly one lot, but did not write down which.
    """
    with (
        closing(_stream(connection, "lots", _LOTS)) as stored,
        closing(_stream(connection, "transfers", _INTO_WALLETS)) as transfers,
    ):
        lots = groupby(stored, key=lambda row: str(row["account"]))
        account, given = next(lots, (None, iter(())))
        for wallet, moved in groupby(transfers, key=lambda row: str(row["destination"])):
            while account is not None and account < wallet:
                account, given = next(lots, (None, iter(())))
            found = [_Lot(row, row["amount"], row["cost_amount"]) for row in given] if account == wallet else []
            for transfer in moved:
                lot = _lot_of(transfer, found)
                # Books in which a lot is missing or too small are as wrong afterwards as before: the audit names it.
                if lot is not None:
                    yield _credit(transfer, lot)


def _stream(connection: sa.Connection, name: str, statement: str) -> Generator[Mapping[str, Any], None, None]:
    """Yield rows a page at a time.

    On PostgreSQL by a cursor of our own that is closed at the end: no table can be altered that one still reads,
    and the driver's stay open until the transaction ends.
    """
    if connection.dialect.name != "postgresql":
        rows = connection.execute(sa.text(statement), execution_options={"yield_per": _ROWS_AT_ONCE})
        yield from (row._asdict() for row in rows)
        return
    connection.execute(sa.text(f"DECLARE migrating_{name} NO SCROLL CURSOR FOR {statement}"))
    try:
        while page := connection.execute(sa.text(f"FETCH {_ROWS_AT_ONCE} FROM migrating_{name}")).all():
            yield from (row._asdict() for row in page)
    finally:
        connection.execute(sa.text(f"CLOSE migrating_{name}"))


def _lot_of(transfer: Mapping[str, Any], lots: list[_Lot]) -> _Lot | None:
    """Choose the lot that was opened for this payment, else at this instant, else the oldest with room for it."""
    amount = transfer["amount"]
    candidates = [lot for lot in lots if lot.open >= amount]
    return min(
        candidates,
        key=lambda lot: (
            transfer["about"] not in (lot.row["payment"], lot.row["purchase_id"]),
            lot.row["opened_at"] != transfer["occurred_at"],
            lot.open != amount,
        ),
        default=None,
    )


def _credit(transfer: Mapping[str, Any], lot: _Lot) -> dict[str, Any]:
    """Take a transfer out of a lot; the credit that fills a lot up gets the rest of its cost."""
    row, amount = lot.row, transfer["amount"]
    cost = lot.open_cost
    if cost is not None and amount < lot.open:
        cost = row["cost_amount"] * amount // row["amount"]
    lot.open -= amount
    lot.open_cost = None if lot.open_cost is None or cost is None else lot.open_cost - cost
    return {
        "entry_id": transfer["entry_id"],
        "position": transfer["number"],
        "transfer": transfer["position"],
        "lot_id": row["id"],
        "amount": amount,
        "cost_amount": cost,
        **{name: row[name] for name in ("source", "payment", "cost_currency", "priority", "expires_at")},
    }


def _credit_old_lots() -> None:
    """Write the credits of lots that were opened before credits were kept."""
    connection = op.get_bind()
    derived = _derive_credits(connection)
    while rows := list(islice(derived, _ROWS_AT_ONCE)):
        connection.execute(_CREDITS.insert(), rows)


def _can_be_derived(connection: sa.Connection) -> bool:
    """Tell whether an upgrade would write the very credits that stand here, so that nothing is lost without them."""
    number = 0
    with closing(_derive_credits(connection)) as derived:
        for number, credit in enumerate(derived, start=1):
            here = sa.and_(_CREDITS.c.entry_id == credit["entry_id"], _CREDITS.c.position == credit["position"])
            stored = connection.execute(sa.select(_CREDITS).where(here)).mappings().first()
            if stored is None or dict(stored) != credit:
                return False
    return number == connection.execute(sa.select(sa.func.count()).select_from(_CREDITS)).scalar_one()
