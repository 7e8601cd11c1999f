"""Erasures of customers, and guards that let an erasure write over texts about a person."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost, append_only_triggers, redactable_triggers
from storefront.core.column_types import TEXT

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_REDACTABLE = {
    "events": (
        ("anchor", "sequence"),
        ("anchor", "sequence", "id", "commit_no", "type", "subject", "occurred_at", "recorded_at", "payload"),
    ),
    "audit_actions": (("id",), ("id", "actor", "action", "about", "facts", "occurred_at", "recorded_at")),
    "grants": (
        ("id",),
        ("id", "customer_id", "asset", "amount", "sku", "quantity", "reason", "actor", "entry_id", "expires_at",
         "created_at"),
    ),
}  # fmt: skip
"""Table -> its primary key, all its columns."""
_IS_ERASING = sa.text("state = 'erasing'")


def upgrade() -> None:
    op.add_column("customers", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "erasures",
        sa.Column("customer_id", TEXT, sa.ForeignKey("customers.id"), primary_key=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("words", TEXT, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_sessions_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('erasing', 'done')", name="erasure_state_known"),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="erasure_done_when_over"),
        sa.CheckConstraint("state = 'erasing' OR words IS NULL", name="erasure_forgets_its_words"),
    )
    op.create_index("erasures_by_request", "erasures", ["request"])
    op.create_index(
        "erasures_under_way", "erasures", ["state"], sqlite_where=_IS_ERASING, postgresql_where=_IS_ERASING
    )
    dialect = op.get_context().dialect.name
    for table, (_, columns) in _REDACTABLE.items():
        _replace(dialect, table, redactable_triggers(dialect, table, columns))


def downgrade() -> None:
    """Go back while nobody was erased: without their tombstones the game's ids would look like mistakes.

    Raises:
        LedgerWouldBeLost: somebody was erased.
    """
    if op.get_bind().execute(sa.text("SELECT 1 FROM erasures LIMIT 1")).first() is not None:
        raise LedgerWouldBeLost("erasures (somebody was erased, and the revision before does not know it)")
    dialect = op.get_context().dialect.name
    for table, (primary_key, _) in _REDACTABLE.items():
        _replace(dialect, table, list(_strict(dialect, table, primary_key)))
    if dialect == "postgresql":
        op.execute("DROP FUNCTION storefront_redactable()")
    op.drop_table("erasures")
    op.drop_column("customers", "erased_at")


def _replace(dialect: str, table: str, guards: list[str]) -> None:
    """Put another guard in the place of the one that refuses every UPDATE."""
    op.execute(f"DROP TRIGGER {table}_no_change ON {table}" if dialect == "postgresql" else f"DROP TRIGGER {table}_no_update")
    for guard in guards:
        op.execute(guard)


def _strict(dialect: str, table: str, primary_key: tuple[str, ...]) -> Iterator[str]:
    names = (f"CREATE TRIGGER {table}_no_change ", f"CREATE TRIGGER {table}_no_update ")
    yield from (one for one in append_only_triggers(dialect, table, primary_key) if one.startswith(names))
