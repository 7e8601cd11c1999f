"""Freezes are found by what they wait for: a dispute that is lost goes on waiting for holds, as long as that is owed."""

import sqlalchemy as sa
from alembic import op

from storefront.core.append_only import LedgerWouldBeLost

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_IS_OPEN, _WAITS = sa.text("state = 'open'"), sa.text("waiting <> '[]'")


def upgrade() -> None:
    op.drop_index("freezes_open", table_name="freezes")
    op.create_index("freezes_waiting", "freezes", ["customer_id"], sqlite_where=_WAITS, postgresql_where=_WAITS)


def downgrade() -> None:
    """Go back while no debt waits for a hold: what the hold gives back would be free for whoever owes it."""
    waiting = sa.text("SELECT 1 FROM freezes WHERE state = 'taken' AND waiting <> '[]' LIMIT 1")
    if op.get_bind().execute(waiting).first() is not None:
        raise LedgerWouldBeLost("freezes has rows that wait for holds to pay a debt, which revision 0012 does not know")
    op.drop_index("freezes_waiting", table_name="freezes")
    op.create_index("freezes_open", "freezes", ["customer_id"], sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
