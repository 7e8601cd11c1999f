"""Gifts of periods: who gave how many, and which periods they paid."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE = "subscriptions_gifts"


def upgrade() -> None:
    """Nothing was given before."""
    texts = ("id", "giver_id", "customer_id", "family", "sku", "catalog_version", "interval", "currency", "pay_with",
             "purchase_id", "state")  # fmt: skip
    numbers = ("price", "seats", "periods", "remaining", "created_at")
    op.create_table(
        _TABLE,
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.Column("subscription_id", TEXT, nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("purchase_id", name="subscriptions_gift_once"),
    )
    op.create_index("subscriptions_gifts_by_customer", _TABLE, ["customer_id", "state"])
    op.create_index("subscriptions_gifts_of", _TABLE, ["subscription_id", "id"])
    op.add_column("subscriptions", sa.Column("gifted", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("subscriptions_invoices", sa.Column("gift_id", TEXT, nullable=True))


def downgrade() -> None:
    """Go back as long as nobody has given anything: what was paid for others would be lost."""
    if op.get_bind().execute(sa.select(sa.literal(1)).select_from(sa.table(_TABLE)).limit(1)).first() is not None:
        raise LedgerWouldBeLost(f"{_TABLE} has rows, which revision 0004 does not know")
    op.drop_column("subscriptions_invoices", "gift_id")
    op.drop_column("subscriptions", "gifted")
    op.drop_index("subscriptions_gifts_of", _TABLE)
    op.drop_index("subscriptions_gifts_by_customer", _TABLE)
    op.drop_table(_TABLE)
