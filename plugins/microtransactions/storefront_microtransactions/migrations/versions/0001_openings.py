"""Openings of containers, and the seeds of the next ones."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPENINGS = "microtransactions_openings"


def upgrade() -> None:
    op.create_table(
        "microtransactions_seeds",
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seed", TEXT, nullable=False),
        sa.Column("commitment", TEXT, nullable=False),
        sa.Column("run_key", TEXT, nullable=True),
        sa.Column("run_times", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "sku"),
    )
    op.create_table(
        _OPENINGS,
        sa.Column("id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seed", TEXT, nullable=False),
        sa.Column("commitment", TEXT, nullable=False),
        sa.Column("client_seed", TEXT, nullable=False),
        sa.Column("odds_version", TEXT, nullable=False),
        sa.Column("run_key", TEXT, nullable=True),
        sa.Column("run_times", sa.BigInteger(), nullable=False),
        sa.Column("drawn", TEXT, nullable=False),
        sa.Column("gave", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=True),
        sa.Column("next_commitment", TEXT, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "sku", "number", name="microtransactions_opening_once"),
    )
    op.create_index("microtransactions_openings_by_odds", _OPENINGS, ["sku", "odds_version"])
    for statement in append_only_triggers(op.get_bind().dialect.name, _OPENINGS, ["id"]):
        op.execute(statement)


def downgrade() -> None:
    # An opening is the only proof of how its goods were drawn, and what a reversal may take instead of a container.
    some = sa.text("SELECT 1 FROM microtransactions_openings LIMIT 1")
    if op.get_bind().execute(some).first() is not None:
        raise LedgerWouldBeLost(f"{_OPENINGS} has rows that prove what was drawn")
    op.drop_index("microtransactions_openings_by_odds", _OPENINGS)
    op.drop_table(_OPENINGS)
    op.drop_table("microtransactions_seeds")
