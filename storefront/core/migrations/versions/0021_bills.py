"""Purchases that a plugin's own billing priced name its bill; declined payments say whether to try again helps."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("purchases", sa.Column("bill", TEXT, nullable=True))
    op.add_column("payments", sa.Column("declined", TEXT, nullable=True))


def downgrade() -> None:
    """Go back as long as no purchase has a bill: without it, its price would seem to be wrong."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM purchases WHERE bill IS NOT NULL LIMIT 1")).first() is not None:
        raise LedgerWouldBeLost("purchases has rows with a bill, which revision 0020 does not know")
    op.drop_column("payments", "declined")
    op.drop_column("purchases", "bill")
