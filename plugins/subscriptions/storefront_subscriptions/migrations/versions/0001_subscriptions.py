"""Subscriptions, which of them is the current one of its family, and invoices."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("family", TEXT, nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("catalog_version", TEXT, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("seats", sa.BigInteger(), nullable=False),
        sa.Column("pay_with", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=True),
        sa.Column("billing_state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("anchor", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.BigInteger(), nullable=False),
        sa.Column("period_end", sa.BigInteger(), nullable=False),
        sa.Column("access_until", sa.BigInteger(), nullable=True),
        sa.Column("ends_with_period", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", TEXT, nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "subscriptions_current",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("family", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "family"),
    )
    op.create_table(
        "subscriptions_invoices",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("catalog_version", TEXT, nullable=False),
        sa.Column("lines", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=True),
        sa.Column("failed_purchase_id", TEXT, nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.BigInteger(), nullable=True),
        sa.Column("period_end", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("subscription_id", "period", name="subscriptions_invoice_once"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("subscriptions_by_customer", "subscriptions", ["customer_id", "id"])


def downgrade() -> None:
    """Go back as long as nobody has subscribed: what was paid for would be lost."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM subscriptions LIMIT 1")).first() is not None:
        raise LedgerWouldBeLost("subscriptions has rows, which nothing before revision 0001 knows")
    for table in ("subscriptions_invoices", "subscriptions_current", "subscriptions"):
        op.drop_table(table)
