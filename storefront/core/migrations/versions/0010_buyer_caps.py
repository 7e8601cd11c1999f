"""Counts of the purchases that wait for their payment, and from where a payment was begun while it waits."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("network", TEXT, nullable=True))
    op.execute(
        "INSERT INTO counters (key, anchor, value) SELECT 'pending:' || customer_id, customer_id, count(*) "
        "FROM purchases WHERE status = 'pending' GROUP BY customer_id"
    )


def downgrade() -> None:
    op.execute("DELETE FROM counters WHERE key LIKE 'pending:%' OR key LIKE 'declined:%'")
    op.drop_column("payments", "network")
