"""Pay per use: ids of usage events, sums by hour and by period, what is metered and billed, lines of closed periods."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers
from storefront.core.column_types import TEXT

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("usage_lines", "usage_uniques", "usage_accounts", "usage_periods", "usage_windows", "usage_ids")


def _text(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=null) for name in names]


def _number(*names: str, null: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=null) for name in names]


def _start() -> sa.Column[int]:
    return sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False)


def upgrade() -> None:
    op.create_table(
        "usage_ids", *_text("hash"), *_number("received_at"), sa.PrimaryKeyConstraint("hash"), sqlite_with_rowid=False
    )
    op.create_index("usage_ids_by_age", "usage_ids", ["received_at"])
    op.create_table(
        "usage_windows",
        *_text("customer_id", "meter"),
        _start(),
        *_text("quantity"),
        *_number("events"),
        *_number("latest_at", null=True),
        sa.PrimaryKeyConstraint("customer_id", "meter", "start"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_periods",
        *_text("customer_id", "meter", "charge"),
        _start(),
        *_number("ends_at", null=True),
        *_text("quantity", "cost"),
        *_number("events"),
        *_number("latest_at", null=True),
        *_text("lined"),
        sa.Column("lines", sa.Integer(), nullable=False),
        *_number("close_at"),
        sa.PrimaryKeyConstraint("customer_id", "meter", "charge", "start"),
        sqlite_with_rowid=False,
    )
    _accounts()
    op.create_table(
        "usage_uniques",
        *_text("customer_id", "meter"),
        _start(),
        *_text("value"),
        *_number("seen_at"),
        sa.PrimaryKeyConstraint("customer_id", "meter", "start", "value"),
        sqlite_with_rowid=False,
    )
    op.create_index("usage_uniques_by_age", "usage_uniques", ["seen_at"])
    _lines()


def _accounts() -> None:
    op.create_table(
        "usage_accounts",
        *_text("customer_id", "charge", "id", "feature", "asset", "metered", "billed", "unbilled"),
        *_text("hold_id", null=True),
        *_number("drain_at"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("is_owed", "is_exhausted", "is_low")),
        sa.PrimaryKeyConstraint("customer_id", "charge"),
        sa.UniqueConstraint("id"),
        sqlite_with_rowid=False,
    )


def _lines() -> None:
    op.create_table(
        "usage_lines",
        *_text("id", "customer_id", "feature", "meter", "charge", "kind"),
        *_number("start", "ends_at", "number"),
        *_text("quantity", "cost"),
        *_number("amount"),
        *_text("currency"),
        *_number("created_at"),
        sa.CheckConstraint("kind IN ('period', 'correction')", name="usage_line_kind_known"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("usage_lines_by_customer", "usage_lines", ["customer_id", "id"])
    for statement in append_only_triggers(op.get_context().dialect.name, "usage_lines", ("id",)):
        op.execute(statement)


def downgrade() -> None:
    """Go back while nothing was ever charged by use: what is pending in a wallet could not be billed any more."""
    connection = op.get_bind()
    for table in ("usage_accounts", "usage_lines", "usage_periods"):
        if connection.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise LedgerWouldBeLost(f"{table} has rows that revision 0014 has no place for")
    for table in TABLES:
        op.drop_table(table)
