"""Roll-ups of analytics."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analytics_generations",
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("commit_no", sa.BigInteger, nullable=False),
        sa.Column("counted_until", sa.BigInteger, nullable=False),
        sa.Column("folded", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state IN ('building', 'current', 'old')", name="analytics_generation_state_known"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "analytics_rollups",
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("metric", TEXT, primary_key=True),
        sa.Column("asset", TEXT, primary_key=True),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("part", TEXT, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "analytics_members",
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("customer_id", TEXT, primary_key=True),
        sa.Column("joined_day", sa.BigInteger, nullable=True),
        sa.Column("standing", TEXT, nullable=False),
        sa.Column("paid_in", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back at any time: all of it can be computed anew."""
    for name in ("analytics_members", "analytics_rollups", "analytics_generations"):
        op.drop_table(name)
