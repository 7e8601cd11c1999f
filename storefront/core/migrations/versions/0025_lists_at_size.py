"""Indices for the console's lists in a large shop."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from storefront.core.column_types import last4_of

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_LISTED = ["id", "status", "refunded", "dispute", "currency", "kind", "sku", "total", "created_at", "completed_at"]
_INDICES: tuple[tuple[str, str, Sequence[str | sa.ColumnElement[str]]], ...] = (
    ("purchases_as_listed", "purchases", _LISTED),
    ("payments_by_last4", "payments", [last4_of(sa.text("card")), "purchase_id"]),
    ("inbox_by_time", "inbox", ["received_at", "event_id"]),
    ("audit_actions_by_time", "audit_actions", ["recorded_at", "id"]),
    ("audit_actions_about", "audit_actions", ["about", "recorded_at", "id"]),
    ("webhook_deliveries_by_state", "webhook_deliveries", ["endpoint_id", "state", "event_id"]),
    ("webhook_attempts_by_time", "webhook_attempts", ["attempted_at"]),
)
_IS_BESIDE_SALES = sa.text("type NOT IN ('customer.created', 'purchase.pending', 'purchase.completed')")
_IS_NOT_DONE = sa.text("state IN ('received', 'quarantined')")


def upgrade() -> None:
    for name, table, columns in _INDICES:
        op.create_index(name, table, columns)
    op.create_index(
        "events_beside_sales",
        "events",
        ["occurred_at", "id"],
        sqlite_where=_IS_BESIDE_SALES,
        postgresql_where=_IS_BESIDE_SALES,
    )
    _index_what_waits(["state", "received_at", "event_id"])


def downgrade() -> None:
    """Go back at any time: indices hold nothing."""
    for name, table, _ in _INDICES:
        op.drop_index(name, table_name=table)
    op.drop_index("events_beside_sales", table_name="events")
    _index_what_waits(["gateway", "state"])


def _index_what_waits(columns: list[str]) -> None:
    """Index the few events of gateways that are not done in another order."""
    op.drop_index("inbox_not_done", table_name="inbox")
    op.create_index("inbox_not_done", "inbox", columns, sqlite_where=_IS_NOT_DONE, postgresql_where=_IS_NOT_DONE)
