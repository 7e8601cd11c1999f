"""Overlays: the token of each creator's, and whether their queue is paused or hidden."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OVERLAYS = "fanfunding_overlays"


def upgrade() -> None:
    op.create_table(
        _OVERLAYS,
        sa.Column("creator_id", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("is_paused", "is_hidden", "free_at")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("creator_id"),
    )
    op.create_index("fanfunding_overlays_by_digest", _OVERLAYS, ["digest"], unique=True)


def downgrade() -> None:
    """Go back: links of overlays stop."""
    op.drop_table(_OVERLAYS)
