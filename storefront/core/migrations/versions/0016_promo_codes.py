"""Promo codes and referrals."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLES = ("referrals", "referral_codes", "redemptions", "promo_codes")


def upgrade() -> None:
    op.create_table(
        "promo_codes",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("campaign", TEXT, nullable=True),
        sa.Column("batch", TEXT, nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", TEXT, nullable=True),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(campaign IS NULL) = (batch IS NULL)", name="promo_code_of_a_batch"),
        sa.PrimaryKeyConstraint("code"),
        sa.UniqueConstraint("campaign", "batch", "number", name="promo_code_numbered_once"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "redemptions",
        sa.Column("purchase_id", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("is_counted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_first", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('reserved', 'redeemed', 'given_back')", name="redemption_state_known"),
        sa.CheckConstraint("amount > 0", name="redemption_of_something"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"]),
        sa.PrimaryKeyConstraint("purchase_id", "code"),
        sqlite_with_rowid=False,
    )
    op.create_index("redemptions_by_code", "redemptions", ["code"])
    op.create_index("redemptions_by_name", "redemptions", ["name", "purchase_id"])
    op.create_table(
        "referral_codes",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
        sa.UniqueConstraint("code"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "referrals",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("referrer_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=True),
        sa.Column("rewards", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'qualified', 'rewarded', 'canceled', 'clawed_back')", name="referral_state_known"
        ),
        sa.CheckConstraint("customer_id <> referrer_id", name="referral_of_another"),
        sa.PrimaryKeyConstraint("customer_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("referrals_by_referrer", "referrals", ["referrer_id", "customer_id"])
    op.create_index("referrals_by_purchase", "referrals", ["purchase_id"])


def downgrade() -> None:
    for table in _TABLES:
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise LedgerWouldBeLost(f"{table} has rows: codes that were used could be used again")
    for table in _TABLES:
        op.drop_table(table)
