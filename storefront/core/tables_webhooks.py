"""The tables of outgoing webhooks. All rows of an endpoint hang under an anchor of its own, ``webhook:<id>``.

No secret lies here: those of an endpoint are derived from its id, ``secret_number`` and the server's own key.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, text

from storefront.core.column_types import TEXT
from storefront.core.tables_base import metadata

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("url", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("event_types", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("reason", TEXT, nullable=True),
    Column("secret_number", Integer, nullable=False),
    Column("previous_secret_until", BigInteger, nullable=False),
    Column("cursor_commit_no", BigInteger, nullable=False),
    Column("cursor_anchor", TEXT, nullable=False),
    Column("cursor_sequence", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('enabled', 'paused', 'disabled', 'deleted')", name="webhook_endpoint_state_known"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("endpoint_id", TEXT, primary_key=True),
    Column("event_id", TEXT, primary_key=True),
    Column("event_type", TEXT, nullable=False),
    Column("commit_no", BigInteger, nullable=False),
    Column("anchor", TEXT, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
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
    sqlite_with_rowid=False,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("endpoint_id", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("attempted_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=True),
    Column("latency_ms", BigInteger, nullable=True),
    Column("error", TEXT, nullable=True),
    Column("excerpt", TEXT, nullable=False),
    Index("webhook_attempts_by_delivery", "endpoint_id", "event_id"),
)
