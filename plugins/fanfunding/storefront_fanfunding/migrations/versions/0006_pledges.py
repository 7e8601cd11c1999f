"""All-or-nothing goals and their pledges."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CAMPAIGNS, _PLEDGES = "fanfunding_campaigns", "fanfunding_pledges"
_INDEXES = {
    "fanfunding_pledges_by_goal": ["creator_id", "goal", "state"],
    "fanfunding_pledges_by_customer": ["customer_id"],
    "fanfunding_pledges_by_setup": ["setup_id"],
    "fanfunding_pledges_by_purchase": ["purchase_id"],
}


def upgrade() -> None:
    op.create_table(
        _CAMPAIGNS,
        *(sa.Column(name, TEXT, nullable=False) for name in ("creator_id", "goal", "title", "currency")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("target", "deadline", "min_collected")),
        sa.Column("state", TEXT, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("pledged", "backers", "collected")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "updated_at")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("closed_at", "settled_at")),
        sa.PrimaryKeyConstraint("creator_id", "goal"),
    )
    op.create_table(
        _PLEDGES,
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "creator_id", "goal", "customer_id")),
        sa.Column("is_guest", sa.BigInteger(), nullable=False),
        sa.Column("country", TEXT, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "message")),
        sa.Column("is_anonymous", sa.BigInteger(), nullable=False),
        sa.Column("held_for", TEXT, nullable=True),
        sa.Column("currency", TEXT, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("amount", "worth")),
        sa.Column("tier", TEXT, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("gives", "rates")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("share", "hold_ms")),
        sa.Column("pay_with", TEXT, nullable=False),
        *(sa.Column(name, TEXT, nullable=True) for name in ("setup_id", "method", "hold_id")),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("attempts", "failures")),
        *(sa.Column(name, TEXT, nullable=True) for name in ("purchase_id", "failed_purchase_id", "tip_id")),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "updated_at")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("opened_at", "closed_at")),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, _PLEDGES, columns)


def downgrade() -> None:
    """Go back only as long as nobody has pledged: what is set aside would be nobody's."""
    found = sa.select(sa.literal(1)).select_from(sa.table(_PLEDGES)).limit(1)
    if op.get_bind().execute(found).first() is not None:
        raise LedgerWouldBeLost(f"{_PLEDGES} has pledges, which revision 0005 does not know")
    for name in _INDEXES:
        op.drop_index(name, _PLEDGES)
    op.drop_table(_PLEDGES)
    op.drop_table(_CAMPAIGNS)
