"""Tickets and draws."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "raffle_tickets",
        sa.Column("raffle", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("bought_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("raffle", "number"),
    )
    op.create_index("raffle_tickets_by_customer", "raffle_tickets", ["customer_id", "bought_at"])
    op.create_table(
        "raffle_draws",
        sa.Column("raffle", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("raffle"),
    )


def downgrade() -> None:
    op.drop_table("raffle_draws")
    op.drop_index("raffle_tickets_by_customer", "raffle_tickets")
    op.drop_table("raffle_tickets")
