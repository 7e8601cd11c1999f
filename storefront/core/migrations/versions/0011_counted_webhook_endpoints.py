"""The count of the webhook endpoints, so that the commit that makes one can hold to the cap."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO counters (key, anchor, value) SELECT 'webhook_endpoints', 'webhook_endpoints', count(*) "
        "FROM webhook_endpoints WHERE state <> 'deleted' GROUP BY 1, 2"
    )


def downgrade() -> None:
    op.execute("DELETE FROM counters WHERE key = 'webhook_endpoints'")
