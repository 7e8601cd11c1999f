"""Outgoing webhooks: who gets events, what was delivered, and every attempt."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("event_types", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("secret_number", sa.Integer(), nullable=False),
        sa.Column("previous_secret_until", sa.BigInteger(), nullable=False),
        sa.Column("cursor_commit_no", sa.BigInteger(), nullable=False),
        sa.Column("cursor_anchor", TEXT, nullable=False),
        sa.Column("cursor_sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('enabled', 'paused', 'disabled', 'deleted')", name="webhook_endpoint_state_known"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("event_type", TEXT, nullable=False),
        sa.Column("commit_no", sa.BigInteger(), nullable=False),
        sa.Column("anchor", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="webhook_delivery_state_known"),
        sa.PrimaryKeyConstraint("endpoint_id", "event_id"),
        sqlite_with_rowid=False,
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "webhook_deliveries_waiting",
        "webhook_deliveries",
        ["endpoint_id", "due_at", "commit_no", "anchor", "sequence"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("webhook_deliveries_closed", "webhook_deliveries", ["closed_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("attempted_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.BigInteger(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("excerpt", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_attempts_by_delivery", "webhook_attempts", ["endpoint_id", "event_id"])


def downgrade() -> None:
    op.drop_table("webhook_attempts")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
