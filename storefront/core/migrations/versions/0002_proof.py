"""What proves the books: credits behind lots, holds, grants, reversals, checkpoints, seals; entries in commit order."""

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
    """Go back while nothing but derived rows would be lost: what proves where money went stays."""
    connection = op.get_bind()
    for table in ("holds", "grants", "reversals"):
        if connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one():
            raise LedgerWouldBeLost(f"{table} has rows that revision 0001 has no place for")
    if connection.execute(sa.text("SELECT count(*) FROM entries WHERE facts IS NOT NULL")).scalar_one():
        raise LedgerWouldBeLost("entries carry facts that revision 0001 has no place for")
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


def _credit_old_lots() -> None:
    """Write the credits of lots that were opened before credits were kept.

    Each transfer into a wallet opened the lot of the same instant, or joined one that still lacks credits.
    """
    connection = op.get_bind()
    lots: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(sa.text("SELECT * FROM lots ORDER BY account, opened_at, id")).mappings():
        lots.setdefault(row["account"], []).append({**row, "open": row["amount"]})
    into = sa.text(
        "SELECT t.entry_id, t.position, t.destination, t.amount, e.occurred_at FROM transfers t"
        " JOIN entries e ON e.id = t.entry_id JOIN accounts a ON a.id = t.destination AND a.role = 'wallet'"
        " ORDER BY e.commit_no, t.entry_id, t.position"
    )
    numbers: dict[str, int] = {}
    for row in connection.execute(into).mappings().all():
        left = row["amount"]
        for lot in sorted(lots.get(row["destination"], ()), key=lambda one: one["opened_at"] != row["occurred_at"]):
            part = min(left, lot["open"])
            if part:
                number = numbers[row["entry_id"]] = numbers.get(row["entry_id"], -1) + 1
                _write_credit(connection, row, number, lot, part)
                lot["open"] -= part
                left -= part


def _write_credit(connection: sa.Connection, row: Any, number: int, lot: dict[str, Any], amount: int) -> None:
    cost = None if lot["cost_amount"] is None else lot["cost_amount"] * amount // lot["amount"]
    connection.execute(
        sa.text(
            "INSERT INTO credits VALUES (:entry_id, :position, :transfer, :lot_id, :amount, :source, :payment,"
            " :cost_amount, :cost_currency, :priority, :expires_at)"
        ),
        {
            "entry_id": row["entry_id"],
            "position": number,
            "transfer": row["position"],
            "lot_id": lot["id"],
            "amount": amount,
            "cost_amount": cost,
            **{name: lot[name] for name in ("source", "payment", "cost_currency", "priority", "expires_at")},
        },
    )
