"""From where the saving of a payment method was begun, while it is open: declined cards count there, too."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("setups", sa.Column("network", TEXT, nullable=True))


def downgrade() -> None:
    op.drop_column("setups", "network")
