"""From when on a payout to a new account may be approved."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payouts of before wait for nothing."""
    op.add_column("fanfunding_payouts", sa.Column("approvable_from", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Whoever goes back approves when they like."""
    op.drop_column("fanfunding_payouts", "approvable_from")
