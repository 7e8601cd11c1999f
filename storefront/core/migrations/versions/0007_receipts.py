"""Receipts and credit notes, numbered and signed after the commit, and the public keys that prove them."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APPEND_ONLY = (("receipt_keys", ("kid",)), ("receipts", ("series", "number")))


def upgrade() -> None:
    op.create_table(
        "receipt_keys",
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("jwk", TEXT, nullable=False),
        sa.Column("first_used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "receipts",
        sa.Column("series", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("commit_no", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("jws", TEXT, nullable=False),
        sa.CheckConstraint("number > 0", name="receipt_number_positive"),
        sa.CheckConstraint("kind IN ('receipt', 'credit_note')", name="receipt_kind_known"),
        sa.PrimaryKeyConstraint("series", "number"),
        sa.UniqueConstraint("about"),
    )
    op.create_index("receipts_by_purchase", "receipts", ["purchase_id"])
    dialect = op.get_context().dialect.name
    for table, primary_key in APPEND_ONLY:
        for statement in append_only_triggers(dialect, table, primary_key):
            op.execute(statement)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM receipts LIMIT 1")).first() is not None:
        raise LedgerWouldBeLost("receipts has rows whose numbers were given to buyers")
    # Nobody may number again from where a table that is gone had stopped.
    op.execute("DELETE FROM settings WHERE key = 'receipts_cursor'")
    op.drop_table("receipts")
    op.drop_table("receipt_keys")
