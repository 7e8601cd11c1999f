"""Payments and refunds that an operator marks by hand."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "manual_payments",
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("success_url", TEXT, nullable=False),
        sa.Column("cancel_url", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('awaiting', 'received', 'voided')", name="manual_payment_state_known"),
        sa.CheckConstraint("amount > 0 AND refunded BETWEEN 0 AND amount", name="manual_refund_within_payment"),
        sa.PrimaryKeyConstraint("reference"),
        sa.UniqueConstraint("purchase_id"),
    )
    op.create_index("manual_payments_by_state", "manual_payments", ["state", "opened_at"])
    op.create_table(
        "manual_refunds",
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("reversal_id", TEXT, nullable=False),
        sa.Column("payment", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'succeeded')", name="manual_refund_state_known"),
        sa.CheckConstraint("amount > 0", name="manual_refund_of_something"),
        sa.ForeignKeyConstraint(["payment"], ["manual_payments.reference"]),
        sa.PrimaryKeyConstraint("reference"),
        sa.UniqueConstraint("reversal_id"),
    )
    op.create_index("manual_refunds_by_payment", "manual_refunds", ["payment"])


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM manual_payments LIMIT 1")).first() is not None:
        raise LedgerWouldBeLost("manual_payments has rows: no gateway could tell them again")
    op.drop_table("manual_refunds")
    op.drop_table("manual_payments")
