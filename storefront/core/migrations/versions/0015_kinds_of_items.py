"""Items whose units are things of their own, with serial numbers."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_IS_OWNED = sa.text("taken_at IS NULL")


def upgrade() -> None:
    op.add_column("items", sa.Column("is_unique", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_table(
        "item_instances",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("frozen_by", TEXT, nullable=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("taken_for", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sku", "number", name="item_number_once"),
        sa.CheckConstraint("number >= 1", name="item_number_sane"),
        sa.CheckConstraint("(taken_at IS NULL) = (taken_for IS NULL)", name="item_taken_for_something"),
    )
    op.create_index(
        "item_instances_owned",
        "item_instances",
        ["customer_id", "sku"],
        sqlite_where=_IS_OWNED,
        postgresql_where=_IS_OWNED,
    )


def downgrade() -> None:
    # A number that was given says who got which of so many: it would be given a second time.
    if op.get_bind().execute(sa.text("SELECT count(*) FROM item_instances")).scalar():
        raise LedgerWouldBeLost("item_instances holds serial numbers that were given")
    op.drop_index("item_instances_owned", table_name="item_instances")
    op.drop_table("item_instances")
    op.drop_column("items", "is_unique")
