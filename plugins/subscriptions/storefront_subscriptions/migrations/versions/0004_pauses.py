"""Pauses: from when to when nothing was paid, and why."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE = "subscriptions_pauses"


def upgrade() -> None:
    """Nothing was paused before."""
    texts = ("id", "subscription_id", "customer_id", "state", "cause")
    numbers = ("period", "starts_at", "keeps_anchor", "credit", "returned", "created_at")
    op.create_table(
        _TABLE,
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("resume_at", "resumed_at", "closed_at")),
        sa.Column("invoice_id", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("subscriptions_pauses_of", _TABLE, ["subscription_id", "id"])
    op.create_index("subscriptions_pauses_by_invoice", _TABLE, ["invoice_id"])
    op.add_column("subscriptions", sa.Column("pause_id", TEXT, nullable=True))


def downgrade() -> None:
    """Go back as long as nobody has paused: why nothing was paid for that time would be lost."""
    if op.get_bind().execute(sa.select(sa.literal(1)).select_from(sa.table(_TABLE)).limit(1)).first() is not None:
        raise LedgerWouldBeLost(f"{_TABLE} has rows, which revision 0003 does not know")
    op.drop_column("subscriptions", "pause_id")
    op.drop_index("subscriptions_pauses_by_invoice", _TABLE)
    op.drop_index("subscriptions_pauses_of", _TABLE)
    op.drop_table(_TABLE)
