"""Customers that were merged: into whom, when, and that nothing is written under their anchor any more."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_IS_MERGED = sa.text("merged_into IS NOT NULL")


def upgrade() -> None:
    op.add_column("customers", sa.Column("merged_into", TEXT, nullable=True))
    op.add_column("customers", sa.Column("merged_at", sa.BigInteger, nullable=True))
    op.create_index(
        "customers_merged", "customers", ["merged_into"], sqlite_where=_IS_MERGED, postgresql_where=_IS_MERGED
    )
    op.add_column("anchors", sa.Column("merged_into", TEXT, nullable=True))


def downgrade() -> None:
    """Go back while nobody was merged: whose the books of a merged customer are could not be found again."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM customers WHERE merged_into IS NOT NULL LIMIT 1")).first():
        raise LedgerWouldBeLost("Customers were merged: which account became which would be forgotten.")
    op.drop_column("anchors", "merged_into")
    op.drop_index("customers_merged", table_name="customers")
    op.drop_column("customers", "merged_at")
    op.drop_column("customers", "merged_into")
