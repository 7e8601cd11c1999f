"""How often a sender comes on screen, whom a creator has blocked, and messages that are not shown."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIPS = "fanfunding_tips"


def upgrade() -> None:
    """Of tips before, all came on screen, with their messages."""
    op.add_column(_TIPS, sa.Column("is_name_only", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(_TIPS, sa.Column("max_per_minute", sa.BigInteger(), nullable=True))
    op.add_column(_TIPS, sa.Column("sender", TEXT, nullable=True))
    op.create_table(
        "fanfunding_paces",
        sa.Column("creator_id", TEXT, nullable=False),
        sa.Column("recent", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("creator_id"),
    )
    op.create_table(
        "fanfunding_blocks",
        sa.Column("creator_id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "customer_id"),
    )


def downgrade() -> None:
    """Nobody is blocked any more."""
    op.drop_table("fanfunding_blocks")
    op.drop_table("fanfunding_paces")
    for name in ("sender", "max_per_minute", "is_name_only"):
        op.drop_column(_TIPS, name)
