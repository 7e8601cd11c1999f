"""Where customers get mail, and what became of each."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_addresses",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=True),
        sa.Column("opted_out_at", sa.BigInteger(), nullable=True),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("token", name="mail_addresses_token"),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "mail_messages",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("event_type", TEXT, nullable=False),
        sa.Column("template", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("event_id", name="mail_messages_event"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mail_messages_by_customer", "mail_messages", ["customer_id", "id"])
    op.create_index("mail_messages_by_state", "mail_messages", ["state", "updated_at", "id"])


def downgrade() -> None:
    """Go back: what customers decided about mail is forgotten with it."""
    op.drop_table("mail_messages")
    op.drop_table("mail_addresses")
