"""What reversals leave open: freezes of value and goods, debts, and rights that a freeze suspends."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.add_column("entitlements", sa.Column("frozen_by", TEXT, nullable=True))
    op.create_table(
        "freezes",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("demand", TEXT, nullable=False),
        sa.Column("parts", TEXT, nullable=False),
        sa.Column("items", TEXT, nullable=False),
        sa.Column("rights", TEXT, nullable=False),
        sa.Column("waiting", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'released', 'taken')", name="freeze_state_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("freezes_by_customer", "freezes", ["customer_id", "id"])
    op.create_index("freezes_open", "freezes", ["customer_id"], sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
    op.create_table(
        "debts",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("repay_percent", sa.Integer(), nullable=False),
        sa.Column("block_spending", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name="debt_not_below_zero"),
        sa.CheckConstraint("repay_percent BETWEEN 1 AND 100", name="debt_repay_percent_sane"),
        sa.PrimaryKeyConstraint("customer_id", "asset"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back while nobody ever owed and nothing was ever frozen: neither can be found again from other rows."""
    connection = op.get_bind()
    for table in ("freezes", "debts"):
        if connection.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:
            raise LedgerWouldBeLost(f"{table} has rows that revision 0004 has no place for")
    for table in ("debts", "freezes"):
        op.drop_table(table)
    op.drop_column("entitlements", "frozen_by")
