"""Final invoices: what is asked for usage when a subscription has ended."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FINALS = "subscriptions_finals"


def upgrade() -> None:
    """What was left by subscriptions that have ended before stays owed by their families."""
    texts = ("id", "subscription_id", "customer_id", "state", "sku", "catalog_version", "currency", "pay_with", "lines")
    numbers = ("number", "total", "attempts", "failures", "due_at", "created_at")
    op.create_table(
        _FINALS,
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in numbers),
        *(sa.Column(name, TEXT, nullable=True) for name in ("purchase_id", "failed_purchase_id", "reason")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("next_attempt_at", "closed_at")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "number", name="subscriptions_final_once"),
    )
    op.create_index("subscriptions_finals_by_customer", _FINALS, ["customer_id", "state"])


def downgrade() -> None:
    """Go back as long as nothing was asked for by a final invoice."""
    found = sa.select(sa.literal(1)).select_from(sa.table(_FINALS)).limit(1)
    if op.get_bind().execute(found).first() is not None:
        raise LedgerWouldBeLost(f"{_FINALS} has rows, which revision 0006 does not know")
    op.drop_index("subscriptions_finals_by_customer", _FINALS)
    op.drop_table(_FINALS)
