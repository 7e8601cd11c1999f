"""Commands for game servers."""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('queued', 'leased')")
_OPEN_TO_ALL = sa.text("state IN ('queued', 'leased') AND online_only = 0")
_LEASED = sa.text("state = 'leased'")
_DEAD = sa.text("state = 'dead'")
_IS_DRAWN = sa.text("opening_id IS NOT NULL")
_TABLE = "microtransactions_commands"


def _index(name: str, columns: list[str], where: sa.TextClause | None = None) -> None:
    op.create_index(f"{_TABLE}_{name}", _TABLE, columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", TEXT, nullable=False),
        sa.Column("server", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("player", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("purchase_id", TEXT, nullable=True),
        sa.Column("opening_id", TEXT, nullable=True),
        sa.Column("reversal_id", TEXT, nullable=True),
        sa.Column("sku", TEXT, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("template", TEXT, nullable=False),
        sa.Column("command", TEXT, nullable=True),
        sa.Column("online_only", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_id", TEXT, nullable=True),
        sa.Column("leased_by", TEXT, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("canceled_for", TEXT, nullable=True),
        sa.Column("resend_of", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'leased', 'done', 'dead', 'canceled')", name="command_state_known"),
        sa.CheckConstraint("(closed_at IS NULL) = (state IN ('queued', 'leased'))", name="command_closed_when_over"),
        sa.CheckConstraint("(state <> 'leased') OR (lease_id IS NOT NULL)", name="command_leased_by_somebody"),
        sa.CheckConstraint("(state NOT IN ('queued', 'leased')) OR (command IS NOT NULL)", name="command_is_written"),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("open", ["server", "player", "position"], _OPEN)
    _index("for_all", ["server", "due_at"], _OPEN_TO_ALL)
    _index("leased", ["lease_id"], _LEASED)
    _index("dead", ["server"], _DEAD)
    _index("by_purchase", ["purchase_id"])
    _index("by_opening", ["opening_id"], _IS_DRAWN)
    _index("by_time", ["created_at", "id"])


def downgrade() -> None:
    for name in ("by_time", "by_opening", "by_purchase", "dead", "leased", "for_all", "open"):
        op.drop_index(f"{_TABLE}_{name}", _TABLE)
    op.drop_table(_TABLE)
