"""The tables of outgoing webhooks. All rows of an endpoint hang under an anchor of its own, ``webhook:<id>``.

No secret lies here: those of an endpoint are derived from its id, ``secret_number`` and the server's own key.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, text

from storefront.core.tables_base import key_column, metadata, number_column, text_column

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    key_column("id"),
    text_column("url"),
    text_column("description"),
    text_column("event_types"),
    text_column("state"),
    text_column("reason", null=True),
    Column("secret_number", Integer, nullable=False),
    number_column("previous_secret_until"),
    number_column("cursor_commit_no"),
    text_column("cursor_anchor"),
    number_column("cursor_sequence"),
    number_column("created_at"),
    CheckConstraint("state IN ('enabled', 'paused', 'disabled', 'deleted')", name="webhook_endpoint_state_known"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    key_column("endpoint_id"),
    key_column("event_id"),
    text_column("event_type"),
    number_column("commit_no"),
    text_column("anchor"),
    number_column("sequence"),
    text_column("state"),
    Column("attempts", Integer, nullable=False),
    number_column("due_at"),
    number_column("created_at"),
    number_column("closed_at", null=True),
    CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="webhook_delivery_state_known"),
    Index(
        "webhook_deliveries_waiting",
        "endpoint_id",
        "due_at",
        "commit_no",
        "anchor",
        "sequence",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("webhook_deliveries_closed", "closed_at"),
    Index("webhook_deliveries_by_state", "endpoint_id", "state", "event_id"),
    sqlite_with_rowid=False,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    key_column("id"),
    text_column("endpoint_id"),
    text_column("event_id"),
    number_column("attempted_at"),
    Column("status", Integer, nullable=True),
    number_column("latency_ms", null=True),
    text_column("error", null=True),
    text_column("excerpt"),
    Index("webhook_attempts_by_delivery", "endpoint_id", "event_id"),
    Index("webhook_attempts_by_time", "attempted_at"),
)
