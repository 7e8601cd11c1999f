"""An index over the few payments that keep from where they were begun, so that it is forgotten without reading all."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_HAS_NETWORK = sa.text("network IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "payments_with_network", "payments", ["created_at"], sqlite_where=_HAS_NETWORK, postgresql_where=_HAS_NETWORK
    )


def downgrade() -> None:
    op.drop_index("payments_with_network", table_name="payments")
