"""What the anomaly and meter scores remember, and on decisions what they said."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TO_LEARN = sa.text("to_learn > 0")


def upgrade() -> None:
    op.add_column("fraud_decisions", sa.Column("behaviour", TEXT, nullable=True))
    op.add_column("fraud_decisions", sa.Column("anomaly", TEXT, nullable=True))
    op.add_column(
        "fraud_decisions", sa.Column("to_learn", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )
    op.create_index("fraud_decisions_to_learn", "fraud_decisions", ["to_learn", "created_at"],
                    sqlite_where=_TO_LEARN, postgresql_where=_TO_LEARN)  # fmt: skip
    op.create_table(
        "fraud_profiles",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("profile", TEXT, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("fraud_profiles_by_age", "fraud_profiles", ["updated_at"])
    op.create_table(
        "fraud_shared",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("salt", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("world", TEXT, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "fraud_meters",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("meter", TEXT, nullable=False),
        sa.Column("profile", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.Column("highest", sa.BigInteger(), nullable=True),
        sa.Column("highest_at", sa.BigInteger(), nullable=True),
        sa.Column("reasons", TEXT, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "meter"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back: what was learned is forgotten; no money hangs on it."""
    for name in ("fraud_meters", "fraud_shared", "fraud_profiles"):
        op.drop_table(name)
    op.drop_index("fraud_decisions_to_learn", table_name="fraud_decisions")
    for name in ("to_learn", "anomaly", "behaviour"):
        op.drop_column("fraud_decisions", name)
