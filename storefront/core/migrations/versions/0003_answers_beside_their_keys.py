"""Idempotency records keep their answers apart from their keys.

A table without rowid keeps whole rows in its key's tree, and what is longer than a quarter of a page on a page
of its own: every purchase wrote 4 KB for an answer of 900 bytes, and moved its neighbours about. With a rowid
the answers are appended, four a page, and the tree holds keys alone.
"""

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = "caller, operation, key, fingerprint, object_id, state, status, body, created_at"


def upgrade() -> None:
    _rebuild(with_rowid=True)


def downgrade() -> None:
    _rebuild(with_rowid=False)


def _rebuild(*, with_rowid: bool) -> None:
    """Move the rows to a table that is stored otherwise. On PostgreSQL rows never lay in their key's tree."""
    if op.get_context().dialect.name != "sqlite":
        return
    op.create_table(
        "idempotency_moved",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("object_id", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'answered')", name="idempotency_state_known"),
        sa.PrimaryKeyConstraint("caller", "operation", "key"),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(f"INSERT INTO idempotency_moved ({_COLUMNS}) SELECT {_COLUMNS} FROM idempotency")
    op.execute("DROP TABLE idempotency")
    op.execute("ALTER TABLE idempotency_moved RENAME TO idempotency")
