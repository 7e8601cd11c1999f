"""Indices over the few rows that wait, so that the metrics count them without reading everything."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INDICES = (
    ("purchases_pending", "purchases", ["created_at"], "status = 'pending'"),
    ("reversals_waiting", "reversals", ["cause"], "state IN ('pending', 'open')"),
    ("inbox_not_done", "inbox", ["gateway", "state"], "state IN ('received', 'quarantined')"),
)


def upgrade() -> None:
    for name, table, columns, condition in _INDICES:
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, table, _, _ in reversed(_INDICES):
        op.drop_index(name, table_name=table)
