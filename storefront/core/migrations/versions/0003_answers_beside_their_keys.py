"""Idempotency records keep their answers apart from their keys.

A table without rowid keeps whole rows in its key's tree, and what is longer than a quarter of a page on a page
of its own: every purchase wrote 4 KB for an answer of 900 bytes, and moved its neighbours about. With a rowid
the answers are appended, four a page, and the tree holds keys alone.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = "caller, operation, key, fingerprint, object_id, state, status, body, created_at"


def upgrade() -> None:
    _rebuild("")


def downgrade() -> None:
    _rebuild(" WITHOUT ROWID")


def _rebuild(storage: str) -> None:
    """Move the rows to a table that is stored otherwise. On PostgreSQL rows never lay in their key's tree."""
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute(
        f"""
        CREATE TABLE idempotency_moved (
            caller TEXT NOT NULL,
            operation TEXT NOT NULL,
            "key" TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            object_id TEXT,
            state TEXT NOT NULL,
            status INTEGER,
            body BLOB,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (caller, operation, "key"),
            CONSTRAINT idempotency_state_known CHECK (state IN ('open', 'answered'))
        ){storage}
        """
    )
    op.execute(f"INSERT INTO idempotency_moved ({_COLUMNS}) SELECT {_COLUMNS} FROM idempotency")
    op.execute("DROP TABLE idempotency")
    op.execute("ALTER TABLE idempotency_moved RENAME TO idempotency")
