"""Automatic top-ups: their terms, each time that one began, and the threshold on the wallet that is spent from."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost
from storefront.core.column_types import TEXT

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("state IN ('due', 'charging', 'action_required')")


def upgrade() -> None:
    op.add_column("accounts", sa.Column("top_up_below", sa.BigInteger, nullable=True))
    op.add_column("purchases", sa.Column("auto_top_up", TEXT, nullable=True))
    _create_terms()
    _create_runs()


def _create_terms() -> None:
    op.create_table(
        "auto_top_ups",
        sa.Column("customer_id", TEXT, primary_key=True),
        sa.Column("asset", TEXT, primary_key=True),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("below", sa.BigInteger, nullable=False),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("at_most", sa.BigInteger, nullable=False),
        sa.Column("daily_cap", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("retry_at", sa.BigInteger, nullable=True),
        sa.Column("agreed_at", sa.BigInteger, nullable=False),
        sa.Column("agreed_text", TEXT, nullable=False),
        sa.Column("agreed_by", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state IN ('on', 'waiting', 'paused', 'off')", name="auto_top_up_state_known"),
        sa.CheckConstraint(
            "below >= 1 AND quantity >= 1 AND at_most >= 1 AND daily_cap >= at_most", name="auto_top_up_terms_sane"
        ),
        sqlite_with_rowid=False,
    )


def _create_runs() -> None:
    op.create_table(
        "auto_top_up_runs",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("below", sa.BigInteger, nullable=False),
        sa.Column("available", sa.BigInteger, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger, nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'charging', 'action_required', 'completed', 'failed')",
            name="auto_top_up_run_state_known",
        ),
    )
    op.create_index("auto_top_up_runs_by_wallet", "auto_top_up_runs", ["customer_id", "asset", "id"])
    op.create_index(
        "auto_top_up_open_once",
        "auto_top_up_runs",
        ["customer_id", "asset"],
        unique=True,
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    )


def downgrade() -> None:
    """Go back as long as none is under way: its charge would come to a purchase that nobody knows the cause of."""
    under_way = sa.text(f"SELECT 1 FROM auto_top_up_runs WHERE {_IS_OPEN} LIMIT 1")  # noqa: S608
    if op.get_bind().execute(under_way).first() is not None:
        raise LedgerWouldBeLost("auto_top_up_runs has rows that are under way, which revision 0014 does not know")
    op.drop_table("auto_top_up_runs")
    op.drop_table("auto_top_ups")
    op.drop_column("purchases", "auto_top_up")
    op.drop_column("accounts", "top_up_below")
