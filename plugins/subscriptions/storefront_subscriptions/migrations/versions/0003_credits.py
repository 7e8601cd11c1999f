"""Included credits: what each slot granted."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLE = "subscriptions_credits"


def upgrade() -> None:
    """Nothing was granted before."""
    texts = ("id", "subscription_id", "customer_id", "asset", "every", "cause", "purchase_id", "invoice_id")
    numbers = ("slot_start", "slot_end", "number", "amount", "target", "created_at")
    op.create_table(
        _TABLE,
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "asset", "every", "slot_start", "number",
                            name="subscriptions_credit_once"),
    )  # fmt: skip
    op.create_index("subscriptions_credits_by_customer", _TABLE, ["customer_id", "asset"])


def downgrade() -> None:
    """Go back as long as nothing was granted: it would be granted again."""
    if op.get_bind().execute(sa.select(sa.literal(1)).select_from(sa.table(_TABLE)).limit(1)).first() is not None:
        raise LedgerWouldBeLost(f"{_TABLE} has rows, which revision 0002 does not know")
    op.drop_index("subscriptions_credits_by_customer", _TABLE)
    op.drop_table(_TABLE)
