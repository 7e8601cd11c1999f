"""Reviews, and payments that are judged before their money is taken."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_IS_WAITING = sa.text("state IN ('open', 'deciding')")


def upgrade() -> None:
    op.add_column("payments", sa.Column("is_screened", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("payments", sa.Column("asks_challenge", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("payments", sa.Column("verdict", TEXT, nullable=True))
    op.add_column("payments", sa.Column("authorized_until", sa.BigInteger, nullable=True))
    op.create_table(
        "reviews",
        sa.Column("purchase_id", TEXT, sa.ForeignKey("purchases.id"), primary_key=True),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("money", TEXT, nullable=False),
        sa.Column("hold_id", TEXT, nullable=True),
        sa.Column("reasons", TEXT, nullable=False),
        sa.Column("decision", TEXT, nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("decided_why", TEXT, nullable=True),
        sa.Column("decided_at", sa.BigInteger, nullable=True),
        sa.Column("opened_at", sa.BigInteger, nullable=True),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("closed_at", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state IN ('awaiting', 'open', 'deciding', 'closed')", name="review_state_known"),
        sa.CheckConstraint("money IN ('none', 'hold', 'authorized', 'received')", name="review_money_known"),
        sa.CheckConstraint(
            "decision IS NULL OR decision IN ('approved', 'rejected', 'expired', 'canceled')",
            name="review_decision_known",
        ),
    )
    op.create_index("reviews_by_time", "reviews", ["created_at", "purchase_id"])
    op.create_index(
        "reviews_waiting", "reviews", ["created_at"], sqlite_where=_IS_WAITING, postgresql_where=_IS_WAITING
    )


def downgrade() -> None:
    """Go back as long as nothing is held for a review: nobody would take that money, or give it back."""
    waiting = (
        "SELECT 1 FROM purchases WHERE status = 'in_review' "
        "UNION ALL SELECT 1 FROM payments WHERE state = 'authorized' LIMIT 1"
    )
    if op.get_bind().execute(sa.text(waiting)).first() is not None:
        raise LedgerWouldBeLost("money is held for purchases in review, which revision 0021 does not know")
    op.drop_table("reviews")
    for column in ("authorized_until", "verdict", "asks_challenge", "is_screened"):
        op.drop_column("payments", column)
