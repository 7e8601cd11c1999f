"""Price experiments: variants as they were first offered, who saw which, what was bought under which."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import append_only_triggers
from storefront.core.column_types import TEXT

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEYS = {
    "experiment_variants": ("experiment", "variant"),
    "experiment_exposures": ("experiment", "customer_id"),
    "experiment_purchases": ("purchase_id",),
}


def upgrade() -> None:
    op.create_table(
        "experiment_variants",
        sa.Column("experiment", TEXT, nullable=False),
        sa.Column("variant", TEXT, nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("prices", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment", "variant"),
    )
    op.create_table(
        "experiment_exposures",
        sa.Column("experiment", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("variant", TEXT, nullable=False),
        sa.Column("exposed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment", "customer_id"),
    )
    op.create_index("experiment_exposures_by_customer", "experiment_exposures", ["customer_id"])
    op.create_table(
        "experiment_purchases",
        sa.Column("purchase_id", TEXT, nullable=False),
        sa.Column("experiment", TEXT, nullable=False),
        sa.Column("variant", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("purchase_id"),
    )
    op.create_index("experiment_purchases_by_experiment", "experiment_purchases", ["experiment"])
    dialect = op.get_bind().dialect.name
    for table, key in _KEYS.items():
        for statement in append_only_triggers(dialect, table, key):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(_KEYS):
        op.drop_table(table)
