"""Prices of their own catalog version: where a newer one reaches whoever has subscribed."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("subscriptions", "subscriptions_invoices")


def upgrade() -> None:
    """Every price was that of the tier's own catalog version before."""
    for table in _TABLES:
        op.add_column(table, sa.Column("priced_by", TEXT, nullable=True))


def downgrade() -> None:
    """Go back as long as no price has moved: by which catalog it was asked would be lost."""
    for table in _TABLES:
        moved = sa.select(sa.literal(1)).select_from(sa.table(table)).where(sa.column("priced_by").is_not(None))
        if op.get_bind().execute(moved.limit(1)).first() is not None:
            raise LedgerWouldBeLost(f"{table} has prices of another catalog version, which revision 0004 does not know")
    for table in _TABLES:
        op.drop_column(table, "priced_by")
