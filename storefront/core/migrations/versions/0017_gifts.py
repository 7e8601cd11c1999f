"""Gifts and transfers between customers: who receives, who gave, and whose wallets an entry of another one touched."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

APPEND_ONLY = (("shared_entries", ("customer_id", "entry_id")), ("customer_transfers", ("id",)))
_IS_GIFT = sa.text("recipient_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("purchases", sa.Column("recipient_id", TEXT, nullable=True))
    op.create_index(
        "purchases_by_recipient", "purchases", ["recipient_id", "id"], sqlite_where=_IS_GIFT, postgresql_where=_IS_GIFT
    )
    op.add_column("entitlements", sa.Column("given_by", TEXT, nullable=True))
    op.create_table(
        "shared_entries",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "entry_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_transfers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("recipient_id", TEXT, nullable=False),
        sa.Column("asset", TEXT, nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.Column("sku", TEXT, nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("instances", TEXT, nullable=True),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(asset IS NULL) <> (sku IS NULL)", name="customer_transfer_of_one_thing"),
        sa.CheckConstraint("customer_id <> recipient_id", name="customer_transfer_between_two"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customer_transfers_by_customer", "customer_transfers", ["customer_id", "id"])
    op.create_index("customer_transfers_by_recipient", "customer_transfers", ["recipient_id", "id"])
    dialect = op.get_context().dialect.name
    for table, primary_key in APPEND_ONLY:
        for statement in append_only_triggers(dialect, table, primary_key):
            op.execute(statement)


def downgrade() -> None:
    """Go back while nobody gave anything: whose it is could not be found again."""
    connection = op.get_bind()
    for table, condition in (("customer_transfers", "1 = 1"), ("shared_entries", "1 = 1"), ("purchases", _IS_GIFT)):
        if connection.execute(sa.text(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1")).first() is not None:
            raise LedgerWouldBeLost(f"{table} has rows of gifts or transfers, which revision 0014 does not know")
    op.execute("DELETE FROM counters WHERE key LIKE 'gifts:%' OR key LIKE 'transferred:%'")
    op.drop_table("customer_transfers")
    op.drop_table("shared_entries")
    op.drop_column("entitlements", "given_by")
    op.drop_index("purchases_by_recipient", table_name="purchases")
    op.drop_column("purchases", "recipient_id")
